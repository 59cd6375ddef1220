"""Increments equal the score of every prefix from scratch, whatever the text and the way it grows."""

from __future__ import annotations

import pytest
from hypothesis import example as with_example
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_envs.episode import Episode, Example, Turn
from llm_envs.rewards import Growth, RewardError, make_reward

PIECES = [
    *"abΣσ .,!(')-<>;&5中国人。の\n\u0301\u00ad\u3000İ’_",
    *(" the", " cat", "s", "\u00a0", "-\n", "<skipped>", "<skip", "ped>", "&quot;", "&amp;", "lt;", "3.5"),
    *(
        "ก็",
        "เด็ก",
        "\u1025\u102e",
        "e\u0301",
        "🙂",
        "\r\n",
        "\u2003",
        "K",
        "--",
        "''",
        "\u0600",
        "\u200b",
        "A Σ",
    ),
]
SPECS = [
    *({"id": "bleu", "tokenize": name} for name in ("13a", "zh", "char", "none")),
    *({"id": "bleu", "tokenize": name, "lowercase": True} for name in ("13a", "zh", "char", "none")),
    {"id": "bleu", "tokenize": "13a", "smooth_method": "none", "max_order": 2},
    {"id": "bleu", "tokenize": "13a", "smooth_method": "floor"},
    {"id": "bleu", "tokenize": "13a", "smooth_method": "add-k", "effective_order": False},
    "chrf",
    {"id": "chrf", "word_order": 2, "lowercase": True},
    {"id": "chrf", "whitespace": True},
    *({"id": "rouge", "variant": v, "tokens": t} for v in "12l" for t in ("ascii", "words")),
    {"id": "length_penalty", "unit": "words"},
    {"id": "length_penalty", "target": 4},
    "length_target",
    {"id": "length_target", "unit": "characters", "target": 5},
    "brevity",
    "repetition",
    {"id": "distinct", "n": 3},
    {"id": "product", "rewards": ["distinct", {"id": "bleu", "tokenize": "13a", "weight": 0.5}, "brevity"]},
    {
        "id": "gate",
        "reward": {"id": "clip", "reward": "chrf", "high": 0.4},
        "condition": "token_f1",
        "least": 0.1,
    },
    [{"id": "sum", "rewards": {"rouge": 2.0, "exact_match": 1.0}}, {"id": "repetition", "weight": -0.3}],
]
text = st.one_of(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.text(max_size=30))


def growths(example, pieces, pending):
    """Yields a growth and the episode that it has grown to. Pending text is replaced by the next piece."""
    episode = Episode(example, "")
    growth = Growth(example, lambda: episode)
    text = ""
    for number, (piece, end) in enumerate(zip(pieces, pending, strict=False), 1):
        text += piece
        growth.added, growth.pending, growth.tokens = piece, end, number
        episode = Episode(example, text + end, (1,) * number)
        yield growth, episode


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SPECS),
    st.lists(text, min_size=1, max_size=2),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=2)), max_size=30),
    st.lists(st.sampled_from(["", "", "", "\ufffd", "\ufffd\ufffd", "x"]), min_size=30, max_size=30),
    st.booleans(),
)
@with_example(SPECS[0], ["foo bar"], ["foo-", "\n", " ", "\n", "bar"], [""] * 5, False)
@with_example(SPECS[0], ["a"], ["<skip", "<skipped>", "ped>", "-", "<skipped>", "\n", "b"], [""] * 7, False)
@with_example(SPECS[4], ["Σ-"], ["Σ", "-\n", "b"], [""] * 3, False)
@with_example(SPECS[4], ["ΑΣ"], ["Α", "Σ", "'", "Α", " ", "x"], [""] * 6, False)
def test_every_prefix_scores_as_from_scratch(spec, references, pieces, pending, copied):
    if copied:
        references = [*references, "".join(pieces)]
    reward = make_reward(spec)
    example = Example("", tuple(references))
    scorer = reward.prefix_scorer(example)
    for growth, episode in growths(example, pieces, pending):
        assert scorer.grow_components(growth) == pytest.approx(reward.components(episode), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=20))
def test_a_scorer_of_episodes_starts_again_when_the_text_does_not_grow(pieces):
    reward = make_reward(["chrf", {"id": "bleu", "tokenize": "13a"}, "repetition"])
    example = Example("", ("the cat sat on a mat",))
    scorer = reward.prefix_scorer()
    for end in [*range(len(pieces) + 1), 3, len(pieces)]:
        episode = Episode(example, "".join(pieces[:end]), (1,) * end)
        assert scorer.score(episode)[1] == pytest.approx(reward.score(episode)[1], abs=1e-12)


def test_an_increment_reads_turns_and_measures():
    reward = make_reward({"id": "task_success", "key": "progress"})
    growth = Growth(Example(""), lambda: Episode(Example(""), ""))
    scorer = reward.prefix_scorer(Example(""))
    assert scorer.grow(growth) == 0.0
    growth.turns, growth.measures = (Turn("user", "hi"),), {"progress": 0.25}
    assert scorer.grow(growth) == 0.25


class Shouts:
    """A reward of a user that offers increments: the number of exclamation marks."""

    def __call__(self, episode):
        return float(episode.text.count("!"))

    def increment(self, example):
        return CountedShouts()


class CountedShouts:
    def __init__(self):
        self.count = 0

    def __call__(self, growth):
        self.count += growth.added.count("!")
        return float(self.count + growth.pending.count("!"))


class Broken(Shouts):
    """Its increment returns no number."""

    def increment(self, example):
        return lambda growth: "many"


def test_a_reward_of_a_user_offers_increments():
    scorer = make_reward(Shouts()).prefix_scorer(Example(""))
    grown = growths(Example(""), ["a!", "!", "b"], ["", "!", ""])
    assert [scorer.grow(growth) for growth, _ in grown] == [1.0, 3.0, 2.0]
    assert scorer.reads_growth
    assert not make_reward(len).prefix_scorer(Example("")).reads_growth


def test_an_increment_that_returns_no_number_is_an_error_with_the_text():
    scorer = make_reward(Broken()).prefix_scorer(Example(""))
    growth, _ = next(growths(Example(""), ["so far"], [""]))
    with pytest.raises(RewardError, match="'many', which is not a number; the text was 'so far'"):
        scorer.grow(growth)


@pytest.mark.parametrize("spec", [{"id": "product", "rewards": ["chrf", "brevity"]}, "rouge", "distinct"])
def test_an_increment_builds_no_whole_prefix(spec):
    def never():
        raise AssertionError("the whole prefix was built")

    example = Example("", ("a reference",))
    growth = Growth(example, never)
    scorer = make_reward(spec).prefix_scorer(example)
    for growth.added in ("a", " reference"):
        scorer.grow(growth)
