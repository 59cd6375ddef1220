"""The figures on other rewards in fluency.md: scenes, the user of Dialogue-v0, and sentiment.

python docs/rewards/other_rewards.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from statistics import fmean

import gymnasium as gym

from llm_benchmarks.rewards.degenerate import fixed_scene
from llm_benchmarks.rewards.search import joined
from llm_benchmarks.rewards.word_salad import Salad
from llm_envs import Episode, Example, make_reward
from llm_envs.data import load_corpus
from llm_envs.envs import booking_fluency
from llm_envs.envs.task import Task
from llm_envs.rewards.grammar.corruptions import (
    Stock,
    double_function,
    drop_function,
    shuffle_words,
    swap_neighbours,
)
from llm_envs.simulators.booking.dialogues import expert_dialogues
from llm_envs.tokenizers.words import tokens_of

TURNS = 200


def scenes() -> None:
    """Prints what scenes of TextGen-Script-v0 earn: references, corrupted ones, a frame."""
    task: Task = gym.make("TextGen-Script-v0", split="test").unwrapped.task  # type: ignore[attr-defined]
    earned = [float(task.reward(Episode(e, e.references[0]))) for e in task.examples]
    print(f"Script, references: {fmean(earned):.3f}")
    frames = [float(task.reward(Episode(e, fixed_scene(e)))) for e in task.examples]
    print(f"Script, a fixed scene: {fmean(frames):.3f}")
    for kind, corrupt in Salad(task.train_texts()).held_out().items():
        rng = Random(kind)
        pairs, scores = [], []
        for example, reference in zip(task.examples, earned, strict=True):
            lines = [_corrupted_speech(line, corrupt, rng) for line in example.references[0].split("\n")]
            scores.append(float(task.reward(Episode(example, "\n".join(lines)))))
            pairs.append(reference > scores[-1])
        print(f"Script, {kind}: {fmean(scores):.3f}, references above {fmean(pairs):.1%}")


def _corrupted_speech(line: str, corrupt: Callable[[Sequence[str], Random], list[str]], rng: Random) -> str:
    """Returns a line of a scene with its words corrupted, but not who speaks."""
    name, colon, speech = line.partition(":")
    spoken = colon and name.isupper()
    text = joined(corrupt(tokens_of(speech if spoken else line), rng))
    return f"{name}: {text}" if spoken else text


def dialogue() -> None:
    """Prints how many corrupted turns of the expert the user of Dialogue-v0 still understands."""
    talks = expert_dialogues("train", TURNS, seed=2)
    turns = [text.split() for talk in talks for speaker, text in talk if speaker == "agent"]
    turns = [turn for turn in turns if len(turn) >= 5 and turn[0] != "query"]
    stock = Stock(turns, lambda word: sum(word in turn for turn in turns) > 0.1 * len(turns))
    kinds = {
        "as the expert says it": lambda tokens, rng, stock: list(tokens),
        "words shuffled": shuffle_words,
        "two neighbours exchanged": partial(swap_neighbours, count=2),
        "a third of frequent words dropped": partial(drop_function, share=0.34),
        "a third of frequent words doubled": partial(double_function, share=0.34),
    }
    floor = booking_fluency.fluency_floor()
    for kind, corrupt in kinds.items():
        rng = Random(kind)
        made = [corrupt(turn, rng, stock) for turn in turns]
        fluent = [
            booking_fluency.fluency(" ".join(new)) >= floor
            for new, turn in zip(made, turns, strict=True)
            if kind == "as the expert says it" or new != turn
        ]
        print(f"Dialogue, {kind}: understood {fmean(fluent):.1%} of {len(fluent)} turns")


def sentiment() -> None:
    """Prints the sentiment of continuations of the bundled openings."""
    reward = make_reward("sentiment")
    openings = [example.source for example in load_corpus("openings").split("test")]
    for name, text in (
        ("nothing", ""),
        ("one word", " love"),
        ("one word, ten times", " love" * 10),
        ("praise without a sentence", " great love happy best wonderful joy"),
        ("a plain happy end", " nice, and we were happy with it."),
    ):
        scores = [reward(Episode(Example(source, (), {}), text)) for source in openings]
        print(f"sentiment, {name}: {fmean(scores):.3f}")


if __name__ == "__main__":
    scenes()
    dialogue()
    sentiment()
