"""The agents of `agents.toml`: their code, and their options and training steps for every environment id."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.envs.ids import registered_arguments

TUNED = "tuned"
"""The design that `--reward tuned` chooses: a training reward, with the timing and discount it was tuned for.

"default" always means the environment's default reward.
"""


class OptionTables:
    """Options by agent and id: `[agent.default]`, `[agent."ID"]` and `[timesteps.SIZE.agent]`.

    A table `tuned` inside the first two holds the options of that design; see `TUNED`.

    Args:
        path: The TOML file. It is read on first use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _tables(self) -> dict[str, Any]:
        with open(self._path, "rb") as file:
            return tomllib.load(file)

    def options(self, agent: str, env_id: str, design: str | None = None) -> dict[str, Any]:
        """Returns an agent's options on an id: its table "default", then the id's own on top.

        Args:
            agent: The agent's name.
            env_id: The environment's id.
            design: TUNED puts the options of that design on top of both.

        Raises:
            ValueError: The file lacks the agent, its options for the id, or the design.
        """
        tables = self._agent(agent)
        if tables and "default" not in tables and env_id not in tables:
            raise ValueError(
                f"'{self._path}' has no options of agent {agent!r} for {env_id}: add a table "
                f'[{agent}.default] or [{agent}."{env_id}"]'
            )
        parts = [tables.get("default", {}), tables.get(env_id, {})]
        options = {k: v for part in parts for k, v in part.items() if k != TUNED}
        if design is None:
            return options
        tuned = {k: v for part in parts for k, v in part.get(TUNED, {}).items()}
        if not tuned:
            raise ValueError(f"agent {agent!r} has no training reward {TUNED!r} on {env_id}; name a reward")
        return {**options, **tuned}

    def timesteps(self, agent: str, env_id: str, size: str = "bench") -> int:
        """Returns how long to train an agent on an id; an id without an entry takes the default.

        Args:
            agent: The agent's name.
            env_id: The environment's id.
            size: "demo" (one to two and a half minutes on one core) or "bench" (five to six).

        Raises:
            ValueError: The size is unknown, or the file has no entry for the agent and the id.
        """
        sizes = self._tables.get("timesteps", {})
        if size not in sizes:
            raise ValueError(f"unknown size={size!r}{did_you_mean(size, sizes)} the sizes are {list(sizes)}")
        steps = sizes[size].get(agent, {})
        for name in (env_id, "default"):
            if name in steps:
                return int(steps[name])
        raise ValueError(
            f"'{self._path}' does not say how long agent {agent!r} trains on {env_id} in size {size!r}: add "
            f'"default" or "{env_id}" to the table [timesteps.{size}.{agent}]'
        )

    def _agent(self, agent: str) -> dict[str, Any]:
        """Returns the tables of options of an agent; empty for one that has the defaults of its class."""
        agents = self.agents()
        if agent not in agents:
            raise ValueError(
                f"'{self._path}' has no agent {agent!r}: add a table [{agent}] with factory and track; "
                f"it has {', '.join(agents)}"
            )
        return {name: table for name, table in self._tables[agent].items() if isinstance(table, dict)}

    def agents(self) -> dict[str, dict[str, str]]:
        """Returns name -> {"factory": "package.module:name", "track": what it learns from}, in order."""
        return {
            name: {key: value for key, value in table.items() if isinstance(value, str)}
            for name, table in self._tables.items()
            if name != "timesteps"
        }


AGENT_OPTIONS = OptionTables(Path(__file__).with_name("agents.toml"))
"""The agents of the registry."""


def chosen_design(config: Mapping[str, Any], env_id: str, env_kwargs: Mapping[str, Any]) -> str | None:
    """Returns TUNED if it is a configuration's training reward, else None.

    Args:
        config: The options that differ from an agent's defaults.
        env_id: The environment's id.
        env_kwargs: Arguments the environment is made with.

    Raises:
        ValueError: The environment has a reward or a timing of its own, which the design would replace.
    """
    reward = config.get("reward")
    if not (isinstance(reward, str) and reward == TUNED):
        return None
    for name, usual in (("reward", "default"), ("reward_timing", None)):
        if (given := env_kwargs.get(name, usual)) != usual:
            raise ValueError(
                f"the training reward {TUNED!r} brings its own {name}, and {env_id} is made with "
                f"{name}={given!r}: leave one of them out"
            )
    return TUNED


def fitting_options(options: Mapping[str, Any], env_id: str, env_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of an id, without those that suit only the data which the environment replaces.

    With another data set, temperatures and `supervised` return to their defaults: they were chosen for the
    id's own data. With another data set or reward there is no further data to play on.

    Args:
        options: An agent's options, from its table.
        env_id: The environment's id.
        env_kwargs: Arguments the environment is made with.
    """
    usual = registered_arguments(env_id).get("dataset")
    replaced: dict[str, Any] = {}
    other_data = env_kwargs.get("dataset", usual) != usual
    if other_data or env_kwargs.get("reward", "default") != "default":
        replaced = {"train_dataset": ""}
    if other_data:
        replaced |= {"temperature": 1.0, "exploration_temperature": 1.0, "supervised": {}}
    return {**options, **{name: value for name, value in replaced.items() if name in options}}
