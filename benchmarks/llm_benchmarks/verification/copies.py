"""One run that was handed in under several training seeds, found by its texts or its curve."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from llm_benchmarks.records.record import Record, Rows
from llm_benchmarks.records.values import content_hash
from llm_benchmarks.verification.findings import Fails
from llm_envs.envs.task import Task

_TELLING = 5
"""Different texts, none of them a reference, that two records must share.

Two perfect agents both write the references, and two searches may find the same fixed text.
"""

_SHARED = 0.9
"""The share of such texts that makes a copy. Trainings of the committed store share at most 0.64 of them."""

_TIMES = ("seconds", "time/")


@dataclass(frozen=True, eq=False)
class Written:
    """What tells one training from another.

    Attributes:
        record: The record's id.
        seed: The training seed.
        evaluation: What was played: environment, split and seed.
        texts: Hash of the tokens of each episode, uint64 (episodes,).
        curve: Hash of the training curve without times; None without a curve.
    """

    record: str
    seed: int
    evaluation: tuple[str, str, int]
    texts: np.ndarray
    curve: str | None


def written(record: Record, rows: Rows) -> Written | None:
    """Returns what a training wrote; None for an agent that is not trained."""
    if record.training_seed is None or not rows:
        return None
    played = (record.spec.environment.id, record.evaluation.split, record.evaluation.seed)
    texts = np.array([_hash(row["action_ids"]) for row in rows], dtype=np.uint64)
    curve = [
        {name: value for name, value in point.items() if not name.startswith(_TIMES)}
        for point in record.curve()
    ]
    return Written(record.id, record.training_seed, played, texts, content_hash(curve) if curve else None)


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
    telling = np.array(
        [row["text"] not in task.examples[row["example"]].references for row in rows], dtype=bool
    )
    for other in all_written:
        if other.seed == own.seed or other.evaluation != own.evaluation or len(other.texts) != len(rows):
            continue
        same = other.texts == own.texts
        shared = {row["text"] for row, copied in zip(rows, same & telling, strict=True) if copied}
        copied = len(shared) >= _TELLING and (same & telling).sum() >= _SHARED * telling.sum()
        same_curve = own.curve is not None and other.curve == own.curve and bool(same.all())
        if copied or same_curve:
            what = "texts and curve" if same_curve else "texts"
            raise Fails(
                f"{int(same.sum())} of {len(rows)} episodes have the same {what} as in record "
                f"{other.record[:12]}, under training seed {own.seed} here and {other.seed} there: one run "
                "under two seeds"
            )


def _hash(token_ids: list[int]) -> int:
    digest = hashlib.blake2b(np.array(token_ids, dtype=np.int64).tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
