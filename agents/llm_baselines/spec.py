"""RunSpec: the description of one run that trained folders, checkpoints and records share.

`RunSpec.identity()` hashes the fields that affect the result, and no others. Runs with equal identities are
the same run. Identities decide whether a checkpoint fits a run, and whether a run already has a record.
`differences` names the fields that differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

AFFECTS = "affects_result"
"""Key of a field's metadata: True if runs that differ in the field may have different results."""


def free(default: Any) -> Any:
    """Returns a field that affects no result, such as a name, a path or a number of environments."""
    return field(default=default, metadata={AFFECTS: False})


@dataclass(frozen=True, kw_only=True)
class EnvironmentSpec:
    """The environment that an agent is trained in and evaluated on.

    Attributes:
        id: Registered id, without a module.
        module: The module that registers a user's own id; else empty.
        kwargs: Arguments of the environment, without those that training and evaluation set: split, reward,
            metrics, num_envs.
        contents: Content hash by argument name, for arguments that name a file, a folder or a hub data set
            ("dataset", "tokenizer"). The identity takes the hash, not the path.
        signature: Signature of the environment as it is evaluated; None before it was made.
    """

    id: str
    module: str = free("")
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    signature: str | None = None


@dataclass(frozen=True, kw_only=True)
class RewardSpec:
    """A reward: how it was asked for, and the signature that says what it computes.

    Attributes:
        spec: The user's argument: "default", a name, a table of weights, a list; None for a callable.
        signature: Says what the reward computes; None before the environment was made. If there is one, the
            identity uses it, so that two spellings of one reward are the same run.
    """

    spec: Any = "default"
    signature: str | None = None


