"""chrF and chrF++ equal sacrebleu's, whole and prefix by prefix."""

from __future__ import annotations

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_envs.episode import Episode, Example
from llm_envs.rewards import make_reward

PIECES = [*"abcde .,!(')-\n5中国人。", " the", " cat", "s", "\u00a0", "(hi)", "A"]
text = st.one_of(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.text(max_size=40))
options = st.fixed_dictionaries(
    {
        "char_order": st.integers(1, 6),
        "word_order": st.integers(0, 2),
        "beta": st.sampled_from([1, 2, 3]),
        "lowercase": st.booleans(),
        "whitespace": st.booleans(),
    }
)


@settings(max_examples=400, deadline=None)
@given(st.lists(text, min_size=1, max_size=3), text, st.integers(0, 30), options)
def test_equals_sacrebleu(references, new, kept, chosen):
    hypothesis = references[0][:kept] + new
    reward = make_reward({"id": "chrf", **chosen})
    ours = reward(Episode(Example("", tuple(references)), hypothesis))
    theirs = sacrebleu.CHRF(**chosen).sentence_score(hypothesis, references).score / 100
    assert ours == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.lists(text, min_size=1, max_size=2), st.lists(st.sampled_from(PIECES), max_size=25), options)
def test_prefix_scorer_equals_scoring_every_prefix(references, pieces, chosen):
    reward = make_reward({"id": "chrf", **chosen})
    example = Example("", (*references, "".join(pieces[:10])))
    scorer = reward.prefix_scorer()
    for end in [*range(len(pieces) + 1), 3, len(pieces)]:  # it may also shrink
        episode = Episode(example, "".join(pieces[:end]))
        assert scorer(episode) == pytest.approx(reward(episode), abs=1e-12)


def test_best_reference_counts():
    good = Episode(Example("", ("nothing alike", "the cat sat")), "the cat sat")
    assert make_reward("chrf")(good) == pytest.approx(1.0)
