"""Gives records of schema 1 the form of schema 2 when they are read. Their files stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llm_baselines.registry import applicable_config
from llm_baselines.spec import AgentSpec, EnvironmentSpec, EvaluationSpec, RewardSpec, RunSpec, TrainingSpec
from llm_benchmarks.records.schema import check_schema
from llm_benchmarks.records.values import RecordError
from llm_envs.assets import ASSETS

FORMER_VERSION = 1
_SETTINGS = ("warm_start_folder", "checkpoint_freq")
"""Options that affect no result. Schema 1 kept them among the others."""

_DECODING = ("temperature", "top_k", "top_p", "n")
"""Options by which an agent chooses tokens when it samples."""

_EPISODES_UNKNOWN = 1
"""What schema 1 wrote for the number of episodes before the environment was made."""


def upgraded(former: Any, curve: Sequence[Mapping[str, Any]], place: str = "record.json") -> dict[str, Any]:
    """Checks a record of schema 1 and gives it the form of schema 2.

    What follows from other fields in schema 1, such as `cell_key` and `seeds.disjoint`, is not looked at.

    Args:
        former: The JSON values of record.json.
        curve: The rows of curve.jsonl.
        place: What to call it in errors.

    Returns:
        A record without files. `check_record` has not seen it yet.

    Raises:
        RecordError: It is not as the former schema says.
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
    return RunSpec(
        environment=EnvironmentSpec(
            id=env["id"], kwargs=env["kwargs"], contents=_contents(former), signature=env["signature"]
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
    own = config.get("reward_timing")
    return TrainingSpec(
        reward=_reward(reward),
        reward_timing=former["env"]["kwargs"].get("reward_timing") if own is None else own,
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


def _contents(former: Mapping[str, Any]) -> dict[str, str]:
    """Hashes of the arguments that name data or a tokenizer of the user's own."""
    kwargs, data, tokenizer = former["env"]["kwargs"], former["dataset"]["hash"], former["tokenizer"]
    found = {}
    if data and str(kwargs.get("dataset")).startswith(("file:", "hub:")):
        found["dataset"] = data
    asked = kwargs.get("tokenizer")
    if asked is not None and tokenizer["hash"] and _name(asked) != _name(tokenizer["spec"]):
        found["tokenizer"] = tokenizer["hash"]
    return found


def _name(spec: Any) -> Any:
    return spec.get("id") if isinstance(spec, Mapping) else spec


def _asset(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The base model, where the configuration names one of the assets. Schema 1 left it out."""
    name = config.get("model")
    known = isinstance(name, str) and name in ASSETS
    return {"name": name, "hash": None, "source": "asset"} if known else None


def _with_own_signatures(metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Metrics with a signature each, where every one of them had the signature of their weighted sum."""
    whole = [metric for metric in metrics if metric["signature"] is not None and "level" not in metric]
    shared = {metric["signature"] for metric in whole}
    parts = next(iter(shared)).split(" + ") if len(shared) == 1 else []
    own = {}
    for part in parts:
        signature = part.partition("*")[2] if "*" in part.split("|")[0] else part
        own[signature.split("|")[0]] = signature
    found = []
    for metric in metrics:
        changed = dict(metric)
        if len(parts) == len(whole) > 1 and "level" not in metric and metric["name"] in own:
            changed["signature"] = own[metric["name"]]
        found.append(changed)
    return found
