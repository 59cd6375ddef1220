"""Agent folders, training reports and checkpoints of format 1, read as those of today.

Format 1 said a run in flat fields. They become the run under "spec"; the other fields stay. The result is
checked like a file of today, so this module only checks what it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_baselines.storage.fields import COUNT, SEED, TABLE, TEXT, TRACK, Kind, check_fields, or_null
from llm_baselines.storage.training_spec import SET_BY_THE_RUN

FORMAT = 2
"""The format that is written."""

_AGENT: Mapping[str, Kind] = {
    "agent": TEXT,
    "env_id": or_null(TEXT),
    "env_kwargs": TABLE,
    "seed": SEED,
    "timesteps": COUNT,
    "config": TABLE,
    "reward_signature": or_null(TEXT),
}
_TRAINING: Mapping[str, Kind] = {
    "agent": TEXT,
    "entry_point": TEXT,
    "env": TEXT,
    "env_kwargs": TABLE,
    "config": TABLE,
    "training_reward": or_null(TABLE),
    "seed": SEED,
    "total_timesteps": COUNT,
    "track": TRACK,
}
_CHECKPOINT: Mapping[str, Kind] = {
    "agent": TEXT,
    "seed": SEED,
    "environment": TABLE,
    "config": TABLE,
    "total_timesteps": COUNT,
}
_ENVIRONMENT: Mapping[str, Kind] = {"env_id": or_null(TEXT), "env_kwargs": TABLE}
_SETTINGS = ("warm_start_folder", "checkpoint_freq")
_TOKENS = ("context_length", "vocabulary_size", "tokenizer_hash")


def upgraded_agent(old: Mapping[str, Any], place: object) -> dict[str, Any]:
    """The content of an agent.json of format 1 in today's form.

    Raises:
        AgentFolderError: A field is missing or of the wrong form.
    """
    check_fields(old, _AGENT, place, needed=("agent",))
    rest = {name: value for name, value in old.items() if name not in _AGENT and name != "model"}
    config = {**({"model": old["model"]} if "model" in old else {}), **old.get("config", {})}
    spec = _run(
        agent={"name": old["agent"], "config": config},
        env_id=old.get("env_id"),
        kwargs=old.get("env_kwargs", {}),
        signature=old.get("reward_signature"),
        seed=old.get("seed", 0),
        total_timesteps=old.get("timesteps", 0),
    )
    return {**rest, "format": FORMAT, "spec": spec}


def upgraded_training(old: Mapping[str, Any], place: object) -> dict[str, Any]:
    """The content of a training.json of format 1 in today's form.

    Raises:
        AgentFolderError: A field is missing or of the wrong form.
    """
    check_fields(old, _TRAINING, place, needed=(*_TRAINING, "reward", "reward_timing"))
    moved = (*_TRAINING, "reward", "reward_timing")
    spec = _run(
        agent={
            "name": old["agent"],
            "entry_point": old["entry_point"],
            "config": old["config"],
            "track": old["track"],
        },
        env_id=old["env"],
        kwargs=old["env_kwargs"],
        signature=(old["training_reward"] or {}).get("signature"),
        seed=old["seed"],
        total_timesteps=old["total_timesteps"],
    )
    spec["training"]["reward"]["spec"] = old["reward"]
    spec["training"]["reward_timing"] = old["reward_timing"]
    return {**{k: v for k, v in old.items() if k not in moved}, "format": FORMAT, "spec": spec}


def upgraded_checkpoint(old: Mapping[str, Any], place: object, agent: str | None = None) -> dict[str, Any]:
    """The state of a checkpoint of format 1 in today's form.

    Args:
        old: The state.
        place: The file, for errors.
        agent: The agent's name, where the state has none: Stable-Baselines3's agents wrote neither the name
            nor the number of steps.

    Raises:
        AgentFolderError: A field is missing or of the wrong form.
    """
    needed = ("seed", "environment", "config", *(() if agent else ("agent", "total_timesteps")))
    check_fields(old, _CHECKPOINT, place, needed)
    environment = old["environment"]
    check_fields(environment, _ENVIRONMENT, place, needed=_ENVIRONMENT, path="environment")
    spec = _run(
        agent={"name": agent or old["agent"], "config": old["config"]},
        env_id=environment["env_id"],
        kwargs=environment["env_kwargs"],
        signature=None,
        seed=old["seed"],
        total_timesteps=old.get("total_timesteps", 0),
    )
    rest = {name: value for name, value in old.items() if name not in _CHECKPOINT}
    return {**rest, "spec": spec, "tokens": {name: environment.get(name) for name in _TOKENS}}


def _run(
    *,
    agent: dict[str, Any],
    env_id: str | None,
    kwargs: Mapping[str, Any],
    signature: Any,
    seed: int,
    total_timesteps: int,
) -> dict[str, Any]:
    config = agent["config"]
    reward, timing = config.get("reward"), config.get("reward_timing")
    reward = kwargs.get("reward", "default") if reward is None else reward
    arguments = {name: value for name, value in kwargs.items() if name not in SET_BY_THE_RUN}
    return {
        "environment": {"id": env_id or "", "kwargs": arguments},
        "agent": {
            **agent,
            "config": {name: value for name, value in config.items() if name not in _SETTINGS},
            "settings": {name: value for name, value in config.items() if name in _SETTINGS},
        },
        "training": {
            "reward": {
                "spec": reward,
                "signature": signature,
            },
            "reward_timing": kwargs.get("reward_timing") if timing is None else timing,
            "split": kwargs.get("split", "train"),
            "total_timesteps": total_timesteps,
            "seed": seed,
        },
    }
