"""The table of agents by name, and `make_agent` for names, saved agents and your own agents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from llm_baselines.agent import Agent, AgentFactory, Env, Track
from llm_baselines.configuration import options
from llm_baselines.configuration.plain_factory import PlainFactory
from llm_baselines.configuration.tables import AGENT_OPTIONS
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.foreign import load_code


class AgentEntry(NamedTuple):
    """The location of an agent's factory ("module:factory"), and what the agent learns from."""

    target: str
    track: Track


AGENTS: dict[str, AgentEntry] = {
    name: AgentEntry(entry["factory"], cast(Track, entry["track"]))
    for name, entry in AGENT_OPTIONS.agents().items()
}
"""name -> (factory, track), from configuration/agents.toml."""


def list_agents() -> list[str]:
    """Returns the names in the registry."""
    return list(AGENTS)


def make_agent(
    agent: str,
    env: Env,
    *,
    seed: int,
    device: str = "auto",
    config: Mapping[str, Any] | None = None,
) -> Agent:
    """Makes an agent, or loads a saved one.

    Args:
        agent: A name of the registry, the folder of a saved agent, or "package.module:factory".
        env: A single environment made by gymnasium.make; the agent trains on it, or on others like it.
        seed: Decides everything random in the agent.
        device: "auto" (a GPU where there is one), or a torch device.
        config: Options that differ from the agent's defaults here; a saved agent takes none.

    Raises:
        ValueError: There is no such agent, or it does not take such an option.
    """
    agent_options = {} if config is None else dict(config)
    if agent in AGENTS:
        return factory_of(agent)(env, seed, device, **agent_options)
    folder = Path(agent)
    if folder.is_dir():
        if agent_options:
            raise ValueError(
                f"the saved agent '{folder}' has its configuration; drop {sorted(agent_options)}"
            )
        return _load(folder, env, seed, device)
    if ":" in agent:
        return factory_of(agent)(env, seed, device, **agent_options)
    raise ValueError(_unknown(agent))


def entry_point_of(agent: str) -> str:
    """Returns "package.module:factory": that of a name in the registry, or the agent itself."""
    return AGENTS[agent].target if agent in AGENTS else agent


def factory_of(agent: str) -> AgentFactory:
    """Returns the factory of an agent.

    Args:
        agent: A name of the registry or "package.module:factory".

    Raises:
        ValueError: There is no such factory.
    """
    if agent not in AGENTS and ":" not in agent:
        raise ValueError(_unknown(agent))
    factory = load_code(entry_point_of(agent), "agent")
    return factory if isinstance(factory, AgentFactory) else PlainFactory(agent, factory)


def check_loads(agent: str) -> None:
    """Raises if your own agent cannot be loaded from the folder that its `save` wrote.

    Args:
        agent: "package.module:factory".

    Raises:
        ValueError: There is no such factory, or it has no `load` and takes no `folder`.
    """
    if not factory_of(agent).loads:
        raise ValueError(
            f"agent {agent!r} cannot be made from a folder: give {agent.rpartition(':')[2]} an attribute "
            "load(folder, env, *, seed, device) that returns the agent, or a parameter 'folder'"
        )


def load_agent(
    agent: str,
    folder: Path,
    env: Env,
    *,
    seed: int,
    device: str = "auto",
    config: Mapping[str, Any] | None = None,
) -> Agent:
    """Loads your own agent from the folder that its `save` wrote.

    Args:
        agent: "package.module:factory". It is imported, so a person must have named or allowed it.
        folder: The argument of the factory's `load(folder, env, *, seed, device)`. A factory without `load`
            is called as factory(env, seed, device, folder=folder, **config).
        env: A single environment made by gymnasium.make.
        seed: Decides everything random in the agent.
        device: "auto" or a torch device.
        config: The configuration it was trained with.

    Raises:
        ValueError: The agent cannot be loaded from a folder, or the loaded object has no predict().
    """
    check_loads(agent)
    loaded = factory_of(agent).load(folder, env, seed=seed, device=device, config=config)
    if not isinstance(loaded, Agent):
        raise ValueError(f"{agent!r} made {loaded!r} from '{folder}', which has no predict()")
    return loaded


