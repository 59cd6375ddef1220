"""The language agents as the registry makes them: factory(env, seed, device, **config), options by id."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_baselines.algorithms.language_agent import LanguageAgent
from llm_baselines.algorithms.rloo import RLOO
from llm_baselines.algorithms.supervised.supervised import Supervised, start_written_out
from llm_baselines.algorithms.token_dqn import TokenDQN
from llm_baselines.anchors.pretrained import BestOfN, GreedyModel, SamplingModel
from llm_baselines.configuration.options import make_config, recorded_values
from llm_baselines.configuration.tables import AGENT_OPTIONS, chosen_design, fitting_options
from llm_baselines.lm.build import check_model, is_preset
from llm_baselines.lm.policy import LanguagePolicy
from llm_baselines.lm.settings import ENVIRONMENT_OPTIONS
from llm_envs.envs.ids import is_native


class LanguagePolicyFactory:
    """Makes one kind of language policy with the options that `agent_options.toml` has for the id.

    Args:
        kind: The policy's class. Its option "model" here is the first argument of the class.
        model: What that is where neither the caller nor the table says.
    """

    def __init__(self, kind: type[LanguagePolicy], model: str) -> None:
        self._kind: Any = kind
        self._model = model

    def __call__(self, env: Any, seed: int, device: str = "auto", **config: Any) -> Any:
        """The agent, for an environment made by gymnasium.make."""
        spec = env.spec
        env_id, kwargs = ("", {}) if spec is None else (spec.id, spec.kwargs)
        design = chosen_design(config, env_id, kwargs)
        if design is not None:
            del config["reward"]
        defaults = fitting_options(AGENT_OPTIONS.options(self._kind.name, env_id, design), env_id, kwargs)
        if not is_native(env):
            defaults = {k: v for k, v in defaults.items() if k not in ENVIRONMENT_OPTIONS}
        options = {"model": self._model, **defaults, **config}
        model = options.pop("model")
        return self._kind(model, env, seed=seed, device=device, **options)

    def defaults(self, env_id: str, design: str | None = None) -> dict[str, Any]:
        """The configuration on an id, with a design of its table, as records tell it, "model" among it."""
        options = AGENT_OPTIONS.options(self._kind.name, env_id, design)
        model = options.pop("model", self._model)
        return {"model": model, **recorded_values(make_config(self._kind.config_class, options))}

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Checks a configuration, "model" among it; the model is found or not when it is made."""
        check_model(config.get("model", self._model))
        options = {k: v for k, v in config.items() if k != "model"}
        make_config(self._kind.config_class, options, elsewhere=["model"])


class LanguageAgentFactory(LanguagePolicyFactory):
    """The same for agents that train.

    Args:
        kind: The agent's class.
    """

    def __init__(self, kind: type[LanguageAgent]) -> None:
        super().__init__(kind, "mini")
        self.learn = kind.learn

    def __call__(self, env: Any, seed: int, device: str = "auto", **config: Any) -> Any:
        """The agent; what it is to be trained on is looked at, so that nothing is trained in vain."""
        agent = super().__call__(env, seed, device, **config)
        agent.check_train_dataset()
        return agent

    def load(self, folder: Path, env: Any, *, seed: int = 0, device: str = "auto") -> LanguageAgent:
        """A saved agent."""
        loaded: LanguageAgent = self._kind.load(folder, env, seed=seed, device=device)
        return loaded

    def written_out(self, env_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """A whole configuration, with what a fresh model's start from demonstrations is trained with.

        Args:
            env_id: The environment's id.
            config: `defaults` and what differs from them.
        """
        if self._kind is Supervised:
            return dict(config)
        if not (config["warm_start"] and is_preset(config["model"])):
            return {**config, "supervised": {}}  # there is no such start
        start = start_written_out(config["supervised"], env_id, config["train_fraction"])
        return {**config, "supervised": start}

    def suggested_timesteps(self, env_id: str, size: str = "bench") -> int:
        """How long to train on an id; see `OptionTables.timesteps`."""
        return AGENT_OPTIONS.timesteps(self._kind.name, env_id, size)


token_dqn = LanguageAgentFactory(TokenDQN)
supervised = LanguageAgentFactory(Supervised)
rloo = LanguageAgentFactory(RLOO)

PRETRAINED = "smollm2-135m"
"""The model that needs no hub: `llm-envs fetch smollm2-135m`."""

lm_greedy = LanguagePolicyFactory(GreedyModel, PRETRAINED)
lm_sample = LanguagePolicyFactory(SamplingModel, PRETRAINED)
lm_best_of_n = LanguagePolicyFactory(BestOfN, PRETRAINED)
