"""BLEU equals sacrebleu's, whole and prefix by prefix."""

from __future__ import annotations

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardContext, RewardError, make_reward

# What tokenisers stumble over: digits and marks, entities, unusual white space, "-\n".
NASTY = [
    *"ab5.,-'&;:!?\"()<>[]{}_~`^@#$%*+=/\\|é—…中。，Σ",
    *(" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u2003", "\u2028", "\u3000", "\x1c", "\x85"),
    *("&quot;", "&amp;", "&lt;", "&gt;", "&amp;quot;", "<skipped>", "-\n", "3.5", "1,000", "5-6"),
    *("...", "A", "I'm", "U.S.", "a.", ".5", "5.", "ﬁ", "\ufffd"),
]
nasty_text = st.lists(st.sampled_from(NASTY), max_size=40).map("".join)
any_text = st.text(max_size=60)
WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "on",
    "mat",
    ".",
    ",",
    "!",
    "in",
    "house",
    ",",
    "it's",
    "3.5",
    "red-hot",
    "and",
]
plain_text = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)
chinese_text = st.text("我你他是不在有人大中上个国。，！5.a -", max_size=40)
text = st.one_of(nasty_text, any_text, plain_text, chinese_text)


@st.composite
def corrupted(draw: st.DrawFn, source: st.SearchStrategy[str] = text) -> tuple[str, list[str]]:
    """One to three references and a text: random, or one of them with pieces cut and put in."""
    references = draw(st.lists(source, min_size=1, max_size=3))
    if draw(st.booleans()):
        return draw(source), references
    words = draw(st.sampled_from(references)).split(" ")
    start = draw(st.integers(0, len(words)))
    stop = draw(st.integers(start, len(words)))
    middle = draw(st.lists(st.sampled_from(NASTY), max_size=3))
    return " ".join([*words[:start], *middle, *words[stop:]]), references


def score(hypothesis: str, references: list[str], **options: object) -> float:
    reward = make_reward({"id": "bleu", **options})
    return reward(Episode(Example("", tuple(references)), hypothesis))


def oracle(hypothesis: str, references: list[str], **options: object) -> float:
    metric = sacrebleu.BLEU(**{"effective_order": True, **options})
    return metric.sentence_score(hypothesis, references).score / 100


@settings(max_examples=400, deadline=None)
@given(corrupted(), st.sampled_from(["13a", "zh", "char", "none"]), st.booleans())
def test_equals_sacrebleu(case, tokenize, lowercase):
    options = {"tokenize": tokenize, "lowercase": lowercase}
    assert score(*case, **options) == pytest.approx(oracle(*case, **options), abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    corrupted(plain_text),
    st.sampled_from(
        [
            ("exp", None),
            ("floor", None),
            ("floor", 0.02),
            ("add-k", None),
            ("add-k", 2),
            ("none", None),
        ]
    ),
    st.integers(1, 5),
    st.booleans(),
)
def test_equals_sacrebleu_with_every_smoothing(case, smoothing, order, effective_order):
    method, value = smoothing
    shared = {"smooth_method": method, "smooth_value": value, "effective_order": effective_order}
    ours = score(*case, max_order=order, **shared)
    assert ours == pytest.approx(oracle(*case, max_ngram_order=order, **shared), abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(corrupted(chinese_text))
def test_chinese_is_scored_by_character_when_the_language_is_chinese(case):
    hypothesis, references = case
    reward = make_reward("bleu", RewardContext(language="zh"))
    ours = reward(Episode(Example("", tuple(references)), hypothesis))
    assert "tok:zh" in reward.signature
    assert ours == pytest.approx(oracle(*case, tokenize="zh"), abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*NASTY, " the", " cat", "s", " sat"]), max_size=25),
    st.lists(text, min_size=1, max_size=2),
    st.sampled_from(["13a", "zh", "none"]),
    st.booleans(),
)
def test_prefix_scorer_equals_scoring_every_prefix(pieces, references, tokenize, lowercase):
    reward = make_reward({"id": "bleu", "tokenize": tokenize, "lowercase": lowercase})
    example = Example("", (*references, "".join(pieces[:12])))
    scorer = reward.prefix_scorer()
    for end in range(len(pieces) + 1):
        episode = Episode(example, "".join(pieces[:end]))
        assert scorer(episode) == pytest.approx(reward(episode), abs=1e-12)


def test_prefix_scorer_starts_again_when_the_text_does_not_grow():
    reward = make_reward("bleu")
    example = Example("", ("the cat sat on the mat",))
    scorer = reward.prefix_scorer()
    for written in ("the cat sat", "the dog", "the cat sat on", "", "the cat sat on the mat"):
        episode = Episode(example, written)
        assert scorer(episode) == pytest.approx(reward(episode), abs=1e-12)
    other = Example("", ("the cat sat on a chair and slept",))
    grown = Episode(other, "the cat sat on the mat and slept")
    assert scorer(grown) == pytest.approx(reward(grown), abs=1e-12)


def test_perfect_is_one_and_nothing_is_zero():
    assert score("The cat sat.", ["The cat sat."]) == 1.0
    assert score("", ["The cat sat."]) == 0.0
    assert score("dogs bark", ["The cat sat."]) == 0.0


def test_an_example_without_references_is_an_error():
    with pytest.raises(RewardError, match="bleu needs references"):
        score("The cat", [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smooth_method": "floor", "smooth_value": -1}, "smooth_value is a number >= 0, got -1"),
        ({"smooth_method": "epx"}, "unknown smooth_method='epx'.*exp"),
        ({"tokenize": "14a"}, "unknown tokenize='14a'.*13a"),
        ({"max_order": 0}, "max_order"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        make_reward({"id": "bleu", **options})
