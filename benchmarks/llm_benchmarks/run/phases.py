"""The phases of a run, and an estimate of the time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from llm_baselines.agent import TrainingReport
from llm_baselines.spec import RunSpec
from llm_benchmarks.console.report import minutes
from llm_benchmarks.records.trained_on import trained_on
from llm_envs.foreign import shown

WARM_START, TRAINING, EVALUATING = "warm start", "training", "evaluating"


def phases_of(spec: RunSpec, *, evaluated: bool) -> tuple[str, ...]:
    """Returns the phases of a run in their order.

    Args:
        spec: The run.
        evaluated: Whether the run ends with an evaluation.
    """
    has_warm_start = "start" in trained_on(spec)
    phases = (WARM_START,) * has_warm_start + (TRAINING,) * (spec.training is not None)
    return (*phases, EVALUATING) if evaluated else phases


@runtime_checkable
class _HasStage(Protocol):
    @property
    def training_stage(self) -> tuple[str, int, int] | None: ...


@runtime_checkable
class _CountsTimesteps(Protocol):
    @property
    def num_timesteps(self) -> int: ...


@runtime_checkable
class _HasReport(Protocol):
    @property
    def report(self) -> TrainingReport: ...


def stage_of(agent: object, total: int) -> tuple[str, int, int]:
    """Returns the phase of a training agent, the steps done in it, and its steps in all.

    The agent's `training_stage` names a phase before its own steps, such as a warm start. Else the steps are
    its `num_timesteps`, or the steps or tokens of its report. An agent with none of these is at step 0.

    Args:
        agent: Any agent.
        total: Steps of the agent in all.
    """
    if isinstance(agent, _HasStage) and agent.training_stage is not None:
        return agent.training_stage
    if isinstance(agent, _CountsTimesteps) and isinstance(agent.num_timesteps, int):
        return TRAINING, agent.num_timesteps, total
    if isinstance(agent, _HasReport) and isinstance(agent.report, TrainingReport):
        return TRAINING, agent.report.environment_steps or agent.report.tokens, total
    return TRAINING, 0, total


class PhaseClock:
    """Measures how fast a run goes and how much time is left.

    Args:
        phases: From `phases_of`.
        clock: Returns seconds.
    """

    def __init__(self, phases: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._phases = phases
        self._clock = clock
        self._phase = ""
        self._phase_began, self._first_step = clock(), 0

    def describe(self, phase: str, done: int, total: int) -> str:
        """Returns the position in words: "phase 1 of 3: warm start 1,000/4,000, more than 2:05 left".

        The time left is that of the whole run. The speed of a later phase is unknown before it begins, so
        the time is a lower bound until the last phase.

        Args:
            phase: The phase under way; "phase: part" is a part of one, such as "warm start: copying".
            done: Steps done in it.
            total: Its steps in all.
        """
        if not self._phase and phase == TRAINING and done == 0 and WARM_START in self._phases:
            return f"phase 1 of {len(self._phases)}: starting"  # the agent has not told of its start yet
        if phase != self._phase:
            self._phase, self._phase_began, self._first_step = phase, self._clock(), done
        done = min(done, total)
        stage = phase.partition(":")[0]
        known = stage in self._phases
        number = self._phases.index(stage) + 1 if known else 0
        where = f"phase {number} of {len(self._phases)}: " if known and len(self._phases) > 1 else ""
        position = f"{where}{shown(phase)} {done:,}/{total:,}"
        steps, seconds = done - self._first_step, self._clock() - self._phase_began
        if steps <= 0 or seconds <= 0:
            return position
        left = minutes((total - done) * seconds / steps)
        last = not known or (phase == stage and number == len(self._phases))
        return f"{position}, {left} left" if last else f"{position}, more than {left} left"
