"""A text with gaps for the requested words, found by hill climbing: one answer to every request of a form.

A learner finds such frames, since one of them earns something everywhere. This search finds them in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import fmean

from llm_benchmarks.rewards.hill_climbing import changed, climbed, drawn
from llm_benchmarks.rewards.search import (
    TEMPERATURE,
    first_lines,
    followers_and_words,
    joined,
    score_of,
)
from llm_envs.envs.task import Task
from llm_envs.episode import Example
from llm_envs.tokenizers.words import is_word

TRIES = 800
GAPS = ("<1>", "<2>", "<3>")
"""The places of the first, second and third requested word."""

_SAMPLE = 12
_MARKS = (".", ",")
_SHORTEST = 4


def filled(frame: Sequence[str], example: Example) -> str:
    """Returns a frame as the answer to an example: gaps hold its words, or its first one."""
    return joined(_tokens(frame, example))


def frame_climb(
    task: Task, examples: Sequence[Example], rng: Random, tries: int = TRIES
) -> tuple[float, list[str]]:
    """Returns the mean reward and the frame that hill climbing ends at.

    Args:
        task: Gives the reward, and the train texts whose words a frame is made of.
        examples: Requests of one form that name words. The reward is the mean over twelve of them.
        rng: The source of randomness.
        tries: The number of changes tried. Each costs twelve scores.
    """
    sample = rng.sample(list(examples), min(_SAMPLE, len(examples)))
    scores = [(example, score_of(task, example)) for example in sample]
    followers, words = followers_and_words(task)

    def value_of(frame: Sequence[str]) -> float:
        return fmean(score(_tokens(frame, example)) for example, score in scores)

    def draw(frame: Sequence[str], place: int) -> str:
        return drawn(rng, followers.get(frame[place - 1] if place else "\n"), GAPS, words, most=0.62)

    frame = _with_marks(first_lines(sample[0], rng, followers), rng)
    places = [i for i, token in enumerate(frame) if is_word(token)]
    for gap, place in zip(GAPS, rng.sample(places, min(len(GAPS), len(places))), strict=False):
        frame[place] = gap
    return climbed(
        frame,
        value_of,
        lambda tokens: changed(tokens, rng, draw, shortest=_SHORTEST),
        rng,
        tries=tries,
        temperature=TEMPERATURE,
    )


def _tokens(frame: Sequence[str], example: Example) -> list[str]:
    words = [str(word) for word in example.metadata["words"]]
    gaps = {gap: words[i] if i < len(words) else words[0] for i, gap in enumerate(GAPS)}
    return [gaps.get(token, token) for token in frame]


def _with_marks(tokens: Sequence[str], rng: Random) -> list[str]:
    """Returns lines that end with a punctuation mark."""
    found: list[str] = []
    for token in (*tokens, "\n"):
        if token == "\n":
            found.append(rng.choice(_MARKS))
        found.append(token)
    return found[:-1]
