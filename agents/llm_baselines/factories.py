"""The language agents as the registry makes them: factory(env, seed, device, **config), options by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llm_baselines.configuration import make_config
from llm_baselines.language_agent import LanguageAgent
from llm_baselines.language_agent_settings import hyperparameters
from llm_baselines.language_models import BestOfN, GreedyModel, SamplingModel
from llm_baselines.language_policy import LanguagePolicy
from llm_baselines.rloo import RLOO
from llm_baselines.supervised import Supervised
from llm_baselines.token_dqn import TokenDQN
from llm_envs.registration import TABLE


class LanguagePolicyFactory:
    """Makes one kind of language policy with the options that `language_agents.toml` has for the id.

    Args:
        kind: The policy's class. Its option "model" here is the first argument of the class.
        model: What that is where neither the caller nor the table says.
    """

    def __init__(self, kind: type[LanguagePolicy], model: str) -> None:
        self._kind: Any = kind
        self._model = model

    def __call__(self, env: Any, seed: int, device: str = "auto", **config: Any) -> Any:
        """The agent, for an environment made by gymnasium.make."""
        options = {**self._defaults_beside(env), **config}
        model = options.pop("model")
        return self._kind(model, env, seed=seed, device=device, **options)

    def defaults(self, env_id: str) -> dict[str, Any]:
        """The whole configuration on an id, "model" among it."""
        options = hyperparameters(self._kind.name, env_id)
        model = options.pop("model", self._model)
        return {"model": model, **asdict(make_config(self._kind.config_class, options))}

    def _defaults_beside(self, env: Any) -> dict[str, Any]:
        """The id's options."""
        env_id = env.spec.id if env.spec is not None else ""
        return {"model": self._model, **hyperparameters(self._kind.name, env_id)}


class LanguageAgentFactory(LanguagePolicyFactory):
    """The same for agents that train.

    Args:
        kind: The agent's class.
    """

    def __init__(self, kind: type[LanguageAgent]) -> None:
        super().__init__(kind, "tiny")
        self.learn = kind.learn

    def load(self, folder: Path, env: Any, *, seed: int = 0, device: str = "auto") -> LanguageAgent:
        """A saved agent."""
        loaded: LanguageAgent = self._kind.load(folder, env, seed=seed, device=device)
        return loaded

    def _defaults_beside(self, env: Any) -> dict[str, Any]:
        """The id's options, without a training reward where the environment brings its own, or other data."""
        kwargs: Mapping[str, Any] = env.spec.kwargs if env.spec is not None else {}
        options = super()._defaults_beside(env)
        usual = (
            TABLE[env.spec.id][1].get("dataset") if env.spec is not None and env.spec.id in TABLE else None
        )
        if kwargs.get("reward", "default") != "default" or kwargs.get("dataset", usual) != usual:
            options.update(reward=None, reward_timing=None)
        elif "reward_timing" in kwargs:
            options["reward_timing"] = None
        return options


token_dqn = LanguageAgentFactory(TokenDQN)
supervised = LanguageAgentFactory(Supervised)
rloo = LanguageAgentFactory(RLOO)

PRETRAINED = "smollm2-135m"
"""The model that needs no hub: `llm-envs fetch smollm2-135m`."""

lm_greedy = LanguagePolicyFactory(GreedyModel, PRETRAINED)
lm_sample = LanguagePolicyFactory(SamplingModel, PRETRAINED)
lm_best_of_n = LanguagePolicyFactory(BestOfN, PRETRAINED)
