"""Converts records of schema 1 to schema 2 when they are read. Their files stay unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llm_baselines.registry import applicable_config
from llm_baselines.spec import AgentSpec, EnvironmentSpec, EvaluationSpec, RewardSpec, RunSpec, TrainingSpec
from llm_baselines.storage.training_spec import contents_of
from llm_benchmarks.records.schema import check_schema
from llm_benchmarks.records.values import RecordError
from llm_envs.assets import ASSETS

FORMER_VERSION = 1
_SETTINGS = ("warm_start_folder", "checkpoint_freq")
"""Options that affect no result. Schema 1 kept them among the other options."""

_DECODING = ("temperature", "top_k", "top_p", "n")
"""Options by which an agent chooses tokens when it samples."""

_EPISODES_UNKNOWN = 1
"""The number of episodes that schema 1 wrote for a run whose environment was never made."""


def upgraded(former: Any, curve: Sequence[Mapping[str, Any]], place: str = "record.json") -> dict[str, Any]:
    """Checks a record of schema 1 and converts it to schema 2.

    Fields of schema 1 that follow from others, such as `cell_key` and `seeds.disjoint`, are ignored.

    Args:
        former: The JSON values of record.json.
        curve: The rows of curve.jsonl.
        place: The name of the record in errors.

    Returns:
        A record without files, which `check_record` must still check.

    Raises:
        RecordError: The record breaks schema 1.
    """
    if not isinstance(former, Mapping):
        raise RecordError(f"{place}: expected an object, got {type(former).__name__}")
    version = former.get("schema_version")
    if version != FORMER_VERSION or isinstance(version, float | bool):
        raise RecordError(f"{place}: schema_version: {version!r} is unknown; this release reads 1 and 2")
    check_schema(former, "former_record", place)
    spec = _spec(former)
    return {
        "schema_version": 2,
        "identity": spec.identity(),
        "status": former["status"],
        "error": former["error"],
        "spec": spec.to_dict(),
        "facts": {
            "context_length": former["env"]["context_length"],
            "dataset": {name: former["dataset"][name] for name in ("name", "hash", "sizes")},
            "tokenizer": former["tokenizer"],
            "metrics": _with_own_signatures(former["reward"]["metrics"]),
            "checkpoint_hash": former["agent"]["checkpoint_hash"],
            "parameters": former["agent"]["parameters"],
        },
        "results": former["results"],
        "cost": former["cost"],
        "provenance": former["provenance"],
        "curve": list(curve),
        "files": {},
    }


def _spec(former: Mapping[str, Any]) -> RunSpec:
    env, agent = former["env"], former["agent"]
    config = {name: value for name, value in agent["config"].items() if name not in _SETTINGS}
    config = applicable_config(agent["name"], config)
    training = former["reward"]["training"]
    described = {
        "dataset_hash": former["dataset"]["hash"],
        "tokenizer": former["tokenizer"]["spec"],
        "tokenizer_hash": former["tokenizer"]["hash"],
    }
    return RunSpec(
        environment=EnvironmentSpec(
            id=env["id"],
            kwargs=env["kwargs"],
            contents=contents_of(env["kwargs"], described),
            signature=env["signature"],
        ),
        agent=AgentSpec(
            name=agent["name"],
            entry_point=agent["entry_point"],
            config=config,
            settings={name: agent["config"][name] for name in _SETTINGS if name in agent["config"]},
            base_model=agent["base_model"] or _asset(config),
            track=former["track"],
            trials=agent["tuning"]["trials"],
            tuning_seeds=tuple(agent["tuning"]["seeds"]),
        ),
        training=None if training is None else _training(former, training, config),
        evaluation=_evaluation(former, config),
    )


def _training(
    former: Mapping[str, Any], reward: Mapping[str, Any], config: Mapping[str, Any]
) -> TrainingSpec:
    timing = config.get("reward_timing")
    return TrainingSpec(
        reward=_reward(reward),
        reward_timing=former["env"]["kwargs"].get("reward_timing") if timing is None else timing,
        split=former["dataset"]["training_split"] or "train",
        total_timesteps=former["budget"]["total_timesteps"],
        seed=former["seeds"]["training"] or 0,
    )


def _evaluation(former: Mapping[str, Any], config: Mapping[str, Any]) -> EvaluationSpec:
    decoding, episodes = former["decoding"], former["budget"]["evaluation_episodes"]
    unknown = former["env"]["signature"] is None and episodes == _EPISODES_UNKNOWN
    sampling = {} if decoding["deterministic"] else {n: config[n] for n in _DECODING if n in config}
    return EvaluationSpec(
        split=former["dataset"]["evaluation_split"],
        seed=former["seeds"]["evaluation"],
        episodes=None if unknown else episodes,
        reward=_reward(former["reward"]["evaluation"]),
        metrics=former["reward"].get("metrics_spec", "default"),
        deterministic=decoding["deterministic"],
        decoding={**sampling, **decoding["options"]},
        num_envs=decoding["num_envs"],
    )


def _reward(former: Mapping[str, Any]) -> RewardSpec:
    return RewardSpec(spec=former["spec"], signature=former["signature"])


def _asset(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the base model if the configuration names an asset. Schema 1 did not record those."""
    name = config.get("model")
    is_asset = isinstance(name, str) and name in ASSETS
    return {"name": name, "hash": None, "source": "asset"} if is_asset else None


def _with_own_signatures(metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the metrics with a signature each.

    Some records of schema 1 gave every metric the signature of the weighted sum. It is split here.
    """
    unsplit = [metric for metric in metrics if metric["signature"] is not None and "level" not in metric]
    shared = {metric["signature"] for metric in unsplit}
    parts = next(iter(shared)).split(" + ") if len(shared) == 1 else []
    by_name = {}
    for part in parts:
        signature = part.partition("*")[2] if "*" in part.split("|")[0] else part
        by_name[signature.split("|")[0]] = signature
    split = []
    for metric in metrics:
        changed = dict(metric)
        if len(parts) == len(unsplit) > 1 and "level" not in metric and metric["name"] in by_name:
            changed["signature"] = by_name[metric["name"]]
        split.append(changed)
    return split
