"""Cells: one run as a person asks for it, and the checks that need no environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from llm_baselines.configuration.options import check_values, option
from llm_baselines.configuration.tables import TUNED
from llm_benchmarks.console.input import is_folder
from llm_benchmarks.records.values import RecordError, plain
from llm_envs.checks.types import fits
from llm_envs.envs.ids import bare_id, env_class, find_spec
from llm_envs.envs.task import SPLITS
from llm_envs.foreign import code_names
from llm_envs.rewards.specs import parse_spec

EVALUATION_SEED = 1_000_000
SIZES = ("demo", "bench")
RESERVED = ("split", "reward", "metrics", "num_envs", "autoreset_mode", "render_mode")
TRACKS = ("scratch", "demonstrations", "pretrained")


class SuiteError(ValueError):
    """A suite, or a cell of one, that cannot be run as it is written."""


def _is_tuned(reward: Any) -> bool:
    return isinstance(reward, str) and reward == TUNED


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How every cell is judged."""

    seed: int = option(EVALUATION_SEED, "evaluation seed; above all training and tuning seeds", at_least=0)
    split: str = option("test", "split that is played")
    episodes: int | None = option(None, "episodes; by default one for each example of the split", at_least=1)
    num_envs: int = option(32, "environments that step together; changes no result", at_least=1)
    deterministic: bool = option(True, "passed to the agent's predict")
    reward: Any = option("default", "reward that scores; the id's own by default")
    metrics: Any = option(
        "default", 'what is only recorded: a list of specs, "default" (the id\'s own) among them'
    )

    def __post_init__(self) -> None:
        check_values(self)
        if self.split not in SPLITS:
            raise ValueError(f"split={self.split!r} is none of {', '.join(SPLITS)}")
        check_reward("reward", self.reward)
        if self.metrics != "default":
            if not isinstance(self.metrics, list | tuple):
                raise ValueError(f"metrics={self.metrics!r} must be a list of specs, or 'default'")
            for spec in self.metrics:
                check_reward("metrics", spec)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run: an agent trained on one reward of an environment with one seed, and evaluated.

    Attributes:
        env: Environment id, with the module that registers it where that is one's own: "module:Id-v0".
        agent: Name, folder of a trained agent, or module:factory.
        seed: Training seed; for an agent that does not train, added to the evaluation seed.
        reward: What is trained on; "tuned" for the design of the agent's table.
        total_timesteps: Steps of training; "demo" or "bench" or None for the agent's own budget.
        config: What differs from the agent's defaults.
        env_kwargs: Arguments of the environment.
        track: None for the agent's own.
        trials: Configurations tried before this one was chosen.
        tuning_seeds: Seeds they were tried with.
        evaluation: How it is judged.
        experiment: Name of the suite it belongs to; empty for none.
        variant: What sets it apart within the suite, in words.
    """

    env: str
    agent: str
    seed: int = option(0, "training seed", at_least=0)
    reward: Any = "default"
    total_timesteps: int | str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    track: str | None = None
    trials: int = option(0, "configurations tried", at_least=0)
    tuning_seeds: tuple[int, ...] = ()
    evaluation: Evaluation = field(default_factory=Evaluation)
    experiment: str = option("", "name of the suite")
    variant: str = option("", "what sets it apart within the suite")

    def __post_init__(self) -> None:
        try:
            check_values(self)
        except ValueError as error:
            raise SuiteError(str(error)) from None
        object.__setattr__(self, "env", self.env.removeprefix("llm_envs:"))
        check_timesteps(self.total_timesteps, "a cell")
        check_track(self.track, "a cell")
        for seed in self.tuning_seeds:
            check_seed(seed, "a cell: tuning_seeds")
        check_reward("reward", self.reward)
        for name in ("config", "env_kwargs"):
            for key, value in getattr(self, name).items():
                try:
                    plain(value, name, key)
                except RecordError as error:
                    raise SuiteError(
                        f"{name}: {key}={value!r} is nothing a record could keep, only finite numbers, "
                        f"texts, lists and tables of them: {error}"
                    ) from None

    def __str__(self) -> str:
        reward = "" if self.reward == "default" else f" {json.dumps(self.reward)}"
        variant = f" ({self.variant})" if self.variant else ""
        return f"{self.env} {self.agent}{reward}{variant} seed {self.seed}"

    @property
    def env_reward(self) -> Any:
        """The reward of the environment it is trained in: the id's own where a tuned design is trained on."""
        return "default" if _is_tuned(self.reward) else self.reward

    @property
    def agent_options(self) -> Mapping[str, Any]:
        """The agent's options, a tuned design of its training reward among them."""
        return {**self.config, "reward": TUNED} if _is_tuned(self.reward) else self.config

    @property
    def env_id(self) -> str:
        """The id as tables and records have it, without a module."""
        return bare_id(self.env)

    def own_code(self) -> list[str]:
        """The code that the cell itself names, "package.module:name": it is the person's who wrote it."""
        judged = self.evaluation
        named = [self.agent, self.reward, judged.reward, judged.metrics, self.config, self.env_kwargs]
        return [name for _, name in code_names(named)]

    def to_dict(self) -> dict[str, Any]:
        """The cell as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Cell:
        """The inverse of `to_dict`."""
        given = dict(values)
        given["evaluation"] = Evaluation(**given["evaluation"])
        given["tuning_seeds"] = tuple(given["tuning_seeds"])
        return cls(**given)


def check_seed(seed: Any, where: str) -> None:
    """Checks a seed.

    Raises:
        SuiteError: It is no whole number of at least 0.
    """
    if not fits(seed, int) or seed < 0:
        raise SuiteError(f"{where}: {seed!r} is no seed; seeds are 0 or above")


def check_track(track: str | None, where: str) -> None:
    """Checks a track; None stands for the agent's own.

    Raises:
        SuiteError: There is no such track.
    """
    if track is not None and track not in TRACKS:
        raise SuiteError(f"{where}: track {track!r} is none of {', '.join(TRACKS)}")


def check_reward(where: str, reward: Any) -> None:
    """Checks the specification of a reward.

    Raises:
        SuiteError: A record cannot hold it, or it has a wrong form or weight.
    """
    try:
        plain(reward, "the specification")
    except RecordError as error:
        raise SuiteError(
            f"{where}={reward!r} is nothing a record could keep: {error}; register a function with "
            "llm_envs.register_reward and name it"
        ) from None
    try:
        parse_spec(reward)
    except ValueError as error:
        raise SuiteError(f"{where}: {error}") from None


def check_timesteps(value: Any, where: str) -> None:
    """Refuses a budget that is neither a number of steps nor one of the sizes agents have.

    Raises:
        SuiteError: It is not.
    """
    whole = fits(value, int) and value >= 0
    if value is not None and value not in SIZES and not whole:
        raise SuiteError(f"{where}: total_timesteps must be steps, 'demo' or 'bench', not {value!r}")


def check_ours(envs: list[str], where: str) -> None:
    """Refuses environments that are not made by this package: nothing is known of their texts.

    Raises:
        SuiteError: There is one.
    """
    for env in envs:
        spec = find_spec(env)
        if spec is None or env_class(spec) is None:
            raise SuiteError(
                f"{where}: {bare_id(env)!r} is not an environment of this package; `llm-envs list` shows all"
            )


def check_names(envs: list[str], agents: list[str], where: str) -> None:
    """Refuses unknown environment ids and agent names, naming the nearest.

    Raises:
        SuiteError: There is one.
    """
    import llm_envs
    from llm_baselines.registry import list_agents
    from llm_envs.checks.suggestions import did_you_mean

    for env in (env.removeprefix("llm_envs:") for env in envs):
        try:
            found = find_spec(env)
        except Exception as error:  # the module is the person's own, and may raise anything
            raise SuiteError(f"{where}: environment {env!r}: {type(error).__name__}: {error}") from error
        if found is None:
            near = did_you_mean(bare_id(env), llm_envs.list_envs())
            own = (
                ""
                if ":" in env
                else "; one of your own is 'module:Id-v0', after the module that registers it"
            )
            raise SuiteError(f"{where}: unknown environment {env!r}{near} `llm-envs list` shows all{own}")
    for agent in agents:
        if agent not in list_agents() and ":" not in agent and not is_folder(agent):
            near = did_you_mean(agent, list_agents())
            raise SuiteError(
                f"{where}: unknown agent {agent!r}{near} there are {', '.join(list_agents())}, "
                "folders of trained agents, and package.module:factory"
            )
