"""The protocols of agents: acting, training, what the trainer calls, and the factories that make agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from llm_baselines.spec import RunSpec
from llm_envs import EvaluationResult

if TYPE_CHECKING:  # anchors need no torch to be named
    import torch
    from stable_baselines3.common.logger import Logger
    from torch import Tensor, nn

Track = Literal["scratch", "demonstrations", "pretrained"]

Env = gym.Env[Any, Any]

EvaluationListener = Callable[[int, EvaluationResult], None]
"""listener(timesteps, result) is called after every evaluation on validation during training."""


@dataclass
class TrainingReport:
    """Cost and curve of a training run.

    Attributes:
        environment_steps: Actions taken while training.
        gradient_steps: Optimizer steps.
        tokens: Tokens written by the agent while training.
        reward_calls: Texts scored while training.
        seconds: Wall-clock time of training, evaluations for the curve included.
        parameters: Trainable parameters.
        curve: Rows of {"timesteps": int, "seconds": float, name: float, ...}.
        kept_timesteps: Step of the curve whose weights were kept as the best; None if the last were kept.
    """

    environment_steps: int = 0
    gradient_steps: int = 0
    tokens: int = 0
    reward_calls: int = 0
    seconds: float = 0.0
    parameters: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    kept_timesteps: float | None = None


@runtime_checkable
class Agent(Protocol):
    """An agent needs only Stable-Baselines3's `predict`."""

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns actions int64 (n,) for observations int32 (n, context_length), and the next state."""


@dataclass(frozen=True, slots=True)
class TokenValues:
    """What an agent says of the m tokens that it wrote in one episode; None where it says nothing.

    Attributes:
        q: float (m,), Q of each token, in units of reward.
        v: float (m,), V of the state before each token, in units of reward.
        advantage: float (m,), Q - V of each token, in units of reward.
        log_prob: float (m,), log-probability of each token under the agent's policy, in nats.
    """

    q: np.ndarray | None = None
    v: np.ndarray | None = None
    advantage: np.ndarray | None = None
    log_prob: np.ndarray | None = None


@runtime_checkable
class ValuesTokens(Protocol):
    """An agent that can say what it holds of the tokens of a text, its own or another's."""

    def token_values(self, observations: np.ndarray, columns: Sequence[np.ndarray]) -> Sequence[TokenValues]:
        """Returns the values of n texts. Neither state nor weights nor random numbers change.

        Args:
            observations: int32 (n, context_length), the last observation of each episode.
            columns: For each episode the columns of the agent's tokens in it, int (m,), in order.
        """


@runtime_checkable
class TrainableAgent(Agent, Protocol):
    """An agent that trains.

    Attributes:
        report: Cost and curve of the training, up to date while it runs.
    """

    report: TrainingReport

    def learn(
        self,
        total_timesteps: int,
        *,
        run_folder: Path | None = None,
        resume: bool = False,
        progress_bar: bool = False,
    ) -> TrainableAgent:
        """Trains on the environment the agent was made with.

        Args:
            total_timesteps: Environment steps in all, including those before a resume.
            run_folder: Where checkpoints and logs go; None writes nothing.
            resume: Continue from the run folder's last checkpoint, if there is one.
            progress_bar: Show a progress bar.
        """

    def save(self, folder: Path) -> None:
        """Writes the agent as safetensors and JSON, without pickle."""


@runtime_checkable
class ObservedAgent(TrainableAgent, Protocol):
    """A trainable agent that reports its progress while it trains.

    Attributes:
        on_evaluation: Called after every evaluation on validation; None calls nothing.
    """

    on_evaluation: EvaluationListener | None

    @property
    def num_timesteps(self) -> int:
        """Environment steps so far; also correct while training runs."""

    @property
    def training_stage(self) -> tuple[str, int, int] | None:
        """The running stage before the agent's own steps: (name, steps done, steps in all), or None."""


class LearnerConfig(Protocol):
    """The options that the trainer reads from a learner's configuration."""

    @property
    def eval_freq(self) -> int:
        """Environment steps between evaluations on validation; 0 turns them off."""

    @property
    def n_eval_episodes(self) -> int:
        """Episodes in each evaluation."""

    @property
    def eval_deterministic(self) -> bool:
        """Whether evaluations are greedy."""

    @property
    def keep_best(self) -> bool:
        """Whether training ends with the weights that were best on validation."""

    @property
    def checkpoint_freq(self) -> int:
        """Environment steps between checkpoints; 0 turns them off."""

    @property
    def report_to(self) -> str:
        """The experiment tracker that gets the log too; empty for none."""


