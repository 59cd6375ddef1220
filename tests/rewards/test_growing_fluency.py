"""Fluency and sentences of a growing text equal those from scratch at every prefix."""

from __future__ import annotations

import random

import gymnasium as gym
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llm_envs  # noqa: F401
from llm_envs.episode import Episode, Example
from llm_envs.rewards import Growth, RewardContext, make_reward

SALAD = [
    "\n",
    ".",
    " ",
    ", ",
    "the",
    " an",
    " apple",
    " hill",
    "ing",
    "'s",
    " of",
    "?!",
    " spring",
    " runs",
    " xq",
    "雨",
    "é",
    "\n\n",
]


@pytest.fixture(scope="module")
def texts():
    return list(gym.make("TextGen-v0", reward="distinct").unwrapped.task.train_texts())[:400]


@pytest.fixture(scope="module")
def rewards(texts):
    german = [
        "der alte mann geht heute nach hause .",
        "eine frau sieht den hund im garten .",
        "es regnet .",
    ] * 30
    german = [f"{text} {number}" for number, text in enumerate(german)]
    contexts = [RewardContext(train_texts=lambda t=t: t) for t in (texts, german)]
    return [
        *(make_reward("fluency", context) for context in contexts),
        make_reward({"id": "fluency", "scale": "logprob"}, contexts[0]),
        make_reward("sentences", contexts[0]),
    ]


def assert_equal_at_every_prefix(reward, pieces):
    example, episode = Example(""), Episode(Example(""), "")
    growth = Growth(example, lambda: episode)
    scorer = reward.prefix_scorer(example)
    text = ""
    for piece in pieces:
        text += piece
        growth.added = piece
        assert scorer.grow(growth) == pytest.approx(reward(Episode(example, text)), abs=1e-12), text


@settings(max_examples=60, deadline=None)
@given(
    which=st.integers(0, 3),
    seed=st.integers(0, 10**6),
    shuffled=st.booleans(),
    salad=st.lists(st.sampled_from(SALAD), max_size=30),
)
def test_every_prefix_of_a_text_is_as_fluent_as_from_scratch(which, seed, shuffled, salad, rewards, texts):
    rng = random.Random(seed)
    words = [" " + word for word in rng.choice(texts).split(" ")]
    if shuffled:
        rng.shuffle(words)
    for piece in salad:
        words.insert(rng.randint(0, len(words)), piece)
    assert_equal_at_every_prefix(rewards[which], words)


def test_words_that_stay_undecided_for_long_are_decided_together(rewards):
    ambiguous = [" spring", " runs", " light", " falls", " still", " rose"]
    rng = random.Random(1)
    assert_equal_at_every_prefix(rewards[0], [rng.choice(ambiguous) for _ in range(150)])
    assert_equal_at_every_prefix(rewards[0], [" spring"] * 150)
