"""Options and budgets per environment id, read from a TOML file beside the agents."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from llm_envs.envs.ids import registered_arguments


class OptionTables:
    """What a file says of some agents: `[agent.default]`, `[agent."ID"]` and `[timesteps.SIZE.agent]`.

    Args:
        path: The TOML file; read when it is first asked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _tables(self) -> dict[str, Any]:
        with open(self._path, "rb") as file:
            return tomllib.load(file)

    def options(self, agent: str, env_id: str) -> dict[str, Any]:
        """An agent's options on an id: its table "default", then the id's own on top."""
        tables = self._tables.get(agent, {})
        return {**tables.get("default", {}), **tables.get(env_id, {})}

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
            near = get_close_matches(size, sizes, n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"unknown size={size!r}; there are {list(sizes)}{hint}")
        chosen = sizes[size][agent]
        return int(chosen.get(env_id, chosen["default"]))


def fitting_options(options: Mapping[str, Any], env_id: str, env_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """An id's options, without those that speak of a reward or of data which the environment replaces.

    A temperature is one of them: it was chosen for the texts of the id's own data set.

    Args:
        options: Of an agent, from its table.
        env_id: The id.
        env_kwargs: Arguments the environment is made with.
    """
    usual = registered_arguments(env_id).get("dataset")
    replaced: dict[str, Any] = {}
    other_data = env_kwargs.get("dataset", usual) != usual
    if other_data or env_kwargs.get("reward", "default") != "default":
        replaced = {"reward": None, "reward_timing": None, "train_dataset": ""}
    elif "reward_timing" in env_kwargs:
        replaced = {"reward_timing": None}
    if other_data:
        replaced["temperature"] = 1.0
    return {**options, **{name: value for name, value in replaced.items() if name in options}}
