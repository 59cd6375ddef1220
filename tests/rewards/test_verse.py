"""`verse`: poems in sentences earn much, and a beginner earns a little more for each step towards them."""

from __future__ import annotations

import gymnasium as gym
import pytest

from llm_envs.episode import Episode, Example

ASKED = ["moon", "glass", "walks"]
REQUEST = Example("couplet about night : moon , glass , walks", (), {"form": "couplet", "words": ASKED})
POEM = "The moon walks slowly over our street.\nShe leaves her glass beside the door."


@pytest.fixture(scope="module")
def verse():
    return gym.make("TextGen-v0", split="test").unwrapped.task.reward


def earned(verse, text: str) -> float:
    return float(verse(Episode(REQUEST, text)))


def test_the_reward_is_its_product_and_a_tenth_of_slope(verse):
    parts = verse.components(Episode(REQUEST, POEM))
    asked, fluent, sentences, novel = (
        parts[f"verse/{name}"] for name in ("constraints", "fluency", "sentences", "novelty")
    )
    strict = asked**2 * fluent**0.7 * sentences * novel
    slope = asked * (fluent * sentences) ** 0.25 * novel
    assert parts["verse"] == pytest.approx(0.9 * strict + 0.1 * slope)
    assert parts["verse"] > 0.8


def test_each_step_towards_a_poem_earns_more(verse):
    steps = [
        "a a the the of of a a the the of of.\nthe of a the of a the of.",
        "moon a of the on moon the glass the of.\nthe and of on the cat the.",
        "The moon of the glass, the walks on a moon.\nThe glass of the moon the walks.",
        "The moon walks on the street, and my glass of tea.\nThe glass on the hill the door.",
        POEM,
    ]
    scores = [earned(verse, text) for text in steps]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)


def test_a_text_that_is_no_sentence_earns_no_more_than_the_slope(verse):
    assert 0.0 < earned(verse, "moon glass walks the of and\nof the walks moon glass a in") <= 0.1


def test_nothing_is_paid_for_an_empty_text_or_without_a_requested_word(verse):
    assert earned(verse, "") == 0.0
    assert earned(verse, "The old man waits slowly at the gate.\nHe leaves his hat beside the door.") == 0.0


@pytest.mark.parametrize("before", ["and his", "all", "the", "as his", "don't the", "of all"])
def test_no_place_takes_any_word(verse, before):
    words = ["told", "bread", "polite", "remembers", "slept", "hard", "stands", "lying", "push", "asleep"]
    free = 0
    for word in words:
        text = f"The dog slept {before} {word}, and we left."
        example = Example("", (), {"form": "couplet", "words": [word]})
        free += verse.components(Episode(example, text))["verse/sentences"] >= 0.9
    assert free <= len(words) / 2
