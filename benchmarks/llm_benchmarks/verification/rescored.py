"""Level 1: the rewards and metrics of a record, computed again from its texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from llm_benchmarks.records.record import Record, Rows
from llm_benchmarks.records.results import corpus_metrics
from llm_benchmarks.verification.agreement import agree, difference
from llm_benchmarks.verification.findings import Fails, NotVerifiable
from llm_benchmarks.verification.ground import Ground
from llm_envs.envs.task import Task
from llm_envs.episode import Episode
from llm_envs.foreign import shown
from llm_envs.rewards import RewardError


class NotRecorded(Exception):
    """A reward read a part of an episode that no record holds."""


@dataclass(frozen=True, slots=True)
class RecordedEpisode(Episode):
    """An episode of a dialogue as a record holds it: a reward that reads the turns gets an error."""

    def __getattribute__(self, name: str) -> object:
        if name == "turns":
            _refuse()
        return object.__getattribute__(self, name)


def _refuse() -> NoReturn:
    raise NotRecorded("the turns of the dialogue")


def reads_more_than_recorded(error: BaseException) -> str:
    """Returns what a reward wanted to read, if that is why it failed; else ""."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NotRecorded):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return ""


def check_scores(record: Record, rows: Rows, ground: Ground) -> None:
    """Raises if a reward or metric of a record is not what its text earns.

    What the environment itself measured, such as a dialogue's success, is taken from the record here.
    Replaying measures it again.

    Args:
        record: A record with results.
        rows: Its episodes.
        ground: The environment, made again.

    Raises:
        Fails: A source is not that of the example, or a score differs.
        NotVerifiable: The reward or the data set is another one today, or the reward reads more than the
            record holds.
    """
    for change in ground.changed_since(record, scores_only=True):
        raise NotVerifiable(f"{change}: it is of an earlier release, or of other data")
    task = ground.task
    metrics = measured_metrics(record, task)
    episodes = episodes_of(record, rows, task)
    try:
        totals, components = task.reward.score_batch(episodes)
        scored = [{}] * len(rows) if task.metrics is None else task.metrics.score_batch(episodes)[1]
        whole = {} if task.corpus_metrics is None else task.corpus_metrics.score_corpus(episodes)
    except RewardError as error:
        if what := reads_more_than_recorded(error):
            raise NotVerifiable(f"its reward reads {what}, which no record holds; a replay has it") from None
        raise Fails(str(error)) from error
    for k, row in enumerate(rows):
        place = f"episode {k} (example {row['example']})"
        if problem := difference(row["reward_components"], components[k], task.reward):
            raise Fails(f"{place}: reward_components.{problem}")
        if not agree(row["reward"], totals[k], task.reward.tolerance):
            raise Fails(f"{place}: reward: {totals[k]}, the record has {row['reward']}")
        there = {name: value for name, value in row["metrics"].items() if name not in metrics}
        if problem := difference(there, scored[k], task.metrics):
            raise Fails(f"{place}: metrics.{problem}")
    results: Mapping[str, Any] = record.results or {}
    there = {name: results["metrics"][name] for name in corpus_metrics(record.facts)}
    if problem := difference(there, whole, task.corpus_metrics):
        raise Fails(f"results.metrics.{problem}")


def episodes_of(record: Record, rows: Rows, task: Task) -> list[Episode]:
    """Returns the episodes of a record as rewards see them.

    Args:
        record: The record.
        rows: Its rows.
        task: Gives the examples.

    Raises:
        Fails: A row's example does not exist, has another source, or its length is not that of its tokens.
    """
    measured = measured_metrics(record, task)
    episodes: list[Episode] = []
    for k, row in enumerate(rows):
        if row["example"] >= len(task.examples):
            raise Fails(f"episode {k}: example {row['example']}: the split has {len(task.examples)}")
        example = task.examples[row["example"]]
        if row["source"] != example.source:
            raise Fails(
                f"episode {k}: source: example {row['example']} of the data set has "
                f"{shown(repr(example.source), 60)}, the record {shown(repr(row['source']), 60)}"
            )
        if row["length"] != len(row["action_ids"]):
            raise Fails(f"episode {k}: length: {row['length']}, for {len(row['action_ids'])} tokens")
        measures = {name: row["metrics"][name] for name in measured if row["metrics"].get(name) is not None}
        kind = Episode if task.max_turns == 1 else RecordedEpisode
        ids, reason = tuple(row["action_ids"]), row["finish_reason"]
        episodes.append(kind(example, row["text"], ids, reason, measures=measures))
    return episodes


def measured_metrics(record: Record, task: Task) -> Sequence[str]:
    """Returns the metrics that the environment itself measured.

    Raises:
        NotVerifiable: A metric of the record is another one today.
    """
    listed = {metric["name"]: metric["signature"] for metric in record.facts["metrics"]}
    today: dict[str, str] = {}
    for rewards in (task.metrics, task.corpus_metrics):
        today |= {} if rewards is None else rewards.signatures
    for name, signature in listed.items():
        if signature is not None and today.get(name) != signature:
            now = shown(today.get(name, "nothing of that name"), 60)
            raise NotVerifiable(
                f"the metric {shown(name)} is {now} today, {shown(signature, 60)} in the record"
            )
    return [name for name, signature in listed.items() if signature is None]
