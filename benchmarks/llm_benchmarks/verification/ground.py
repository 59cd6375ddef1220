"""The environment of a record, made again from what the record says about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv

import llm_envs  # noqa: F401  registers the ids
from llm_benchmarks.console.exit_status import one_line
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.values import canonical_json
from llm_benchmarks.run.cells import Cell, Evaluation
from llm_benchmarks.run.environments import evaluation_arguments
from llm_benchmarks.verification.findings import NotVerifiable
from llm_envs.envs.ids import make_vec
from llm_envs.envs.task import Task
from llm_envs.foreign import UntrustedCode, refuse_code, shown

_ROWS = 512
_TOKENS = 2**22
"""Rows times context length of one vector environment: what a record asks for must fit into memory."""

_KEPT = 8


@dataclass(frozen=True)
class Ground:
    """The environments that a record was evaluated in.

    Attributes:
        env_id: The id.
        arguments: The arguments of its evaluation environments.
        task: Their task.
        described: `Task.describe` of it.
    """

    env_id: str
    arguments: Mapping[str, Any]
    task: Task
    described: Mapping[str, Any]

    def environments(self, rows: int) -> VectorEnv[Any, Any, Any]:
        """Returns a vector environment with at most so many rows that its tokens fit into memory."""
        rows = max(1, min(rows, _ROWS, _TOKENS // self.task.context_length))
        return make_vec(self.env_id, rows, autoreset_mode="Disabled", **self.arguments)

    def changed_since(self, record: Record, *, scores_only: bool = False) -> Iterator[str]:
        """Yields what is not as the record has it, such as "the data set's hash is 12ab today, 34cd there".

        Args:
            record: The record.
            scores_only: Compare only what the scores of a text depend on: its example and the reward.
        """
        facts, described = record.facts, self.described
        pairs = [
            ("data set's hash", described["dataset_hash"], facts["dataset"]["hash"]),
            ("reward's signature", described["reward_signature"], record.evaluation.reward.signature),
        ]
        if not scores_only:
            pairs += [
                ("tokenizer's hash", described["tokenizer_hash"], facts["tokenizer"]["hash"]),
                ("vocabulary's size", described["vocabulary_size"], facts["tokenizer"]["vocabulary_size"]),
                ("context length", described["context_length"], facts["context_length"]),
                ("data set's sizes", described["dataset_sizes"], facts["dataset"]["sizes"]),
                ("data set's name", described["dataset"], facts["dataset"]["name"]),
                ("environment's signature", self.task.signature, record.spec.environment.signature),
            ]
        for name, today, there in pairs:
            if today != there:
                yield f"the {name} is {_differing(today, there)}"


class Grounds:
    """Makes the environments of records, and keeps the last ones: the records of a store share them."""

    def __init__(self) -> None:
        self._made: dict[bytes, Ground | str] = {}

    def of(self, record: Record) -> Ground:
        """Returns the environments of a record.

        Raises:
            NotVerifiable: They cannot be made here. Nothing that the record names as code is imported, unless
                the person allowed it.
        """
        environment, evaluation = record.spec.environment, record.evaluation
        wanted = {
            "id": environment.id,
            "kwargs": dict(environment.kwargs),
            "split": evaluation.split,
            "reward": evaluation.reward.spec,
            "metrics": evaluation.metrics,
        }
        try:  # not kept: the message names this record
            refuse_code(dict(wanted), f"record {record.id[:12]}")
        except UntrustedCode as error:
            raise NotVerifiable(_not_made(error)) from error
        key = canonical_json(wanted)
        if key not in self._made:
            if len(self._made) >= _KEPT:
                self._made.pop(next(iter(self._made)))
            self._made[key] = _made(wanted)
        ground = self._made[key]
        if isinstance(ground, str):
            raise NotVerifiable(ground)
        return ground


def _made(wanted: Mapping[str, Any]) -> Ground | str:
    """Returns the environments, or why they cannot be made."""
    if wanted["reward"] is None:
        return "its reward is a callable, which no record can hold"
    if ":" in wanted["id"] or wanted["id"] not in gym.registry:  # a module in front would be imported
        return (
            f"there is no environment {shown(wanted['id'])!r} here; if a module of yours registers it: "
            "--env MODULE:ID"
        )
    try:
        evaluation = Evaluation(
            split=wanted["split"], reward=wanted["reward"], metrics=wanted["metrics"], num_envs=1
        )
        cell = Cell(env=wanted["id"], agent="random", env_kwargs=wanted["kwargs"], evaluation=evaluation)
        arguments = evaluation_arguments(cell)
        envs = make_vec(wanted["id"], 1, autoreset_mode="Disabled", **arguments)
        task: Task = envs.unwrapped.task  # type: ignore[attr-defined]
        envs.close()
        return Ground(wanted["id"], arguments, task, task.describe())
    except Exception as error:  # what somebody else's arguments raise; the reason is shown
        return _not_made(error)


def _not_made(error: Exception) -> str:
    return f"its environment cannot be made here: {one_line(error)}"


def _differing(today: Any, there: Any) -> str:
    """Returns two values as "A today, B in the record"; long texts from where they differ."""
    if isinstance(today, str) and isinstance(there, str):
        shared = zip(today, there, strict=False)
        same = next((i for i, (a, b) in enumerate(shared) if a != b), min(len(today), len(there)))
        start = max(0, same - 12)
        cut = "…" if start else ""
        return f"{cut}{shown(today[start:], 40)} today, {cut}{shown(there[start:], 40)} in the record"
    return f"{shown(today, 60)} today, {shown(there, 60)} in the record"
