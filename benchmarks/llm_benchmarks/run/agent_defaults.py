"""What an agent adds to a cell: its default configuration, its reward timing and its budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_baselines.configuration.tables import chosen_design, fitting_options
from llm_baselines.registry import agent_defaults, check_config, complete_config, factory_of
from llm_benchmarks.run.cells import Cell, SuiteError, check_timesteps


def with_defaults(cell: Cell) -> dict[str, Any]:
    """Returns the agent's configuration with its defaults written out.

    Raises:
        ValueError: An option is unknown or its value is invalid.
    """
    kwargs = {**cell.env_kwargs, "reward": cell.env_reward}
    options = cell.agent_options
    design = chosen_design(options, cell.env_id, kwargs)
    defaults = fitting_options(agent_defaults(cell.agent, cell.env_id, design, options), cell.env_id, kwargs)
    differing = {k: v for k, v in options.items() if design is None or k != "reward"}
    check_config(cell.agent, differing, defaults)
    return complete_config(cell.agent, cell.env_id, {**defaults, **differing})


def reward_timing_of(config: Mapping[str, Any], env_kwargs: Mapping[str, Any]) -> Any:
    """Returns when a training reward is paid: by the agent's configuration, else by the environment's."""
    timing = config.get("reward_timing")
    return env_kwargs.get("reward_timing") if timing is None else timing


def timesteps(agent: str, env_id: str, budget: int | str | None) -> int:
    """Returns the steps to train for: a given number, or the agent's own budget on the environment.

    Args:
        agent: A name of the registry, or "module:factory".
        env_id: Environment id.
        budget: A number of steps, or the size of the agent's own budget: "demo" or "bench". None is "bench".

    Raises:
        SuiteError: The budget is invalid, or the agent has none of its own.
    """
    check_timesteps(budget, f"{env_id} {agent}")
    if isinstance(budget, int):
        return budget
    suggested = factory_of(agent).suggested_timesteps(env_id, budget or "bench")
    if suggested is not None:
        return suggested
    raise SuiteError(f"agent {agent!r} has no budget of its own; say how many total_timesteps")
