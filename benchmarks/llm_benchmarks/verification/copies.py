"""One run that was handed in under several training seeds, found by its texts or its curve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_benchmarks.records.record import Record, Rows
from llm_benchmarks.records.values import content_hash
from llm_benchmarks.verification.findings import Fails
from llm_envs.envs.task import Task

_TELLING = 5
"""Different texts, none of them a reference, that no two trainings write alike by chance.

Two perfect agents both write the references, and two searches may find the same fixed text.
"""

_TIMES = ("seconds", "time/")


@dataclass(frozen=True)
class Written:
    """What tells one training from another.

    Attributes:
        record: The record's id.
        seed: The training seed.
        tokens: Hash of all tokens of the evaluation, with the evaluation they answer.
        curve: Hash of the training curve without times; None without a curve.
    """

    record: str
    seed: int
    tokens: str
    curve: str | None


def written(record: Record, rows: Rows) -> Written | None:
    """Returns what a training wrote; None for an agent that is not trained."""
    if record.training_seed is None or not rows:
        return None
    environment, evaluation = record.spec.environment, record.evaluation
    played = [environment.id, evaluation.split, evaluation.seed, [row["action_ids"] for row in rows]]
    curve = [
        {name: value for name, value in point.items() if not name.startswith(_TIMES)}
        for point in record.curve()
    ]
    return Written(
        record.id, record.training_seed, content_hash(played), content_hash(curve) if curve else None
    )


def check_no_copy(record: Record, rows: Rows, task: Task, all_written: Iterable[Written]) -> None:
    """Raises if another record has the same texts under another training seed.

    Args:
        record: A record.
        rows: Its episodes.
        task: Gives the references.
        all_written: What the other trainings of the store wrote.

    Raises:
        Fails: Another training wrote the same, and chance does not explain it.
    """
    own = written(record, rows)
    if own is None:
        return
    telling = _is_telling(rows, task)
    for other in all_written:
        same_training = other.seed == own.seed or other.record == own.record
        if same_training or other.tokens != own.tokens:
            continue
        same_curve = own.curve is not None and other.curve == own.curve
        if telling or same_curve:
            what = "texts and curve" if same_curve else "texts"
            raise Fails(
                f"the same {what} as record {other.record[:12]}, under training seed {own.seed} here and "
                f"{other.seed} there: one run under two seeds"
            )


def _is_telling(rows: Sequence[Mapping[str, Any]], task: Task) -> bool:
    """Returns True if a record has several different texts that are no references."""
    own = {row["text"] for row in rows if row["text"] not in task.examples[row["example"]].references}
    return len(own) >= _TELLING
