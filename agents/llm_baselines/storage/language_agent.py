"""Language agents on disk: what agent.json says of one, and how one is made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import gymnasium as gym
import torch

from llm_baselines.agent import TrainingReport
from llm_baselines.configuration.options import values_of
from llm_baselines.spec import RunSpec
from llm_baselines.storage.agent_folder import (
    SavedAgent,
    check_described,
    kept_config,
    read_agent_folder,
    reward_is_kept,
)
from llm_baselines.storage.sealed_folder import AgentFolderError, json_able
from llm_baselines.storage.training_spec import tokens_of
from llm_envs.foreign import UntrustedCode, refuse_kernels, shown
from llm_envs.lm.model import LanguageModel

_NEEDED = ("context_length", "report", "tokenizer_hash", "vocabulary_size")


class StoredAgent(Protocol):
    """A learner over a language model, as a folder holds it.

    Attributes:
        name: Name in the registry.
        seed: Decides everything random in the training.
        env: The environment it was made with.
        config: The whole configuration: a frozen dataclass.
        model_spec: Name or options that the language model was made from; None for an object.
        begun: Whether it has learned before, here or where it was loaded from.
        num_timesteps: Steps so far.
        rounds: Rounds so far.
        report: Cost and curve of the training.
    """

    name: ClassVar[str]
    seed: int
    env: Any
    config: Any
    model_spec: str | Mapping[str, Any] | None
    begun: bool
    num_timesteps: int
    rounds: int
    report: TrainingReport

    @property
    def lm(self) -> LanguageModel:
        """The language model."""
        ...

    def reference_identity(self) -> str | None:
        """SHA-256 of the weights that learning started from; None where they are not kept."""
        ...

    def state(self) -> dict[str, Any]:
        """Counters, as JSON values."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned."""
        ...

    def load_weights(self, weights: Mapping[str, torch.Tensor], where: Any) -> None:
        """Takes over the tensors of a saved agent."""
        ...


Stored = TypeVar("Stored", bound=StoredAgent)


def describe(agent: StoredAgent, spec: RunSpec) -> dict[str, Any]:
    """What agent.json says of a language agent beside its run; JSON-able."""
    return {
        "reference_identity": agent.reference_identity(),
        "model_config": json_able(agent.lm.config.to_dict()),
        **tokens_of(agent.env),
        "rounds": agent.rounds,
        "begun": agent.begun,
        "state": agent.state(),
        "reward_is_kept": reward_is_kept(values_of(agent.config).get("reward"), spec),
        "report": json_able(asdict(agent.report)),
    }


def load_language_agent(
    make: Callable[..., Stored],
    name: str,
    folder: Path,
    env: Any,
    *,
    seed: int | None,
    device: str | torch.device,
    model: Any = None,
) -> Stored:
    """A saved agent of a class, for an environment with the same spaces and tokenizer.

    Args:
        make: make(model, env, options, seed=, device=) -> the agent.
        name: The agent's name in the registry.
        folder: What `save` wrote.
        env: An id or an environment.
        seed: None for the one it had.
        device: Where it goes.
        model: The base that a saved adapter belongs to, where it is not found by the name it had.

    Raises:
        AgentFolderError: The folder is damaged, another agent's, or does not fit the environment.
    """
    saved = read_agent_folder(Path(folder))
    (spec, content, weights), kept = saved, saved.spec.agent
    if kept.name != name:
        raise AgentFolderError(f"'{folder}' holds a {kept.name!r}, not a {name!r}")
    if spec.training is None or "model" not in kept.config:
        missing = "spec.training" if spec.training is None else "spec.agent.config.model"
        raise AgentFolderError(f"'{Path(folder) / 'agent.json'}': {missing}: is missing")
    adapted = kept.config.get("adapter") == "lora"
    check_described(content, folder, (*_NEEDED, *(() if adapted else ("model_config",))))
    env = gym.make(env) if isinstance(env, str) else env
    for what, here in tokens_of(env).items():
        if None not in (content[what], here) and content[what] != here:
            raise AgentFolderError(f"'{folder}' has {what} {content[what]}, the environment {here}")
    agent = make(
        _base_of(saved, folder, model) if adapted else _model_of(saved, folder),
        env,
        kept_config(saved, folder),
        seed=spec.training.seed if seed is None else seed,
        device=device,
    )
    agent.model_spec = kept.config["model"]
    agent.load_weights(weights, folder)
    identity = content.get("reference_identity")
    if identity is not None and agent.reference_identity() != identity:
        raise AgentFolderError(
            f"'{folder}' was trained from weights with the SHA-256 {identity[:12]}…, and "
            f"{kept.config['model']!r} has others now: pass the base it had, load(..., model=...)"
        )
    agent.num_timesteps, agent.rounds = spec.training.total_timesteps, int(content.get("rounds", 0))
    agent.restore({**agent.state(), **content.get("state", {})})
    agent.begun = bool(content.get("begun", True))
    agent.report = TrainingReport(**content["report"])
    return agent


def _model_of(saved: SavedAgent, folder: Path) -> Any:
    """An empty model of the saved configuration; the class comes from transformers' own table.

    Raises:
        AgentFolderError: There is no such model, or it is larger than the weights that are there for it.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    place = f"'{folder / 'agent.json'}': model_config"
    options, weights = dict(saved.content["model_config"]), saved.weights
    kind = options.pop("model_type", None)
    if not isinstance(kind, str):
        raise AgentFolderError(f"{place}.model_type: {shown(repr(kind))} is not a text")
    try:
        config = AutoConfig.for_model(kind, **options)
        refuse_kernels(config, folder)
        layers = config.get_text_config().num_hidden_layers
        if not isinstance(layers, int) or layers > len(weights):
            raise ValueError(f"{layers} layers, and the weights hold {len(weights)} tensors")
        with torch.device("meta"):  # without memory
            empty = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
        expected, stored = (sum(t.numel() for t in ts) for ts in (empty.parameters(), weights.values()))
        if expected > stored:
            raise ValueError(f"{expected:,} parameters, and the weights hold {stored:,}")
        with torch.random.fork_rng(devices=[]):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except UntrustedCode:
        raise
    except Exception as error:  # transformers raises many kinds for invalid values
        reason = shown(f"{type(error).__name__}: {error}", 300)
        raise AgentFolderError(f"{place}: there is no such {shown(kind)} model: {reason}") from error


def _base_of(saved: SavedAgent, folder: Path, model: Any) -> Any:
    """Returns the base model that an adapter belongs to."""
    base = saved.spec.agent.config["model"] if model is None else model
    if base is None:
        raise AgentFolderError(
            f"'{folder}' holds an adapter and not the model it belongs to, which had no name: pass it, "
            "load(..., model=...)"
        )
    return base
