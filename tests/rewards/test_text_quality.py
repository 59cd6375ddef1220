"""Fluency, novelty and constraints: what degenerate texts earn."""

from __future__ import annotations

import random

import pytest

from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardContext, RewardError, fitting, make_reward
from llm_envs.rewards.forms import FORMS
from llm_envs.rewards.ngram_model import NgramModel
from llm_envs.tokenizers.words import is_word, tokens_of

NOUNS = [
    "sea",
    "moon",
    "rain",
    "wind",
    "gull",
    "stone",
    "river",
    "light",
    "door",
    "wall",
    "night",
    "snow",
    "field",
    "road",
    "tree",
]
VERBS = [
    "sings",
    "waits",
    "falls",
    "turns",
    "sleeps",
    "walks",
    "burns",
    "breaks",
    "shines",
    "drifts",
]
ADJECTIVES = ["old", "cold", "grey", "quiet", "small", "bright", "lost", "slow"]


def poem(rng):
    lines = []
    for _ in range(4):
        noun, other = rng.sample(NOUNS, 2)
        adjective, verb = rng.choice(ADJECTIVES), rng.choice(VERBS)
        lines.append(
            rng.choice(
                [
                    f"The {adjective} {noun} {verb} over the {other}.",
                    f"A {noun} {verb} and the {other} {rng.choice(VERBS)},",
                    f"I saw the {noun} in the {adjective} {other},",
                ]
            )
        )
    return "\n".join(lines)


RNG = random.Random(7)
TRAIN = [poem(RNG) for _ in range(120)]
NEW = [poem(RNG) for _ in range(40)]
CONTEXT = RewardContext(train_texts=lambda: TRAIN, language="en")


def on(text, **metadata):
    return Episode(Example("", (), metadata), text)


def shuffled(text, rng):
    words = [t for t in tokens_of(text) if is_word(t)]
    rng.shuffle(words)
    rest = iter(words)
    return " ".join(next(rest) if is_word(t) else t for t in tokens_of(text))


def mean(reward, texts):
    return sum(reward(on(text)) for text in texts) / len(texts)


@pytest.fixture(scope="module")
def fluency():
    return make_reward("fluency", CONTEXT)


def test_new_texts_of_the_kind_are_fluent(fluency):
    assert mean(fluency, NEW) >= 0.8
    assert all(0.0 <= fluency(on(text)) <= 1.0 for text in [*NEW, *TRAIN])


def salads():
    rng = random.Random(3)
    words = [t for text in TRAIN for t in tokens_of(text) if is_word(t)]
    vocabulary = sorted(set(words))
    by_count = sorted(vocabulary, key=lambda w: -words.count(w))
    letters = "abcdefghijklmnopqrstuvwxyz"
    return {
        "shuffled": [shuffled(text, rng) for text in NEW],
        "reversed": [" ".join(reversed(tokens_of(text))) for text in NEW],
        "random words": [" ".join(rng.choices(vocabulary, k=28)) for _ in range(20)],
        "unigram samples": [" ".join(rng.choices(words, k=28)) for _ in range(20)],
        "random words in lines": [
            "\n".join(" ".join(rng.choices(vocabulary, k=7)) + "." for _ in range(4)) for _ in range(20)
        ],
        "unknown words": [" ".join("".join(rng.choices(letters, k=5)) for _ in range(28)) for _ in range(20)],
        "frequent words": [" ".join(by_count[:28]), " ".join(by_count[:10])],
        "one word": ["the " * 28, "sea " * 28, "the", "sea"],
        "marks": [", " * 28, ".", "\n" * 28],
        "one phrase": ["the sea , " * 9, "in the old sea , " * 6, "The sea.\n" * 8],
        "nothing": ["", " ", "\n"],
    }


@pytest.mark.parametrize("kind", list(salads()))
def test_salad_is_not_fluent(fluency, kind):
    assert mean(fluency, salads()[kind]) <= 0.1


def test_fluency_is_graded_between_salad_and_text(fluency):
    rng = random.Random(5)
    vocabulary = sorted({t for text in TRAIN for t in tokens_of(text) if is_word(t)})

    def replaced(share):
        return [
            " ".join(
                rng.choice(vocabulary) if is_word(t) and rng.random() < share else t for t in tokens_of(text)
            )
            for text in NEW
        ]

    scores = [mean(fluency, replaced(share)) for share in (0.0, 0.05, 0.1, 0.2, 0.5)]
    assert scores == sorted(scores, reverse=True)
    assert scores[2] - scores[3] > 0.05


def test_a_lone_phrase_is_worth_little(fluency):
    assert fluency(on("The old sea.")) < 0.3


def test_raw_fluency_is_the_mean_log_probability():
    raw = make_reward({"id": "fluency", "scale": "logprob"}, CONTEXT)
    model = NgramModel.fit(TRAIN)
    assert raw(on(NEW[0])) == pytest.approx(model.logprob(NEW[0]))
    assert mean(raw, NEW) > mean(raw, salads()["shuffled"]) + 0.5


def test_ngram_model_is_a_distribution():
    model = NgramModel.fit(TRAIN[:30])
    from math import exp

    vocabulary = [*model._unigrams]
    for context in (["the"], ["the", "sea"], ["never", "seen"], []):
        known = sum(exp(model.score_tokens([*context, word])[len(context)].logprob) for word in vocabulary)
        assert 0.8 < known <= 1.01  # the rest belongs to unknown words
    with pytest.raises(ValueError, match="at least one word"):
        NgramModel.fit(["", " \n"])


