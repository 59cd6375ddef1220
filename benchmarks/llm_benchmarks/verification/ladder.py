"""Climbs the ladder with the records of a store: level after level, until one does not hold."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from llm_benchmarks.leaderboard.anchors import SCALE
from llm_benchmarks.records.record import Record, Rows
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_benchmarks.verification.copies import Written, check_no_copy, written
from llm_benchmarks.verification.findings import Fails, Finding, NotVerifiable, Verdict
from llm_benchmarks.verification.ground import Ground, Grounds
from llm_benchmarks.verification.plan import check_plan
from llm_benchmarks.verification.replayed import check_replay
from llm_benchmarks.verification.rescored import check_scores
from llm_benchmarks.verification.unaltered import read_unaltered
from llm_envs.rewards import RewardError

_FRESH = 2**31


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """How records are verified.

    Attributes:
        level: The highest level to try.
        evaluation_seed: The seed that all rows share; by default that of a record's suite, or 1,000,000.
        fresh_seed: Seed of the evaluation of level 3; drawn by default, so that nobody knows it before.
        margin: The difference of mean rewards that counts as none at level 3; by default that of each id.
        checkpoint: The checkpoint for level 3; by default the one beside each record.
    """

    level: int = 2
    evaluation_seed: int | None = None
    fresh_seed: int = field(default_factory=lambda: secrets.randbelow(_FRESH))
    margin: float | None = None
    checkpoint: Path | None = None

    def verdicts(
        self,
        store: RecordStore,
        wanted: Callable[[Record], bool] = lambda record: True,
        ids: Collection[str] | None = None,
    ) -> Iterator[tuple[Record | None, Verdict]]:
        """Verifies records of a store.

        Args:
            store: The store. All its records are read, because one run under two seeds shows in two of them.
            wanted: Which records to verify.
            ids: Only these ids; all by default. Unreadable records are among them.

        Yields:
            Each record, None if it cannot be read, and what was found.
        """
        whole: list[Record] = []
        all_written: list[Written] = []
        for id in store.ids():
            try:
                record, rows = read_unaltered(store, id)
            except Fails as fault:
                if ids is None or id in ids:
                    yield None, Verdict(id, (Finding(0, "fails", str(fault)),))
                continue
            one = written(record, rows)
            all_written += [] if one is None else [one]
            if wanted(record) and (ids is None or id in ids):
                whole.append(record)
        grounds = Grounds()
        for record in sorted(whole, key=_by_environment):
            yield record, Verdict(record.id, tuple(self._climb(record, grounds, all_written)))

    def _climb(self, record: Record, grounds: Grounds, all_written: Iterable[Written]) -> Iterator[Finding]:
        """Yields a finding for each level up to the first that does not hold."""
        try:
            rows = record.episodes()  # read again: a large store does not fit into memory
        except RecordError as error:
            yield Finding(0, "fails", str(error))
            return
        if record.results is None:
            yield Finding(0, "holds", f"{record.status}: there are no results to verify")
            return
        yield Finding(0, "holds")
        if self.level < 1:
            return
        try:
            ground = grounds.of(record)
        except NotVerifiable as reason:
            yield Finding(1, "unknown", str(reason))
            return
        first = _tried(1, lambda: check_scores(record, rows, ground))
        if self.level < 2 or first.outcome == "fails":
            yield first
            return
        second = _tried(2, lambda: self._replay(record, rows, ground, all_written))
        if first.outcome == "unknown" and second.outcome == "holds":
            first = Finding(1, "holds", f"by the replay, because {first.reason}")
        yield first
        if first.outcome != "holds":
            return
        yield second
        if second.outcome == "holds" and self.level > 2 and not _is_anchor(record):
            yield _tried(3, lambda: self._evaluate(record, rows, ground))

    def _replay(self, record: Record, rows: Rows, ground: Ground, all_written: Iterable[Written]) -> None:
        check_replay(record, rows, ground)
        check_plan(record, rows, len(ground.task.examples), self.evaluation_seed)
        check_no_copy(record, rows, ground.task, all_written)

    def _evaluate(self, record: Record, rows: Rows, ground: Ground) -> str:
        from llm_benchmarks.verification.reevaluated import check_checkpoint  # imports torch

        if record.spec.training is None:
            raise NotVerifiable("its agent is not trained, so it has no checkpoint")
        return check_checkpoint(
            record, rows, ground, self.checkpoint, seed=self.fresh_seed, margin=self.margin
        )


def _is_anchor(record: Record) -> bool:
    """Returns True for random play and the references: they have no checkpoint, and no skill to prove."""
    return record.spec.training is None and record.spec.agent.name in SCALE


def _by_environment(record: Record) -> tuple[str, str]:
    return f"{record.spec.environment.id} {record.spec.environment.signature}", record.id


def _tried(level: int, check: Callable[[], str | None]) -> Finding:
    """Tries one level."""
    try:
        return Finding(level, "holds", check() or "")
    except Fails as fault:
        return Finding(level, "fails", str(fault))
    except NotVerifiable as reason:
        return Finding(level, "unknown", str(reason))
    except RewardError as error:
        return Finding(level, "fails", str(error))