def agent_defaults(
    agent: str, env_id: str, design: str | None = None, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Returns an agent's default configuration on an id; empty if it takes no options.

    Args:
        agent: A name of the registry or "package.module:factory".
        env_id: The environment's id.
        design: "tuned" for the training reward of the agent's table; see `tables.TUNED`.
        config: Options that differ from the defaults; an option may decide which others exist.

    Raises:
        ValueError: The agent has no such design on the id.
    """
    if design is not None and agent not in AGENTS:
        raise ValueError(f"agent {agent!r} has no training reward {design!r}; name a reward")
    return factory_of(agent).defaults(env_id, design, config)


def complete_config(agent: str, env_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A whole configuration with what the agent would look up later.

    Args:
        agent: A name of the registry or "package.module:factory".
        env_id: The environment's id.
        config: A checked whole configuration: `agent_defaults` with the chosen options.
    """
    return factory_of(agent).complete_config(env_id, config)


def applicable_config(agent: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a whole configuration without the options that the other options make ineffective.

    Some versions recorded such options. Without them, all records of one run have the same configuration.

    Args:
        agent: A name of the registry; the configuration of any other agent is returned unchanged.
        config: A whole configuration, as in a record.
    """
    return factory_of(agent).applicable_config(config) if agent in AGENTS else dict(config)


def check_config(agent: str, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Raises if an agent cannot be made with a configuration.

    Args:
        agent: A name of the registry or "package.module:factory".
        config: Options that differ from the agent's defaults.
        defaults: The agent's defaults on an id, from `agent_defaults`.

    Raises:
        ValueError: There is no such agent, or it takes no such option or value.
    """
    factory_of(agent).check_config({**defaults, **config})


def track_of(agent: str, config: Mapping[str, Any]) -> Track:
    """Returns what an agent learns from: the registry's track, unless its configuration changes it.

    Args:
        agent: A name of the registry, or "package.module:factory".
        config: Its whole configuration.
    """
    from llm_baselines.lm.build import track_of as configured_track

    return configured_track(AGENTS[agent].track if agent in AGENTS else "scratch", config)


def split_settings(agent: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Splits a configuration into options that affect the result and settings that do not.

    Args:
        agent: A name of the registry, or "package.module:factory"; all options of the latter count.
        config: The configuration.
    """
    cls = factory_of(agent).config_class
    return (dict(config), {}) if cls is None else options.split_settings(cls, config)


def decoding_options(agent: str, config: Mapping[str, Any], deterministic: bool) -> dict[str, Any]:
    """Returns the options of a configuration that decide how tokens are chosen in an evaluation.

    Args:
        agent: A name of the registry.
        config: Its whole configuration.
        deterministic: Whether the evaluation is deterministic; then there are no such options.
    """
    cls = factory_of(agent).config_class
    names = [] if cls is None or deterministic else options.decoding_names(cls)
    return {name: config[name] for name in names if name in config}


def _load(folder: Path, env: Env, seed: int, device: str) -> Agent:
    """Loads a saved agent. Its class comes from the table above, never from the folder."""
    from llm_baselines.storage.agent_folder import AgentFolderError, read_agent_folder

    name = read_agent_folder(folder).spec.agent.name
    if name not in AGENTS:
        raise AgentFolderError(f"'{folder}' was saved by the agent {name!r}; {_unknown(name)}")
    factory = factory_of(name)
    if not factory.loads:
        raise AgentFolderError(f"'{folder}': agents of kind {name!r} cannot be loaded")
    return factory.load(folder, env, seed=seed, device=device)


def _unknown(agent: str) -> str:
    return (
        f"unknown agent {agent!r}{did_you_mean(agent, AGENTS)} there are {', '.join(AGENTS)}, "
        "the folder of a saved agent, and 'package.module:factory'"
    )
