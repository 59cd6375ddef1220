"""Texts that must win against their corruptions: does the reward fall, edit by edit?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from llm_benchmarks.rewards.audit import edits
from llm_benchmarks.rewards.audit.attacks import Change, corrupted
from llm_benchmarks.rewards.audit.edits import Edit
from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.audit.scoring import Floats
from llm_benchmarks.rewards.audit.shares import Estimate, Scale
from llm_envs.episode import Episode

_WORDS = 200


@dataclass(frozen=True)
class Corruption:
    """How the reward takes one kind of edit.

    Attributes:
        name: The edit.
        counts: Numbers of edits.
        shares: The share of the references' reward, for each number.
        preferred: How often the corrupted text earns more than its reference, for each number.
        ties: How often it earns the same.
        monotone: True if the mean never surely rises with more edits.
    """

    name: str
    counts: tuple[int, ...]
    shares: list[Estimate]
    preferred: list[float]
    ties: list[float]
    monotone: bool


def edits_of(ground: Ground) -> dict[str, Edit]:
    """Returns the edits that make sense in the language of the task."""
    found: dict[str, Edit] = {
        "drop": edits.drop,
        "swap": edits.swap,
        "repeat": edits.repeat,
        "replace": edits.replaced_by(tuple(ground.vocabulary[:_WORDS])),
        "truncate": edits.truncate,
    }
    negate = edits.negated_in(ground.task.corpus.language)
    return found if negate is None else {**found, "negate": negate}


def corruptions(ground: Ground, scale: Scale, counts: Sequence[int]) -> list[Corruption]:
    """Returns how the reward takes each kind of edit of the references."""
    own = scale.scores(ground.references)
    found = []
    for name, edit in edits_of(ground).items():
        levels, changed = [own], False
        for count in counts:
            episodes = edited(ground, name, edit, count)
            changed = changed or _differ(episodes, ground.references)
            levels.append(scale.scores(episodes))
        if changed:  # a closed vocabulary may lack the words of an edit
            found.append(_measured(name, tuple(counts), levels, scale))
    return found


def _differ(episodes: Sequence[Episode], references: Sequence[Episode]) -> bool:
    """Returns True if more than half of the texts were changed."""
    same = sum(one.text == other.text for one, other in zip(episodes, references, strict=True))
    return same < len(episodes) / 2


def edited(ground: Ground, name: str, edit: Edit, count: int) -> list[Episode]:
    """Returns the references with `count` edits each; in dialogues they are spread over the turns."""
    rng = ground.rng("edit", name, count)
    if not ground.talks:
        return [ground.episode(e, edit(e.references[0], count, rng)) for e in ground.examples]

    turns = [sum(turn.speaker == "agent" for turn in episode.turns) for episode in ground.references]
    usual = max(1, round(float(np.mean(turns))))

    def make() -> Change:
        spent = turn = 0

        def change(text: str, own: Random) -> str:
            nonlocal spent, turn
            left = count - spent
            here = sum(own.random() < 1 / max(1, usual - turn) for _ in range(left))
            spent, turn = spent + here, turn + 1
            return edit(text, here, own) if here else text

        return change

    return ground.dialogues(corrupted(ground, make), f"edit {name} {count}")


def _measured(name: str, counts: tuple[int, ...], levels: list[Floats], scale: Scale) -> Corruption:
    own, rest = levels[0], levels[1:]
    rises = [after - before for before, after in zip(levels, rest, strict=False)]
    return Corruption(
        name,
        counts,
        [scale.estimate(scale.shares(scores)) for scores in rest],
        [float(np.mean(scores > own)) for scores in rest],
        [float(np.mean(scores == own)) for scores in rest],
        not any(scale.estimate(rise).low > 0 for rise in rises),
    )
