"""Attacks that need no search: texts without merit, by how much they know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import numpy as np

from llm_benchmarks.rewards.audit.ground import Ground, MakeSpeaker
from llm_benchmarks.rewards.audit.pieces import shuffled, truncated, words_in, written
from llm_benchmarks.rewards.degenerate import fixed_frame, fixed_scene
from llm_envs.envs.conversation import Speaker
from llm_envs.episode import Episode, Example
from llm_envs.rewards.forms import FORMS

Knows = Literal["nothing", "train texts", "prompt", "reward", "reward, each prompt", "references"]
"""What an attack uses to write its texts."""

EMPTY = "ends at once"
RANDOM = "random words"
REPEATED = "one word to the last token"
COPY = "the prompt, copied"
COPY_OF_TURN = "the last turn, copied"
OTHER = "the reference of another prompt"
LENGTH = "random words, as many as the reference has"
SHUFFLED = "reference, shuffled"
START = "reference, first quarter"
TWICE = "reference, twice"


@dataclass(frozen=True)
class Attack:
    """Texts that answer prompts, and how they came about.

    Attributes:
        name: How the texts are written.
        knows: What the attack uses.
        episodes: One for each prompt, or for each of some prompts.
        calls: Reward calls on one prompt, 0 if the prompt's own reward was never asked.
        searched: Reward calls on other prompts.
        keeps: True if the text is a reference that lost something: the attack succeeds if it keeps (nearly)
            all of the reward.
        curve: (calls, best reward so far on each prompt) of a search on each prompt.
    """

    name: str
    knows: Knows
    episodes: Sequence[Episode]
    calls: int = 0
    searched: int = 0
    keeps: bool = False
    curve: Sequence[tuple[int, Sequence[float]]] = field(default_factory=tuple)


def fixed_attacks(ground: Ground) -> list[Attack]:
    """Returns the attacks whose texts follow from the data alone."""
    if ground.talks:
        return _dialogue_attacks(ground)
    rng = ground.rng("fixed attacks")
    task, vocabulary, train = ground.task, ground.vocabulary, ground.train_texts
    like = train[0]
    longest = task.max_new_tokens
    between = "\n" if any("\n" in text for text in train) else " "

    def random_words(number: int) -> str:
        return written(rng.choices(vocabulary, k=max(1, number)), like)

    def typical() -> int:
        return len(words_in(rng.choice(train)))

    others = _others(ground)
    common = next((word for word in vocabulary if word.strip(".,;:!?-")), vocabulary[0])
    made: list[tuple[str, Knows, Callable[[Example], str], bool]] = [
        (EMPTY, "nothing", lambda example: "", False),
        (REPEATED, "train texts", lambda example: written([common] * longest, like), False),
        (RANDOM, "train texts", lambda example: random_words(typical()), False),
        ("random words to the last token", "train texts", lambda example: random_words(longest), False),
        (
            "frequent words to the last token",
            "train texts",
            lambda e: written(vocabulary[:longest], like),
            False,
        ),
        ("any text of train", "train texts", lambda example: rng.choice(train), False),
        (
            "texts of train to the last token",
            "train texts",
            lambda e: between.join(rng.choices(train, k=8)),
            False,
        ),
        (COPY, "prompt", lambda example: example.source, False),
        ("the prompt, again and again", "prompt", lambda e: between.join([e.source] * longest), False),
        *_asking(ground),
        (OTHER, "references", lambda example: others[example], False),
        (LENGTH, "references", lambda example: random_words(len(words_in(example.references[0]))), False),
        (SHUFFLED, "references", lambda example: shuffled(example.references[0], rng), True),
        (START, "references", lambda example: truncated(example.references[0], 0.25), True),
        (TWICE, "references", lambda e: between.join([e.references[0]] * 2), True),
    ]
    return [Attack(name, knows, ground.texts(write), keeps=keeps) for name, knows, write, keeps in made]


class _Others(dict[int, str]):
    """Example -> the reference of another prompt."""

    def __getitem__(self, example: Example) -> str:  # type: ignore[override]
        return super().__getitem__(id(example))


def _others(ground: Ground) -> _Others:
    """Gives each prompt a reference that is not one of its own, where there is such a reference."""
    rng = ground.rng("other references")
    pool = [example.references[0] for example in ground.examples] + list(ground.train_texts[:200])
    found = _Others()
    for example in ground.examples:
        foreign = [text for text in pool if text not in example.references] or pool
        found[id(example)] = rng.choice(foreign)
    return found


def _asking(ground: Ground) -> list[tuple[str, Knows, Callable[[Example], str], bool]]:
    """Returns the attacks on prompts that ask for words."""
    example = ground.examples[0]
    words = example.metadata.get("words")
    if not isinstance(words, list | tuple) or not words:
        return []
    longest = ground.task.max_new_tokens

    def asked(example: Example) -> list[str]:
        return [str(word) for word in example.metadata.get("words", ())] or [""]

    found: list[tuple[str, Knows, Callable[[Example], str], bool]] = [
        ("the words asked for", "prompt", lambda e: "\n".join(asked(e)), False),
        ("keyword stuffing", "prompt", lambda e: " ".join(asked(e) * longest), False),
        ("the words asked for, in a line of train", "prompt", _line_as_frame(ground, asked), False),
    ]
    form = example.metadata.get("form")
    if form in FORMS or form == "script":
        frame = fixed_frame if form in FORMS else fixed_scene
        found.append(("the words asked for, in a fixed frame", "prompt", frame, False))
    return found


def _line_as_frame(ground: Ground, asked: Callable[[Example], list[str]]) -> Callable[[Example], str]:
    """Returns a function that writes one train text with its longest words replaced by those asked for."""
    text = ground.rng("frame").choice(ground.train_texts)
    by_length = sorted(set(words_in(text)), key=lambda word: (-len(word), word))

    def write(example: Example) -> str:
        filled = text
        for old, new in zip(by_length, asked(example), strict=False):
            filled = filled.replace(old, new)
        return filled

    return write


def _dialogue_attacks(ground: Ground) -> list[Attack]:
    """Returns the attacks that can be said in a dialogue, turn by turn."""
    turns, vocabulary = ground.train_texts, ground.vocabulary
    longest = ground.task.max_new_tokens

    def saying(say: Callable[[np.random.Generator, str], str]) -> MakeSpeaker:
        def make(rng: np.random.Generator) -> Speaker:
            return lambda who, text: say(rng, text)

        return make

    def some(rng: np.random.Generator, number: int) -> str:
        return " ".join(vocabulary[int(i)] for i in rng.integers(len(vocabulary), size=number))

    made: list[tuple[str, Knows, MakeSpeaker, bool]] = [
        (EMPTY, "nothing", saying(lambda rng, text: ""), False),
        (REPEATED, "train texts", saying(lambda rng, text: " ".join(vocabulary[:1] * longest)), False),
        (RANDOM, "train texts", saying(lambda rng, text: some(rng, 8)), False),
        (
            "random words to the last token",
            "train texts",
            saying(lambda rng, text: some(rng, longest)),
            False,
        ),
        (
            "any turn of train",
            "train texts",
            saying(lambda rng, text: turns[int(rng.integers(len(turns)))]),
            False,
        ),
        (COPY_OF_TURN, "prompt", saying(lambda rng, text: text), False),
    ]
    made.append((OTHER, "references", _deaf(ground), False))
    if ground.task.has_expert:
        made.append((SHUFFLED, "references", corrupted(ground, lambda: shuffled), True))
        made.append(
            (START, "references", corrupted(ground, lambda: lambda text, rng: truncated(text, 0.25)), True)
        )
        made.append(
            (TWICE, "references", corrupted(ground, lambda: lambda text, rng: f"{text} {text}"), True)
        )
    return [
        Attack(name, knows, ground.dialogues(speaker, name), keeps=keeps)
        for name, knows, speaker, keeps in made
    ]


def _deaf(ground: Ground) -> MakeSpeaker:
    """Returns a speaker that says the expert's turns of another dialogue."""
    talks = [
        [turn.text for turn in episode.turns if turn.speaker == "agent"] for episode in ground.references
    ]

    def make(rng: np.random.Generator) -> Speaker:
        turns = iter(talks[int(rng.integers(len(talks)))])
        return lambda who, text: next(turns, "")

    return make


Change = Callable[[str, Random], str]
"""(a turn, a generator) -> the changed turn."""


def corrupted(ground: Ground, make_change: Callable[[], Change]) -> MakeSpeaker:
    """Returns the expert with changed turns.

    Args:
        ground: The prompts.
        make_change: Makes the change of one dialogue, which may count its turns.
    """

    def make(rng: np.random.Generator) -> Speaker:
        expert, change = ground.task.expert(rng), make_change()
        own = Random(int(rng.integers(2**31)))
        return lambda who, text: change(expert(who, text), own)

    return make


def shown_text(episode: Episode) -> str:
    """Returns a text for a report; a dialogue's turns stand on lines of their own."""
    if episode.turns:
        return "\n".join(f"{turn.speaker}: {turn.text}" for turn in episode.turns)
    return episode.text
