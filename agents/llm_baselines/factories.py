"""The language agents as the registry makes them: factory(env, seed, device, **config), options by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llm_baselines.configuration import make_config
from llm_baselines.language_agent import LanguageAgent
from llm_baselines.language_agent_settings import hyperparameters
from llm_baselines.rloo import RLOO
from llm_baselines.supervised import Supervised
from llm_baselines.token_dqn import TokenDQN


class LanguageAgentFactory:
    """Makes one kind of language agent with the options that `language_agents.toml` has for the id.

    Args:
        kind: The agent's class. Its option "model" here is the first argument of the class.
    """

    def __init__(self, kind: type[LanguageAgent]) -> None:
        self._kind = kind
        self.learn = kind.learn

    def __call__(self, env: Any, seed: int, device: str = "auto", **config: Any) -> LanguageAgent:
        """The agent, for an environment made by gymnasium.make."""
        options = {**self._defaults_beside(env), **config}
        model = options.pop("model")
        return self._kind(model, env, seed=seed, device=device, **options)

    def defaults(self, env_id: str) -> dict[str, Any]:
        """The whole configuration on an id, "model" among it."""
        options = hyperparameters(self._kind.name, env_id)
        model = options.pop("model", "tiny")
        return {"model": model, **asdict(make_config(self._kind.config_class, options))}

    def load(self, folder: Path, env: Any, *, seed: int = 0, device: str = "auto") -> LanguageAgent:
        """A saved agent."""
        return self._kind.load(folder, env, seed=seed, device=device)

    def _defaults_beside(self, env: Any) -> dict[str, Any]:
        """The id's options, without a training reward if the environment brings its own."""
        kwargs: Mapping[str, Any] = env.spec.kwargs if env.spec is not None else {}
        options = hyperparameters(self._kind.name, env.spec.id if env.spec is not None else "")
        if kwargs.get("reward", "default") != "default":
            options.update(reward=None, reward_timing=None)
        elif "reward_timing" in kwargs:
            options["reward_timing"] = None
        return {"model": "tiny", **options}


token_dqn = LanguageAgentFactory(TokenDQN)
supervised = LanguageAgentFactory(Supervised)
rloo = LanguageAgentFactory(RLOO)