def test_fitting_happens_once_for_the_same_texts(monkeypatch):
    calls = []
    real = NgramModel.__init__
    monkeypatch.setattr(NgramModel, "__init__", lambda self, t: (calls.append(1), real(self, t))[1])
    monkeypatch.setattr(fitting, "FITTED", type(fitting.FITTED)())
    for _ in range(3):
        make_reward("fluency", RewardContext(train_texts=lambda: list(TRAIN)))
    first = len(calls)
    assert 0 < first <= 6
    make_reward("fluency", RewardContext(train_texts=lambda: TRAIN[:-1]))
    assert len(calls) > first


def test_repeated_train_texts_do_not_change_the_calibration():
    once = make_reward("fluency", CONTEXT)
    thrice = make_reward("fluency", RewardContext(train_texts=lambda: [t for t in TRAIN for _ in range(3)]))
    assert once.signature == thrice.signature
    assert once(on(NEW[0])) == thrice(on(NEW[0]))


def test_novelty():
    novelty = make_reward("novelty", CONTEXT)
    copied = TRAIN[0]
    assert novelty(on(copied)) == 0.0
    assert novelty(on(copied.upper().replace("\n", " "))) == 0.0
    assert novelty(on("")) == 0.0
    own = "nobody ever told the purple engine about seven hungry lamps"
    assert novelty(on(own)) == 1.0
    words = len(copied.split())
    mixed = copied + " " + " ".join(f"new{i}" for i in range(words))
    assert novelty(on(mixed)) < 0.35
    plain = make_reward({"id": "novelty", "limit": 1.0}, CONTEXT)
    assert 0.4 < plain(on(mixed)) < 0.7


def test_novelty_of_texts_shorter_than_an_ngram():
    context = RewardContext(train_texts=lambda: ["Rain.\nGrey rain again,\nall the long day."])
    novelty = make_reward("novelty", context)
    assert novelty(on("Grey rain again")) == 0.0
    assert novelty(on("Rain")) == 0.0
    assert novelty(on("Snow again")) == 1.0


GOOD = {
    "couplet": "the sea is grey and cold again\nand all the gulls fly home",
    "haiku": "old pond\na frog leaps into it\nsound of water",
    "tercet": "\n".join(["one two three four five six"] * 3),
    "cinquain": "snow\nfalls down\non my hands\nand on the sea\nnow",
    "quatrain": "\n".join(["one two three four five"] * 4),
    "limerick": "\n".join(["one two three four five"] * 5),
    "sestet": "\n".join(["one two three four"] * 6),
    "list": "\n".join(f"some {w} here" for w in ("sea", "sun", "sky", "sand")),
}


def test_every_form_has_an_example():
    assert set(GOOD) == set(FORMS)


@pytest.mark.parametrize("form", list(FORMS))
def test_a_form_is_kept_or_graded(form):
    constraints = make_reward("constraints")
    lines = GOOD[form].split("\n")
    assert constraints(on(GOOD[form], form=form)) == 1.0
    fewer = constraints(on("\n".join(lines[:-1]), form=form))
    assert 0.0 < fewer < 1.0
    more = constraints(on("\n".join([*lines, lines[-1]]), form=form))
    assert 0.0 < more < 1.0
    longer = constraints(on("\n".join(line + " la" * 12 for line in lines), form=form))
    assert 0.0 < longer < 1.0
    assert constraints(on("", form=form)) == 0.0


def test_a_list_begins_every_line_alike():
    constraints = make_reward("constraints")
    lines = GOOD["list"].split("\n")
    broken = "\n".join(["other sea here", *lines[1:]])
    assert constraints(on(broken, form="list")) == pytest.approx(0.75)


def test_words_are_whole_and_in_any_case():
    constraints = make_reward("constraints")
    words = ["sea", "grey wall", "gull’s"]
    assert constraints(on("The SEA, the Grey wall; a gull's cry", words=words)) == 1.0
    assert constraints(on("The seaside and greywall", words=words)) == 0.0
    assert constraints(on("the sea", words=words)) == pytest.approx(1 / 3)
    assert constraints(on(GOOD["couplet"], words=["moon"], form="couplet")) == 0.0


SCENE = (
    "Rain on the window. Anna folds a coat.\nANNA: You kept it all this time?\n"
    "LEO: I meant to bring it back.\nANNA: Which winter?\nLeo turns away."
)


def test_scripts_are_graded():
    constraints = make_reward("constraints")

    def score(text, characters=("ANNA", "LEO")):
        return constraints(on(text, form="script", characters=list(characters)))

    assert score(SCENE) == 1.0
    assert score(SCENE, ("ANNA", "LEO", "MIRA")) < 0.8
    assert score(SCENE, ("OTTO", "IDA")) == 0.0
    assert 0 < score("ANNA: You kept it?\nLEO: I did.") < 1.0
    assert score("ANNA: yes\nANNA: yes\nANNA: yes\nANNA: yes") < 0.2
    assert score("It rains and rains.") == 0.0
    assert score("ANNA:\nLEO:\nIt rains.") == 0.0
    assert score("") == 0.0


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, 'constraints needs "words" or "form".*nothing'),
        ({"topic": "sea"}, 'constraints needs "words" or "form".*topic'),
        ({"form": "hiaku"}, "does not know the form 'hiaku'; did you mean 'haiku'"),
        ({"form": "script"}, "characters"),
        ({"words": "sea"}, "a list of words"),
    ],
)
def test_requests_that_constraints_cannot_judge(metadata, message):
    with pytest.raises(RewardError, match=message):
        make_reward("constraints")(on("the sea is here", **metadata))