@runtime_checkable
class Learner(ObservedAgent, Protocol):
    """A learner whose rounds the trainer runs, evaluates, logs and checkpoints.

    Attributes:
        num_timesteps: Environment steps so far.
        rounds: Rounds so far.
        exact: True while a resumed training is bit-identical to an uninterrupted one.
        interrupted_best: Score and weights of the best evaluation of a `learn` that did not finish.
    """

    num_timesteps: int
    rounds: int
    exact: bool
    interrupted_best: tuple[float, dict[str, Tensor]] | None

    # Identity and settings.

    @property
    def name(self) -> str:
        """Name in the registry."""

    @property
    def config(self) -> LearnerConfig:
        """The whole configuration: a frozen dataclass."""

    @property
    def seed(self) -> int:
        """Decides everything random in the training."""

    @property
    def env(self) -> Env | VectorEnv[Any, Any, Any]:
        """The environment it was made with."""

    @property
    def verbose(self) -> int:
        """1 prints log lines."""

    @property
    def tensorboard_log(self) -> str | Path | None:
        """The folder for TensorBoard files, if any."""

    @property
    def is_fresh(self) -> bool:
        """Whether its weights are random."""

    # Weights and optimizer.

    @property
    def network(self) -> nn.Module:
        """Everything with weights, frozen ones included."""

    @property
    def optimizer(self) -> torch.optim.Optimizer | None:
        """The optimizer; None before the first `learn`."""

    def stored_tensors(self) -> dict[str, Tensor]:
        """Returns the tensors that are written to disk, by name."""

    def take_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Loads what `stored_tensors` returned.

        Raises:
            RuntimeError: Names or shapes differ.
        """

    def trained_tensors(self) -> dict[str, Tensor]:
        """Returns copies of the tensors that training changes, by name."""

    def weights_changed(self) -> None:
        """Discards everything cached under the old weights."""

    def is_finite(self) -> bool:
        """Returns True if the weights and their outputs are finite."""

    def reference_identity(self) -> str | None:
        """Returns the SHA-256 of the weights that learning started from; None if they are not kept."""

    def with_average(self) -> AbstractContextManager[None]:
        """Returns a context in which the weights are those that an evaluation is of."""

    def keep_average(self) -> None:
        """Replaces the weights by those that an evaluation is of, at the end of a training."""

    # The rest of a checkpoint.

    def state(self) -> dict[str, Any]:
        """Returns counters, as JSON values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Sets the counters that `state` returned."""

    def save_more(self, place: Path) -> None:
        """Writes further files of a checkpoint."""

    def load_more(self, place: Path) -> None:
        """Reads what `save_more` wrote."""

    def put_earlier_aside(self, run_folder: str | Path | None) -> None:
        """Moves the checkpoints of an earlier run out of the way of a new one."""

    # What the trainer calls.

    @property
    def logger(self) -> Logger | None:
        """Stable-Baselines3's logger; None outside training, unless one was set."""

    def set_logger(self, logger: Logger | None) -> None:
        """Sets the logger; None removes it."""

    def training_spec(self, total_timesteps: int) -> RunSpec:
        """Returns the description of this training that folders, checkpoints and records share."""

    def validation_envs(self) -> VectorEnv[Any, Any, Any] | None:
        """Returns the environments of the validation split; None if there is no such split."""

    def count_cost(self, report: TrainingReport) -> None:
        """Updates the report's counters."""


@runtime_checkable
class AgentFactory(Protocol):
    """Makes one kind of agent, and checks its options beforehand.

    `registry.factory_of` returns a factory for every name. It wraps plain functions and classes.
    """

    def __call__(self, env: Env, seed: int, device: str = "auto", **config: Any) -> Agent:
        """Returns an agent for a single environment made by gymnasium.make."""

    @property
    def trains(self) -> bool | None:
        """Whether its agents have `learn`; None if that shows only on an agent."""

    @property
    def loads(self) -> bool:
        """Whether it can load an agent from the folder that `save` wrote."""

    @property
    def config_class(self) -> type[Any] | None:
        """The dataclass of its options; None if it has no such class."""

    def defaults(
        self, env_id: str, design: str | None = None, config: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns the default configuration on an id; empty if the agent takes no options.

        Args:
            env_id: The environment's id.
            design: "tuned" for the training reward of the agent's table, see `tables.TUNED`.
            config: Options that differ from the defaults; an option may decide which others exist.

        Raises:
            ValueError: The agent has no such design on the id.
        """

    def complete_config(self, env_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the configuration with every value that the agent would look up later.

        Args:
            env_id: The environment's id.
            config: A checked whole configuration: `defaults` with the chosen options.
        """

    def applicable_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a whole configuration without the options that the other options make ineffective."""

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Checks a configuration before anything is made with it.

        Raises:
            ValueError: It holds an unknown option, or a value of the wrong type or out of bounds.
        """

    def suggested_timesteps(self, env_id: str, size: str = "bench") -> int | None:
        """Returns the training steps for an id, "demo" or "bench"; None if the agent has no budget."""

    def load(
        self, folder: Path, env: Env, *, seed: int, device: str, config: Mapping[str, Any] | None = None
    ) -> Agent:
        """Returns the agent that `save` wrote into a folder.

        Args:
            folder: The folder.
            env: A single environment made by gymnasium.make.
            seed: Decides everything random in the agent.
            device: "auto" or a torch device.
            config: The configuration it was trained with, for factories whose folders do not hold it.

        Raises:
            ValueError: The folder does not hold such an agent.
        """
