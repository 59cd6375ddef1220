"""Options and budgets per environment id, read from a TOML file beside the agents."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.envs.ids import registered_arguments

TUNED = "tuned"
"""The training reward of an agent's table for an id, with the timing and the discount it was tuned for.

It is a design that is chosen by name, `--reward tuned`; "default" is always the id's own reward.
"""


class OptionTables:
    """What a file says of some agents: `[agent.default]`, `[agent."ID"]` and `[timesteps.SIZE.agent]`.

    A table `tuned` inside the first two holds the options of that design; see `TUNED`.

    Args:
        path: The TOML file; read when it is first asked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _tables(self) -> dict[str, Any]:
        with open(self._path, "rb") as file:
            return tomllib.load(file)

    def options(self, agent: str, env_id: str, design: str | None = None) -> dict[str, Any]:
        """An agent's options on an id: its table "default", then the id's own on top.

        Args:
            agent: The agent's name.
            env_id: The id.
            design: TUNED, to have that design's options on top of both.

        Raises:
            ValueError: The agent has no such design on the id.
        """
        tables = self._tables.get(agent, {})
        parts = [tables.get("default", {}), tables.get(env_id, {})]
        options = {k: v for part in parts for k, v in part.items() if k != TUNED}
        if design is None:
            return options
        tuned = {k: v for part in parts for k, v in part.get(TUNED, {}).items()}
        if not tuned:
            raise ValueError(f"agent {agent!r} has no training reward {TUNED!r} on {env_id}; name a reward")
        return {**options, **tuned}

    def timesteps(self, agent: str, env_id: str, size: str = "bench") -> int:
        """How long to train an agent on an id; ids without an entry take the default's.

        Args:
            agent: The agent's name.
            env_id: The id.
            size: "demo" (one to two and a half minutes on one core) or "bench" (five to six).

        Raises:
            ValueError: The size is unknown.
        """
        sizes = self._tables["timesteps"]
        if size not in sizes:
            raise ValueError(f"unknown size={size!r}{did_you_mean(size, sizes)} the sizes are {list(sizes)}")
        chosen = sizes[size][agent]
        return int(chosen.get(env_id, chosen["default"]))


def chosen_design(config: Mapping[str, Any], env_id: str, env_kwargs: Mapping[str, Any]) -> str | None:
    """TUNED where a configuration asks for it as its training reward, else None.

    Args:
        config: What differs from an agent's defaults.
        env_id: The id.
        env_kwargs: Arguments the environment is made with.

    Raises:
        ValueError: The environment has a reward or a timing of its own, which the design would replace.
    """
    asked = config.get("reward")
    if not (isinstance(asked, str) and asked == TUNED):
        return None
    for name, usual in (("reward", "default"), ("reward_timing", None)):
        if (given := env_kwargs.get(name, usual)) != usual:
            raise ValueError(
                f"the training reward {TUNED!r} brings its own {name}, and {env_id} is made with "
                f"{name}={given!r}: leave one of them out"
            )
    return TUNED


def fitting_options(options: Mapping[str, Any], env_id: str, env_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """An id's options, without those that speak of data which the environment replaces.

    A temperature is one of them, and so is what the start from demonstrations is trained with: both were
    chosen for the id's own data set. Where the environment has a reward of its own, further data to play on
    is left out.

    Args:
        options: Of an agent, from its table.
        env_id: The id.
        env_kwargs: Arguments the environment is made with.
    """
    usual = registered_arguments(env_id).get("dataset")
    replaced: dict[str, Any] = {}
    other_data = env_kwargs.get("dataset", usual) != usual
    if other_data or env_kwargs.get("reward", "default") != "default":
        replaced = {"train_dataset": ""}
    if other_data:
        replaced |= {"temperature": 1.0, "supervised": {}}
    return {**options, **{name: value for name, value in replaced.items() if name in options}}
