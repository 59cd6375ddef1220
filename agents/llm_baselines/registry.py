"""The agents by name: `make_agent` for the names of agents.toml, saved agents and agents of others."""

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
    """Where an agent is found ("module:factory"), and what it learns from."""

    target: str
    track: Track


AGENTS: dict[str, AgentEntry] = {
    name: AgentEntry(entry["factory"], cast(Track, entry["track"]))
    for name, entry in AGENT_OPTIONS.agents().items()
}
"""name -> (factory, track), from configuration/agents.toml."""


def list_agents() -> list[str]:
    """The names in the registry."""
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
        config: What differs from the agent's defaults for this environment; not for saved agents.

    Raises:
        ValueError: There is no such agent, or it does not take such an option.
    """
    given = {} if config is None else dict(config)
    if agent in AGENTS:
        return factory_of(agent)(env, seed, device, **given)
    folder = Path(agent)
    if folder.is_dir():
        if given:
            raise ValueError(f"the saved agent '{folder}' has its configuration; drop {sorted(given)}")
        return _load(folder, env, seed, device)
    if ":" in agent:
        return factory_of(agent)(env, seed, device, **given)
    raise ValueError(_unknown(agent))


def factory_of(agent: str) -> AgentFactory:
    """The factory of an agent.

    Args:
        agent: A name of the registry or "package.module:factory".

    Raises:
        ValueError: There is no such factory.
    """
    if agent not in AGENTS and ":" not in agent:
        raise ValueError(_unknown(agent))
    found = load_code(AGENTS[agent].target if agent in AGENTS else agent, "agent")
    return found if isinstance(found, AgentFactory) else PlainFactory(agent, found)


def check_loads(agent: str) -> None:
    """Checks that agents of others can be made again from the folder that their `save` wrote.

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
    """An agent of others from the folder that its `save` wrote.

    Args:
        agent: "package.module:factory", named or allowed by a person: it is imported.
        folder: Given to the factory's `load(folder, env, *, seed, device)`; where it has none, to the
            factory itself, called as factory(env, seed, device, folder=folder, **config).
        env: A single environment made by gymnasium.make.
        seed: Decides everything random in the agent.
        device: "auto" or a torch device.
        config: What it was trained with.

    Raises:
        ValueError: It cannot be made from a folder, or what was made has no predict().
    """
    check_loads(agent)
    loaded = factory_of(agent).load(folder, env, seed=seed, device=device, config=config)
    if not isinstance(loaded, Agent):
        raise ValueError(f"{agent!r} made {loaded!r} from '{folder}', which has no predict()")
    return loaded


def agent_defaults(
    agent: str, env_id: str, design: str | None = None, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The configuration an agent has by default on an id; empty where it takes none.

    Args:
        agent: A name of the registry or "package.module:factory".
        env_id: The environment's id.
        design: "tuned" for the training reward of the agent's table; see `tables.TUNED`.
        config: What differs from the defaults: an option may decide which others there are.

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
        config: Checked; `agent_defaults` and what differs from them.
    """
    return factory_of(agent).complete_config(env_id, config)


def applicable_config(agent: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A whole configuration without options that have no effect beside the others.

    Records of one run agree in it, whether or not their version wrote such options down.

    Args:
        agent: A name of the registry; the configuration of any other agent is returned as it is.
        config: A whole configuration, such as a record has.
    """
    return factory_of(agent).applicable_config(config) if agent in AGENTS else dict(config)


def check_config(agent: str, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Checks a configuration before anything is made with it.

    Args:
        agent: A name of the registry or "package.module:factory".
        config: What differs from the agent's defaults.
        defaults: Those, on an id; from `agent_defaults`.

    Raises:
        ValueError: There is no such agent, or it takes no such option or value.
    """
    factory_of(agent).check_config({**defaults, **config})


def track_of(agent: str, config: Mapping[str, Any]) -> Track:
    """What an agent learns from: the registry's word, unless its configuration says otherwise.

    Args:
        agent: A name of the registry, or "package.module:factory".
        config: Its whole configuration.
    """
    from llm_baselines.lm.build import track_of as chosen_track

    return chosen_track(AGENTS[agent].track if agent in AGENTS else "scratch", config)


def split_settings(agent: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Splits a configuration into options that affect the result and settings that do not.

    Args:
        agent: A name of the registry, or "package.module:factory", whose options all count.
        config: The configuration.
    """
    cls = factory_of(agent).config_class
    return (dict(config), {}) if cls is None else options.split_settings(cls, config)


def decoding_options(agent: str, config: Mapping[str, Any], deterministic: bool) -> dict[str, Any]:
    """The options of a configuration that decide how tokens are chosen in an evaluation.

    Args:
        agent: A name of the registry.
        config: Its whole configuration.
        deterministic: Whether the evaluation is.
    """
    cls = factory_of(agent).config_class
    names = [] if cls is None or deterministic else options.decoding_names(cls)
    return {name: config[name] for name in names if name in config}


def _load(folder: Path, env: Env, seed: int, device: str) -> Agent:
    """A saved agent; its class comes from the table above, never from what the folder says."""
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
