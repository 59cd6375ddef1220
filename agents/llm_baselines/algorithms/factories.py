"""The language agents as the registry makes them: factory(env, seed, device, **config), options by id."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from llm_baselines.agent import Agent, Env
from llm_baselines.algorithms.language_agent import LanguageAgent
from llm_baselines.algorithms.playing_agent import PlayingAgent
from llm_baselines.algorithms.rloo import RLOO
from llm_baselines.algorithms.supervised.supervised import Supervised
from llm_baselines.algorithms.supervised.warm_start import complete_start
from llm_baselines.algorithms.token_dqn import TokenDQN
from llm_baselines.anchors.pretrained import BestOfN, GreedyModel, SamplingModel
from llm_baselines.configuration.options import recorded_values
from llm_baselines.configuration.tables import AGENT_OPTIONS, chosen_design, fitting_options
from llm_baselines.lm.build import check_model, is_preset
from llm_baselines.lm.policy import LanguagePolicy
from llm_baselines.lm.settings import ENVIRONMENT_OPTIONS
from llm_envs.envs.ids import is_native

Policy = TypeVar("Policy", bound=LanguagePolicy)
Learning = TypeVar("Learning", bound=LanguageAgent)
Playing = TypeVar("Playing", bound=PlayingAgent)


class LanguagePolicyFactory(Generic[Policy]):
    """Makes one kind of language policy with the options that `agents.toml` has for the id.

    Args:
        kind: The policy's class. Its option "model" here is the first argument of the class.
        model: What that is where neither the caller nor the table says.
    """

    def __init__(self, kind: type[Policy], model: str) -> None:
        self._kind = kind
        self._model = model

    def __call__(self, env: Env, seed: int, device: str = "auto", **config: Any) -> Policy:
        """The agent, for an environment made by gymnasium.make."""
        spec = env.spec
        env_id, kwargs = ("", {}) if spec is None else (spec.id, spec.kwargs)
        design = chosen_design(config, env_id, kwargs)
        if design is not None:
            del config["reward"]
        defaults = fitting_options(AGENT_OPTIONS.options(self._kind.name, env_id, design), env_id, kwargs)
        if not is_native(env):
            defaults = {k: v for k, v in defaults.items() if k not in ENVIRONMENT_OPTIONS}
        defaults = self._kind.fitting(defaults, {**defaults, **config})
        options = {"model": self._model, **defaults, **config}
        model = options.pop("model")
        return self._kind(model, env, seed=seed, device=device, **options)

    @property
    def trains(self) -> bool:
        """Whether its agents have `learn`."""
        return False

    @property
    def loads(self) -> bool:
        """Whether its agents are saved, and made again from their folders."""
        return False

    @property
    def config_class(self) -> type[Any]:
        """The class of the configuration."""
        cls: type[Any] = self._kind.config_class
        return cls

    def defaults(
        self, env_id: str, design: str | None = None, config: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The configuration on an id, with a design of its table, as records tell it, "model" among it."""
        options = AGENT_OPTIONS.options(self._kind.name, env_id, design)
        options = self._kind.fitting(options, {**options, **(config or {})})
        model = options.pop("model", self._model)
        return {"model": model, **recorded_values(self._kind.configure(options))}

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Checks a configuration, "model" among it; the model is found or not when it is made."""
        check_model(config.get("model", self._model))
        options = {k: v for k, v in config.items() if k != "model"}
        self._kind.configure(options, elsewhere=["model"])

    def complete_config(self, env_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration: nothing is looked up later."""
        return dict(config)

    def applicable_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A whole configuration without options that have no effect beside the others."""
        return self._kind.fitting(config, config)

    def suggested_timesteps(self, env_id: str, size: str = "bench") -> int | None:
        """None: it does not train."""
        return None

    def load(
        self, folder: Path, env: Env, *, seed: int, device: str, config: Mapping[str, Any] | None = None
    ) -> Agent:
        """Raises, as these agents are made from their model alone.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"'{folder}': agents of kind {self._kind.name!r} are not saved")


class LanguageAgentFactory(LanguagePolicyFactory[Learning]):
    """The same for agents that train.

    Args:
        kind: The agent's class.
    """

    def __init__(self, kind: type[Learning]) -> None:
        super().__init__(kind, "mini")

    @property
    def trains(self) -> bool:
        """Whether its agents have `learn`."""
        return True

    @property
    def loads(self) -> bool:
        """Whether its agents are saved, and made again from their folders."""
        return True

    def load(
        self, folder: Path, env: Env, *, seed: int, device: str, config: Mapping[str, Any] | None = None
    ) -> Learning:
        """A saved agent; its folder holds its configuration."""
        return self._kind.load(folder, env, seed=seed, device=device)

    def suggested_timesteps(self, env_id: str, size: str = "bench") -> int | None:
        """How long to train on an id; see `OptionTables.timesteps`."""
        return AGENT_OPTIONS.timesteps(self._kind.name, env_id, size)


class PlayingAgentFactory(LanguageAgentFactory[Playing]):
    """The same for agents that play, and whose fresh model begins from demonstrations."""

    def __call__(self, env: Env, seed: int, device: str = "auto", **config: Any) -> Playing:
        """The agent. Its training data are checked first, so that nothing is trained in vain."""
        agent = super().__call__(env, seed, device, **config)
        agent.check_train_dataset()
        return agent

    def complete_config(self, env_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """A whole configuration, with what a fresh model's start from demonstrations is trained with.

        Args:
            env_id: The environment's id.
            config: `defaults` and what differs from them.
        """
        if not (config["warm_start"] and is_preset(config["model"])):
            return {**config, "supervised": {}}  # there is no such start
        start = complete_start(config["supervised"], env_id, config["train_fraction"])
        return {**config, "supervised": start}


token_dqn = PlayingAgentFactory(TokenDQN)
supervised = LanguageAgentFactory(Supervised)
rloo = PlayingAgentFactory(RLOO)

PRETRAINED = "smollm2-135m"
"""The model that needs no hub: `llm-envs fetch smollm2-135m`."""

lm_greedy = LanguagePolicyFactory(GreedyModel, PRETRAINED)
lm_sample = LanguagePolicyFactory(SamplingModel, PRETRAINED)
lm_best_of_n = LanguagePolicyFactory(BestOfN, PRETRAINED)
