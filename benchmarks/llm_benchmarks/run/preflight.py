"""Checks before a run for errors that would otherwise show only after hours of training."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import gymnasium as gym

from llm_baselines.spec import RunSpec
from llm_benchmarks.records.record import NO_COST, new_record
from llm_benchmarks.run.cells import SuiteError
from llm_envs.data import DataError
from llm_envs.envs.task import Task
from llm_envs.episode import Episode
from llm_envs.rewards import RewardError

_TRIED = 16  # examples on which lazily loaded rewards are tried
_MOMENT = "2000-01-01T00:00:00Z"
_PROVENANCE: dict[str, Any] = {
    "git_commit": None,
    "git_dirty": None,
    "packages": {},
    "python": "3",
    "platform": "any",
    "hardware": {"cpu": "any", "cores": 1, "memory_bytes": None, "accelerator": None},
    "threads": 1,
    "started_at": _MOMENT,
    "finished_at": _MOMENT,
    "command": [],
}
_RESULTS: dict[str, Any] = {
    "episodes": 1,
    "mean_reward": 0.0,
    "std_reward": 0.0,
    "metrics": {},
    "finish_reasons": {},
    "mean_length": 0.0,
}


def check_record_of(spec: RunSpec, facts: Mapping[str, Any]) -> None:
    """Raises if no completed record could hold the run.

    Raises:
        RecordError: The message names the field and what is wrong with it.
    """
    seconds = {"training": 0.0, "evaluation": 0.0}
    cost = {**NO_COST, "environment_steps": 0, "wall_clock_seconds": seconds}
    new_record(spec, facts, status="completed", provenance=_PROVENANCE, cost=cost, results=_RESULTS)


def check_lazy_rewards(task: Task) -> None:
    """Scores a few references, so that a reward that loads lazily fails before the training.

    Raises:
        SuiteError: A reward or metric fails.
    """
    few = islice(task.examples, _TRIED)
    episodes = [Episode(e, e.references[0] if e.references else e.source, (), "stop") for e in few]
    try:
        for rewards in (task.reward, task.metrics):
            if rewards is not None and rewards.lazy:
                rewards.score_batch(episodes)
        if task.corpus_metrics is not None and task.corpus_metrics.lazy:
            task.corpus_metrics.score_corpus(episodes)
    except RewardError as error:
        raise SuiteError(str(error)) from error


def check_validation(env_id: str, arguments: Mapping[str, Any]) -> None:
    """Raises if the environment of the learning curve cannot be made, as `rows.validation_envs` makes it.

    Args:
        env_id: The id, with the module that registers it.
        arguments: Arguments of the environment, with its reward.

    Raises:
        SuiteError: The validation split has no examples.
    """
    kwargs = {**arguments, "reward_timing": "terminal", "metrics": "default", "split": "validation"}
    try:
        gym.make(env_id, **kwargs).close()
    except DataError as error:
        raise SuiteError(f"{error}; or train without a learning curve: eval_freq=0") from error
