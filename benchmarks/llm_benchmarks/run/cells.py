"""Cells: a cell is one run as the user requests it. The checks here need no environment."""

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
    """How every cell is evaluated."""

    seed: int = option(EVALUATION_SEED, "evaluation seed; above all training and tuning seeds", at_least=0)
    split: str = option("test", "split that is played")
    episodes: int | None = option(None, "episodes; by default one for each example of the split", at_least=1)
    num_envs: int = option(32, "environments that step together; changes no result", at_least=1)
    deterministic: bool = option(True, "passed to the agent's predict")
    reward: Any = option("default", "reward that scores; the environment's default reward unless given")
    metrics: Any = option(
        "default", 'what is only recorded: a list of specs, "default" (the id\'s own) among them'
    )
    note_values: bool = option(
        False, "note Q, V and log-probability of each token, where the agent can say them; changes no result"
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
        env: Environment id. An id of the user's own names the module that registers it: "module:Id-v0".
        agent: Name, folder of a trained agent, or module:factory.
        seed: Training seed; for an agent that does not train, added to the evaluation seed.
        reward: The training reward; "tuned" is the tuned reward design in the agent's table.
        total_timesteps: Steps of training; "demo" or "bench" or None for the agent's own budget.
        config: Options of the agent that differ from its defaults.
        env_kwargs: Arguments of the environment.
        track: The track in the leaderboard; None for the agent's own.
        trials: Number of configurations tried before this one was chosen.
        tuning_seeds: Seeds of those trials.
        evaluation: How the agent is evaluated.
        experiment: Name of the suite that the cell belongs to; empty for none.
        variant: What distinguishes the cell within the suite, in words.
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
                        f"{name}: {key}={value!r} cannot stand in a record, which holds finite numbers, "
                        f"texts, lists and tables of these: {error}"
                    ) from None

    def __str__(self) -> str:
        reward = "" if self.reward == "default" else f" {json.dumps(self.reward)}"
        variant = f" ({self.variant})" if self.variant else ""
        return f"{self.env} {self.agent}{reward}{variant} seed {self.seed}"

    @property
    def env_reward(self) -> Any:
        """The reward of the training environment; "default" if the agent trains on a tuned design."""
        return "default" if _is_tuned(self.reward) else self.reward

    @property
    def agent_options(self) -> Mapping[str, Any]:
        """The agent's options, with `reward="tuned"` if the cell asks for a tuned design."""
        return {**self.config, "reward": TUNED} if _is_tuned(self.reward) else self.config

    @property
    def env_id(self) -> str:
        """The environment id without its module, as in tables and records."""
        return bare_id(self.env)

    def own_code(self) -> list[str]:
        """Returns the code that the cell names as "package.module:name". The user who wrote it trusts it."""
        evaluation = self.evaluation
        named = [self.agent, self.reward, evaluation.reward, evaluation.metrics, self.config, self.env_kwargs]
        return [name for _, name in code_names(named)]

    def to_dict(self) -> dict[str, Any]:
        """Returns the cell as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Cell:
        """Returns the cell of a dict from `to_dict`."""
        fields = dict(values)
        fields["evaluation"] = Evaluation(**fields["evaluation"])
        fields["tuning_seeds"] = tuple(fields["tuning_seeds"])
        return cls(**fields)


def check_seed(seed: Any, where: str) -> None:
    """Raises if a seed is invalid.

    Raises:
        SuiteError: The seed is not an integer of at least 0.
    """
    if not fits(seed, int) or seed < 0:
        raise SuiteError(f"{where}: {seed!r} is no seed; seeds are 0 or above")


def check_track(track: str | None, where: str) -> None:
    """Raises if a track is unknown; None stands for the agent's own.

    Raises:
        SuiteError: The track is unknown.
    """
    if track is not None and track not in TRACKS:
        raise SuiteError(f"{where}: track {track!r} is none of {', '.join(TRACKS)}")


def check_reward(where: str, reward: Any) -> None:
    """Raises if a reward specification is invalid.

    Raises:
        SuiteError: A record cannot hold the specification, or its form or a weight is wrong.
    """
    try:
        plain(reward, "the specification")
    except RecordError as error:
        raise SuiteError(
            f"{where}={reward!r} cannot stand in a record: {error}; register a function with "
            "llm_envs.register_reward and name it"
        ) from None
    try:
        parse_spec(reward)
    except ValueError as error:
        raise SuiteError(f"{where}: {error}") from None


def check_timesteps(value: Any, where: str) -> None:
    """Raises if a budget is neither a number of steps nor the size of an agent's own budget.

    Raises:
        SuiteError: The budget is invalid.
    """
    is_steps = fits(value, int) and value >= 0
    if value is not None and value not in SIZES and not is_steps:
        raise SuiteError(f"{where}: total_timesteps must be steps, 'demo' or 'bench', not {value!r}")


def check_ours(envs: list[str], where: str) -> None:
    """Raises if an environment is not of this package, because its texts are unknown.

    Raises:
        SuiteError: An environment is not of this package.
    """
    for env in envs:
        spec = find_spec(env)
        if spec is None or env_class(spec) is None:
            raise SuiteError(
                f"{where}: {bare_id(env)!r} is not an environment of this package; `llm-envs list` shows all"
            )


def check_names(envs: list[str], agents: list[str], where: str) -> None:
    """Raises if an environment id or an agent name is unknown, and suggests the nearest name.

    Raises:
        SuiteError: An id or a name is unknown.
    """
    import llm_envs
    from llm_baselines.registry import list_agents
    from llm_envs.checks.suggestions import did_you_mean

    for env in (env.removeprefix("llm_envs:") for env in envs):
        try:
            spec = find_spec(env)
        except Exception as error:  # importing a user's module may raise anything
            raise SuiteError(f"{where}: environment {env!r}: {type(error).__name__}: {error}") from error
        if spec is None:
            near = did_you_mean(bare_id(env), llm_envs.list_envs())
            own = "" if ":" in env else "; write an id of your own as 'module:Id-v0', with its module"
            raise SuiteError(f"{where}: unknown environment {env!r}{near} `llm-envs list` shows all{own}")
    for agent in agents:
        if agent not in list_agents() and ":" not in agent and not is_folder(agent):
            near = did_you_mean(agent, list_agents())
            raise SuiteError(
                f"{where}: unknown agent {agent!r}{near} there are {', '.join(list_agents())}, "
                "folders of trained agents, and package.module:factory"
            )
