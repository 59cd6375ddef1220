"""A run in somebody else's file: every field is checked, then it becomes a RunSpec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_baselines.spec import RunSpec
from llm_baselines.storage.fields import (
    ANYTHING,
    COUNT,
    COUNTS,
    SEED,
    TABLE,
    TABLE_OF_TEXTS,
    TEXT,
    TRACK,
    Kind,
    check_fields,
    or_null,
)
from llm_baselines.storage.sealed_folder import AgentFolderError
from llm_envs.foreign import refuse_code

_SPLIT: Kind = ("train, validation or test", ("train", "validation", "test").__contains__)
_ONLY_NULL: Kind = ("null", lambda value: value is None)

_RUN: Mapping[str, Kind] = {
    "environment": TABLE,
    "agent": TABLE,
    "training": or_null(TABLE),
    "evaluation": _ONLY_NULL,
    "experiment": TEXT,
    "variant": TEXT,
}
_ENVIRONMENT: Mapping[str, Kind] = {
    "id": TEXT,
    "module": TEXT,
    "kwargs": TABLE,
    "contents": TABLE_OF_TEXTS,
    "signature": or_null(TEXT),
}
_AGENT: Mapping[str, Kind] = {
    "name": TEXT,
    "entry_point": TEXT,
    "config": TABLE,
    "settings": TABLE,
    "base_model": or_null(TABLE),
    "track": TRACK,
    "trials": COUNT,
    "tuning_seeds": COUNTS,
}
_TRAINING: Mapping[str, Kind] = {
    "reward": TABLE,
    "reward_timing": ANYTHING,
    "split": _SPLIT,
    "total_timesteps": COUNT,
    "seed": SEED,
}
_REWARD: Mapping[str, Kind] = {"spec": ANYTHING, "signature": or_null(TEXT)}


def read_run(values: Any, place: object) -> RunSpec:
    """The run of a trained folder or a checkpoint: an agent and its training, without an evaluation.

    Args:
        values: What stands under "spec" in the file.
        place: The file, for errors.

    Raises:
        AgentFolderError: Naming file, field and fault: a field is unknown, missing, or of the wrong form.
    """
    if not isinstance(values, Mapping):
        raise AgentFolderError(f"'{place}': spec: {values!r:.60} is not an object")
    _check(values, _RUN, place, "spec", needed=("environment", "agent", "training"))
    _check(values["environment"], _ENVIRONMENT, place, "spec.environment", needed=("id", "kwargs"))
    _check(values["agent"], _AGENT, place, "spec.agent", needed=("name", "config"))
    if (training := values["training"]) is not None:
        needed = ("reward", "total_timesteps", "seed")
        _check(training, _TRAINING, place, "spec.training", needed=needed)
        _check(training["reward"], _REWARD, place, "spec.training.reward", needed=("spec",))
    return RunSpec.from_dict(values)


def refuse_code_of_run(values: Any, place: object) -> None:
    """Raises if a part of a run that objects are made from names code.

    The agent's name and the training reward are not checked. The registry, not the file, decides the class of
    the agent, and `kept_config` drops a reward that is code.

    Args:
        values: The value of "spec" in the file, of any form.
        place: The file, for errors.

    Raises:
        UntrustedCode: A part names code that the person has not allowed.
    """
    if not isinstance(values, Mapping):
        return
    unchecked = ("name", "entry_point")
    agent, training = values.get("agent"), values.get("training")
    made: dict[str, Any] = {"environment": values.get("environment")}
    if isinstance(agent, Mapping):
        made["agent"] = {name: part for name, part in agent.items() if name not in unchecked}
        if isinstance(config := agent.get("config"), Mapping):
            made["agent"]["config"] = {name: value for name, value in config.items() if name != "reward"}
    if isinstance(training, Mapping):
        made["training"] = {name: part for name, part in training.items() if name != "reward"}
    refuse_code({"spec": made}, place)


def _check(
    table: Mapping[str, Any], kinds: Mapping[str, Kind], place: object, path: str, needed: tuple[str, ...]
) -> None:
    for name in table:
        if name not in kinds:
            raise AgentFolderError(f"'{place}': {path}.{name}: is not a field of a run")
    check_fields(table, kinds, place, needed, path=path)
