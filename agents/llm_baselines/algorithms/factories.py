"""The factories of the language agents; they take default options from `agents.toml` by id."""

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
    """Makes one kind of language policy with the options in `agents.toml` for the id.

    Args:
        kind: The policy's class. The option "model" is its first argument.
        model: The default of "model" if neither the caller nor the table sets it.
    """

    def __init__(self, kind: type[Policy], model: str) -> None:
        self._kind = kind
        self._model = model

    def __call__(self, env: Env, seed: int, device: str = "auto", **config: Any) -> Policy:
        """Returns the agent for an environment made by gymnasium.make."""
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
        """Whether its agents can be saved and loaded."""
        return False

    @property
    def config_class(self) -> type[Any]:
        """The class of the configuration."""
        cls: type[Any] = self._kind.config_class
        return cls

    def defaults(
        self, env_id: str, design: str | None = None, config: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns the default configuration on an id as records hold it, including "model"."""
        options = AGENT_OPTIONS.options(self._kind.name, env_id, design)
        options = self._kind.fitting(options, {**options, **(config or {})})
        model = options.pop("model", self._model)
        return {"model": model, **recorded_values(self._kind.configure(options))}

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Checks a configuration, including "model"; whether the model exists shows when it is made."""
        check_model(config.get("model", self._model))
        options = {k: v for k, v in config.items() if k != "model"}
        self._kind.configure(options, elsewhere=["model"])

    def complete_config(self, env_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the configuration unchanged: the agent looks nothing up later."""
        return dict(config)

    def applicable_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a whole configuration without the options that the other options make ineffective."""
        return self._kind.fitting(config, config)

    def suggested_timesteps(self, env_id: str, size: str = "bench") -> int | None:
        """Returns None: these agents do not train."""
        return None

    def load(
        self, folder: Path, env: Env, *, seed: int, device: str, config: Mapping[str, Any] | None = None
    ) -> Agent:
        """Raises: these agents are made from their model alone, and are never saved.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"'{folder}': agents of kind {self._kind.name!r} are not saved")


class LanguageAgentFactory(LanguagePolicyFactory[Learning]):
    """Makes one kind of language agent that trains.

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
        """Whether its agents can be saved and loaded."""
        return True

    def load(
        self, folder: Path, env: Env, *, seed: int, device: str, config: Mapping[str, Any] | None = None
    ) -> Learning:
        """Loads a saved agent; its folder holds its configuration."""
        return self._kind.load(folder, env, seed=seed, device=device)

    def suggested_timesteps(self, env_id: str, size: str = "bench") -> int | None:
        """Returns the training steps for an id; see `OptionTables.timesteps`."""
        return AGENT_OPTIONS.timesteps(self._kind.name, env_id, size)


class PlayingAgentFactory(LanguageAgentFactory[Playing]):
    """Makes agents that learn from the episodes they play; a fresh model begins from demonstrations."""

    def __call__(self, env: Env, seed: int, device: str = "auto", **config: Any) -> Playing:
        """Returns the agent. A bad `train_dataset` raises here, before any training."""
        agent = super().__call__(env, seed, device, **config)
        agent.check_train_dataset()
        return agent

    def complete_config(self, env_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a whole configuration, with every option of the warm start from demonstrations.

        Args:
            env_id: The environment's id.
            config: A whole configuration: `defaults` with the chosen options.
        """
        if not (config["warm_start"] and is_preset(config["model"])):
            return {**config, "supervised": {}}  # no warm start
        start = complete_start(config["supervised"], env_id, config["train_fraction"])
        return {**config, "supervised": start}


token_dqn = PlayingAgentFactory(TokenDQN)
supervised = LanguageAgentFactory(Supervised)
rloo = PlayingAgentFactory(RLOO)

PRETRAINED = "smollm2-135m"
"""The default pretrained model; `llm-envs fetch smollm2-135m` downloads it without the hub."""

lm_greedy = LanguagePolicyFactory(GreedyModel, PRETRAINED)
lm_sample = LanguagePolicyFactory(SamplingModel, PRETRAINED)
lm_best_of_n = LanguagePolicyFactory(BestOfN, PRETRAINED)
