"""Looks for places that take any word: what may stand before a requested word for nothing, whatever it is.

A learner that does not know what words mean writes a frame and drops the requested words into it. So a place
that takes nearly every word is a hole in the rules of `sentences`. This prints the widest ones.

python docs/rewards/any_word.py
"""

from __future__ import annotations

from itertools import permutations
from random import Random
from statistics import fmean

import gymnasium as gym

import llm_envs
from llm_envs import Episode, Example
from llm_envs.rewards import RewardContext

FRAMES = (
    "She saw the dog {place}.",
    "The dog {place}, slept.",
    "The dog slept {place}, and we left.",
    "{place}, the dog slept.",
    "{place} slept.",
)
BEFORE = tuple(
    word
    for line in (
        ", and or but of in on for with all the a his my no some to by then so as when that",
        "what who is was had not there it she i they like than if because",
    )
    for word in line.split()
)
FEW, MANY = 25, 70  # requested words that a place is tried with
WIDE = 0.5  # a place is tried with many if so many of the few go there
FREE = 0.9  # a score above which a word goes there
SHOWN = 25


def main() -> None:
    """Prints the places that take most words."""
    task = gym.make("TextGen-v0", split="train").unwrapped.task  # type: ignore[attr-defined]
    context = RewardContext(train_texts=task.train_texts, language="en")
    sentences = llm_envs.make_reward("sentences", context)
    asked = sorted({word for example in task.examples for word in example.metadata["words"]})
    words = Random(3).sample(asked, MANY)

    def taken(frame: str, before: str, tried: list[str]) -> float:
        """Returns the share of words that may stand there."""
        scores = [
            sentences(Episode(Example("", (), {"words": [word]}), frame.format(place=f"{before} {word}")))
            for word in tried
        ]
        return fmean(score >= FREE for score in scores)

    places = [
        (frame, " ".join(before)) for frame in FRAMES for n in (1, 2) for before in permutations(BEFORE, n)
    ]
    wide = [place for place in places if taken(*place, words[:FEW]) >= WIDE]
    found = sorted(((taken(*place, words), *place) for place in wide), reverse=True)
    print(f"{len(places)} places, of which {len(wide)} take at least {WIDE:.0%} of {FEW} words")
    for share, frame, before in found[:SHOWN]:
        print(f"{share:.0%}  {frame.format(place=f'{before} ...')}")


if __name__ == "__main__":
    main()
