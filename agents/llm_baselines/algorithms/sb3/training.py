"""One call of `learn` of an agent of Stable-Baselines3: models, evaluations, checkpoints, interruptions."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol

from gymnasium.vector import VectorEnv
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from torch import Tensor

from llm_baselines.agent import Env, EvaluationListener, TrainingReport
from llm_baselines.algorithms.sb3.callbacks import RoundCallback
from llm_baselines.algorithms.sb3.checkpoint import (
    cut_episodes,
    read_state,
    restore_checkpoint,
    write_checkpoint,
)
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_baselines.spec import RunSpec
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.storage.rotation import newest_checkpoint, set_aside
from llm_baselines.storage.sealed_folder import json_able
from llm_baselines.training.evaluations import Evaluations
from llm_baselines.training.logs import make_logger
from llm_baselines.training.reward_watch import RewardWatch, SamplesListener
from llm_baselines.training.stopped import not_finite
from llm_baselines.training.trackers import check_installed


class _Trained(Protocol):
    """What a training reads and sets of an agent; see `SB3Agent`."""

    config: Any
    seed: int
    report: TrainingReport
    model: BaseAlgorithm | None
    policy: BasePolicy
    name: ClassVar[str]
    best: tuple[float, dict[str, Tensor] | None]
    on_evaluation: EvaluationListener | None
    on_samples: SamplesListener | None

    @property
    def env(self) -> Env: ...

    @property
    def log_interval(self) -> int: ...

    @property
    def training_timing(self) -> Any: ...

    def make_model(self, venv: SB3TokenVecEnv) -> BaseAlgorithm: ...

    def prepare(self, model: BaseAlgorithm) -> None: ...

    def vector_env(self, *, training: bool) -> VectorEnv[Any, Any, Any]: ...

    def is_finite(self) -> bool: ...

    def training_spec(self, total_timesteps: int) -> RunSpec: ...


class SB3Training:
    """One call of `learn`.

    Args:
        agent: Gets the model, the policy and the report.
        total_timesteps: Environment steps in all, those of earlier calls included.
        run_folder: Where checkpoints and logs go; None for nowhere.
        resume: Go on from the run folder's last checkpoint, if there is one.
        progress_bar: Show a progress bar.
    """

    def __init__(
        self,
        agent: _Trained,
        total_timesteps: int,
        *,
        run_folder: Path | None,
        resume: bool,
        progress_bar: bool,
    ) -> None:
        self.agent, self.total_timesteps = agent, total_timesteps
        self.folder = None if run_folder is None else Path(run_folder)
        self._resume, self._progress_bar = resume, progress_bar
        self._watch = RewardWatch(
            log_samples=agent.config.log_samples,
            warns=agent.config.reward_warnings,
            listener=agent.on_samples,
        )

    def run(self) -> None:
        """Trains. See `SB3Agent.learn` for what it raises and how it is interrupted."""
        agent, config = self.agent, self.agent.config
        check_installed(config.report_to)
        place = None
        if self.folder is not None:
            if self._resume:
                place = newest_checkpoint(self.folder / "resume")
            if place is None:
                set_aside(self.folder / "resume")
        with ExitStack() as opened:
            rows = SB3TokenVecEnv(agent.vector_env(training=True))
            opened.callback(rows.close)
            validation = agent.vector_env(training=False) if config.eval_freq else None
            if validation is not None:
                opened.callback(validation.close)
            self.model = self._begun_model(rows) if place is None else self._restored_model(rows, place)
            done = self.model.num_timesteps
            if place is None:
                self._warn_of_no_steps(done)
            self.model.set_random_seed(agent.seed + done)
            logger = make_logger(self.folder, done, name=agent.name, report_to=agent.config.report_to)
            opened.callback(logger.close)
            self.model.set_logger(logger)
            self._callback = self._make_callback(rows, validation)
            opened.enter_context(self._explained())
            opened.callback(self._keep_best_so_far)  # of an interrupted training, too
            self._learn(done, interrupted_at_end=place is not None and self._last_measured() != done)

    def _learn(self, done: int, *, interrupted_at_end: bool) -> None:
        """Runs the algorithm, then the last evaluation and checkpoint.

        Args:
            done: Environment steps of earlier calls.
            interrupted_at_end: Whether the run resumes from its last step, without the last evaluation.
        """
        callback, evaluations = self._callback, self._callback.evaluations
        goes_on = self.total_timesteps > done
        with deferred_signals():  # an interruption finds weights, optimizer, replay and counters in step
            try:
                if goes_on:
                    self.model.learn(
                        self.total_timesteps - done,
                        callback=callback,
                        log_interval=self.agent.log_interval,
                        reset_num_timesteps=False,
                        progress_bar=self._progress_bar,
                    )
                else:
                    callback.init_callback(self.model)
                if evaluations.envs is not None and (goes_on or interrupted_at_end):
                    callback.measure()
            except KeyboardInterrupt:
                self._checkpoint()
                raise
            if goes_on or interrupted_at_end:
                callback.update_report()
                self._checkpoint()
            if self.agent.config.keep_best:
                evaluations.keep_best(self.agent.policy.load_state_dict)

    def _make_callback(self, rows: SB3TokenVecEnv, validation: Any) -> RoundCallback:
        agent, config = self.agent, self.agent.config
        evaluations = Evaluations(
            agent.report,
            self.model.num_timesteps,
            eval_freq=config.eval_freq,
            n_eval_episodes=config.n_eval_episodes,
            listener=agent.on_evaluation,
        )
        evaluations.envs = validation
        evaluations.best_score, evaluations.best_weights = agent.best
        return RoundCallback(
            agent.report,
            evaluations,
            checkpoint_freq=config.checkpoint_freq if self.folder is not None else 0,
            checkpoint=self._checkpoint,
            dense=agent.training_timing not in (None, "terminal"),
            check=self._check,
            watch=self._watch,
            weights=rows.get_attr("task", 0)[0].reward.weights,
        )

    # Models.

    def _begun_model(self, rows: SB3TokenVecEnv) -> BaseAlgorithm:
        """Returns the algorithm of an earlier call, or a new one."""
        agent = self.agent
        agent.report.kept_timesteps = None
        if agent.model is not None:
            agent.model.set_env(rows)
            cut_episodes(agent.model)
            return agent.model
        agent.report = TrainingReport(parameters=agent.report.parameters)
        model = self._new_model(rows)
        agent.prepare(model)
        return model

    def _restored_model(self, rows: SB3TokenVecEnv, place: Path) -> BaseAlgorithm:
        agent = self.agent
        spec = agent.training_spec(self.total_timesteps)  # another number of steps is no other training
        state = read_state(place, spec, type(agent.config), agent.env)
        agent.report = TrainingReport(**state["report"])
        self._watch.restore(state.get("reward_watch", {}))  # not in checkpoints of earlier versions
        agent.report.kept_timesteps = None
        model = self._new_model(rows)
        best_weights = restore_checkpoint(place, model)
        agent.best = float("-inf") if state["best_score"] is None else state["best_score"], best_weights
        return model

    def _new_model(self, rows: SB3TokenVecEnv) -> BaseAlgorithm:
        model = self.agent.make_model(rows)
        model.policy.load_state_dict(self.agent.policy.state_dict())
        self.agent.model, self.agent.policy = model, model.policy
        return model

    # Checks and checkpoints.

    def _check(self) -> None:
        if not self.agent.is_finite():
            where = f"step {self.model.num_timesteps}"
            raise not_finite("a weight, or what the weights give, is nan", where, self.folder)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raises NotFinite in place of torch's error about a distribution whose logits are NaN."""
        try:
            yield
        except (ValueError, RuntimeError):
            self._check()
            raise

    def _checkpoint(self) -> None:
        """Writes a checkpoint, if there is a run folder.

        Raises:
            NotFinite: The weights are not finite; the checkpoint before stays.
        """
        self._check()
        if self.folder is None:
            return
        self._callback.update_report()
        agent, evaluations = self.agent, self._callback.evaluations
        state = {"report": json_able(asdict(agent.report)), "best_score": evaluations.kept_score}
        state["reward_watch"] = self._watch.state()
        spec = agent.training_spec(self.model.num_timesteps)
        best = evaluations.best_weights
        write_checkpoint(self.folder / "resume", self.model, spec, agent.env, state, best)

    def _keep_best_so_far(self) -> None:
        evaluations = self._callback.evaluations
        self.agent.best = evaluations.best_score, evaluations.best_weights

    def _last_measured(self) -> float | None:
        return self._callback.evaluations.last_timesteps

    def _warn_of_no_steps(self, done: int) -> None:
        if 0 < done >= self.total_timesteps:
            warnings.warn(
                f"there is nothing to do: total_timesteps={self.total_timesteps} counts earlier steps too, "
                f"and this agent has made {done}",
                stacklevel=4,
            )
