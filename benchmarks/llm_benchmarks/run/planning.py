"""Which cells of a suite run: those of this shard that the store has no completed record of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from llm_baselines.spec import RunSpec
from llm_benchmarks.records.record import NO_FACTS
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.outcome import SuiteOutcome
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.resolve import draft, resolve
from llm_envs.foreign import allowing_code

_Item = TypeVar("_Item")
_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")


class PlannedCell(NamedTuple):
    """A cell that will run, with its run and its facts as far as they are known."""

    cell: Cell
    spec: RunSpec
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Shard:
    """One part of a suite: every `count`-th cell, from the `number`-th on.

    Attributes:
        number: From 1 to `count`.
        count: Parts in all.
    """

    number: int
    count: int

    def of(self, items: Sequence[_Item]) -> list[_Item]:
        """Returns the items of this shard. Every item is in exactly one of the `count` shards."""
        return list(items[self.number - 1 :: self.count])


WHOLE = Shard(1, 1)
"""The shard that holds every cell."""


def parse_shard(text: str) -> Shard:
    """Reads a shard such as "2/8".

    Raises:
        ValueError: The text has another form, or the number is not from 1 to the count.
    """
    match = _SHARD.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(
            f"--shard {text!r} must be I/N with I from 1 to N: 1/4, 2/4, 3/4 and 4/4 are a whole"
        )
    return Shard(int(match[1]), int(match[2]))


def plan(
    cells: Sequence[Cell],
    store: RecordStore,
    outcome: SuiteOutcome,
    progress: SuiteProgress,
    shard: Shard = WHOLE,
) -> list[PlannedCell]:
    """Returns the cells of a shard that have no completed record in the store.

    A cell that the suite repeats runs once, in the shard of its first place.

    Args:
        cells: The cells of the suite.
        store: Where records are looked up.
        outcome: Receives the skipped cells and the unreadable records.
        progress: Shows the progress.
        shard: The part of the suite.
    """
    progress.begin(len(cells))
    planned = []
    for cell in cells:
        progress.planning(cell)
        try:
            with allowing_code(cell.own_code()):
                resolved = resolve(cell)
            planned.append(PlannedCell(cell, resolved.spec, resolved.facts))
        except Exception:  # the process of the cell will report the error
            planned.append(PlannedCell(cell, draft(cell), NO_FACTS))
    keys = [each.spec.identity() for each in planned]
    mine = set(shard.of(list(dict.fromkeys(keys))))
    progress.leave_out(sum(key not in mine for key in keys))
    waiting: dict[str, PlannedCell] = {}
    for key, each in zip(keys, planned, strict=True):
        if key not in mine:
            outcome.elsewhere.append(each.cell)
        elif key in waiting or store.find(key, problems=outcome.unreadable):
            outcome.skipped.append(each.cell)
            progress.skipped(each.cell)
        else:
            waiting[key] = each
    progress.expect(sum(each.spec.training is not None for each in waiting.values()))
    return list(waiting.values())