@dataclass(frozen=True, kw_only=True)
class AgentSpec:
    """The agent, with its whole configuration.

    Attributes:
        name: Name in the registry, or "package.module:factory".
        entry_point: The code behind the name.
        config: Every option that affects the result, defaults written out.
        settings: The other options, such as the folder of warm starts.
        base_model: "name" and content "hash" of the pretrained model it begins from; None from scratch. The
            identity uses the hash instead of the option "model" if "source" is "folder" or missing. The other
            sources, "asset" and "hub", count by name, because their hash is unknown before a download.
        track: What it learns from: "scratch", "demonstrations" or "pretrained".
        trials: Configurations that were tried before this one was chosen.
        tuning_seeds: Seeds they were tried with.
    """

    name: str
    entry_point: str = free("")
    config: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict, metadata={AFFECTS: False})
    base_model: Mapping[str, Any] | None = None
    track: str = "scratch"
    trials: int = free(0)
    tuning_seeds: tuple[int, ...] = free(())


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """What an agent is trained on.

    Attributes:
        reward: What it is rewarded with.
        reward_timing: When the reward is paid; None for the environment's own.
        split: The split it learns from.
        total_timesteps: Environment steps.
        seed: Decides everything random in the training.
    """

    reward: RewardSpec = field(default_factory=RewardSpec)
    reward_timing: Any = None
    split: str = "train"
    total_timesteps: int = 0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class EvaluationSpec:
    """How the agent is judged.

    Attributes:
        split: The split that is played.
        seed: Decides everything random in the evaluation.
        episodes: Number of episodes; None, before the environment was made, for one of every example.
        reward: What scores.
        metrics: What is recorded beside it: "default" for the environment's own, or a list of specs.
        deterministic: Passed to the agent's `predict`.
        decoding: Options by which the agent chooses tokens, such as temperature and top_k.
        num_envs: Environments that step together.
    """

    split: str = "test"
    seed: int = 1_000_000
    episodes: int | None = None
    reward: RewardSpec = field(default_factory=RewardSpec)
    metrics: Any = "default"
    deterministic: bool = True
    decoding: Mapping[str, Any] = field(default_factory=dict)
    num_envs: int = free(32)


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One run: an agent, trained or not, evaluated or not.

    Attributes:
        environment: Where it acts.
        agent: Who acts.
        training: None for an agent that is not trained.
        evaluation: None for a training that is not evaluated: a checkpoint, a trained folder.
        experiment: Name of the suite the run belongs to; empty for a run of its own.
        variant: The suite's name for this variant of the experiment.
    """

    environment: EnvironmentSpec
    agent: AgentSpec
    training: TrainingSpec | None = None
    evaluation: EvaluationSpec | None = None
    experiment: str = free("")
    variant: str = free("")

    def to_dict(self) -> dict[str, Any]:
        """Returns the run as JSON values; `from_dict` is the inverse."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Returns a run from the values of `to_dict`. It does not check them; the schema of a record does.

        Raises:
            TypeError: A field is unknown or missing.
        """
        training, evaluation = values.get("training"), values.get("evaluation")
        agent = {**values["agent"], "tuning_seeds": tuple(values["agent"].get("tuning_seeds", ()))}
        return cls(
            environment=EnvironmentSpec(**values["environment"]),
            agent=AgentSpec(**agent),
            training=None if training is None else TrainingSpec(**_with_reward(training)),
            evaluation=None if evaluation is None else EvaluationSpec(**_with_reward(evaluation)),
            experiment=values.get("experiment", ""),
            variant=values.get("variant", ""),
        )

    def identity(self) -> str:
        """Returns the SHA-256 (64 hexadecimal digits) of everything that affects the result."""
        text = json.dumps(self.affecting(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def affecting(self) -> dict[str, Any]:
        """Returns the fields that affect the result, as JSON values, with hashes instead of paths."""
        values: dict[str, Any] = json.loads(json.dumps(_affecting(self)))
        environment, agent = values["environment"], values["agent"]
        for name, digest in environment.pop("contents").items():
            environment["kwargs"][name] = {"hash": digest}
            if name == "dataset":
                environment["kwargs"].pop("columns", None)
        base = agent.pop("base_model")
        is_folder = base is not None and base.get("source", "folder") == "folder"
        if is_folder and base.get("hash") and "model" in agent["config"]:
            agent["config"]["model"] = {"hash": base["hash"]}
        for part in (values["training"], values["evaluation"]):
            if part is not None and part["reward"]["signature"] is not None:
                part["reward"] = {"signature": part["reward"]["signature"]}
        return values

    def differences(self, other: RunSpec, *, known_only: bool = False) -> Iterator[tuple[str, Any, Any]]:
        """Yields (dotted field, value here, value there) for each differing field that affects the result.

        Args:
            other: The run to compare with.
            known_only: True compares signatures and hashes only if both runs have them.
        """
        here, there = (self, other) if not known_only else (self._known_to(other), other._known_to(self))
        values, others = dict(_leaves(here.affecting())), dict(_leaves(there.affecting()))
        for name in dict.fromkeys((*values, *others)):
            if values.get(name) != others.get(name):
                yield name, values.get(name), others.get(name)

    def training_only(self) -> RunSpec:
        """Returns the run without its evaluation, to compare checkpoints and trained folders.

        The environment's signature is left out too, because it includes the evaluation's reward.
        """
        return replace(self, environment=replace(self.environment, signature=None), evaluation=None)

    def _known_to(self, other: RunSpec) -> RunSpec:
        """Returns the run without the signatures and hashes that the other run does not have."""
        environment, agent, training = self.environment, self.agent, self.training
        shared = environment.contents.keys() & other.environment.contents.keys()
        known = {name: environment.contents[name] for name in sorted(shared)}
        signature = None if other.environment.signature is None else environment.signature
        environment = replace(environment, contents=known, signature=signature)
        if other.agent.base_model is None:
            agent = replace(agent, base_model=None)
        if training is not None and (other.training is None or other.training.reward.signature is None):
            training = replace(training, reward=replace(training.reward, signature=None))
        return replace(self, environment=environment, agent=agent, training=training)


def _with_reward(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "reward": RewardSpec(**values["reward"])}


def _affecting(part: Any) -> dict[str, Any]:
    kept = {}
    for one in fields(part):
        if one.metadata.get(AFFECTS, True):
            value = getattr(part, one.name)
            kept[one.name] = _affecting(value) if hasattr(value, "__dataclass_fields__") else value
    return kept


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value
