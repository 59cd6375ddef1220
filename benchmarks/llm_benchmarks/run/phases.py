"""The phases of a run, which one is under way, and how long there is still to wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from llm_baselines.spec import RunSpec
from llm_benchmarks.records.trained_on import trained_on
from llm_envs.foreign import shown

WARM_START, TRAINING, EVALUATING = "warm start", "training", "evaluating"


def phases_of(spec: RunSpec, *, evaluated: bool) -> tuple[str, ...]:
    """What a run does, one after the other.

    Args:
        spec: The run.
        evaluated: Whether it is evaluated when it has been trained.
    """
    phases = (WARM_START,) * ("start" in trained_on(spec)) + (TRAINING,) * (spec.training is not None)
    return (*phases, EVALUATING) if evaluated else phases


def stage_of(agent: Any, total: int) -> tuple[str, int, int]:
    """Where an agent that learns is: phase, steps done, steps in all.

    Args:
        agent: One of ours says what comes before its own steps; of one of others its report is read.
        total: Its own steps in all.
    """
    before = getattr(agent, "training_stage", None)
    if before is not None:
        phase, done, of = before
        return str(phase), int(done), int(of)
    report = getattr(agent, "report", None)
    reported = getattr(report, "environment_steps", 0) or getattr(report, "tokens", 0)
    counted = getattr(agent, "num_timesteps", None)
    return TRAINING, counted if isinstance(counted, int) else reported, total


class PhaseClock:
    """Tells how far a run is and how long it will take.

    Args:
        phases: From `phases_of`.
        clock: Seconds.
    """

    def __init__(self, phases: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._phases = phases
        self._clock = clock
        self._phase = ""
        self._since, self._begun_at = clock(), 0

    def told(self, phase: str, done: int, total: int) -> str:
        """Such as "phase 1 of 3: warm start 1,000/4,000, more than 2:05 left".

        The time is that of the whole run. How fast a phase to come will be is not known before it begins:
        until the last one the time is a lower bound, and says so.
        """
        if phase != self._phase:
            self._phase, self._since, self._begun_at = phase, self._clock(), done
        done = min(done, total)
        known = phase in self._phases
        place = self._phases.index(phase) + 1 if known else 0
        where = f"phase {place} of {len(self._phases)}: " if known and len(self._phases) > 1 else ""
        told = f"{where}{shown(phase)} {done:,}/{total:,}"
        steps, seconds = done - self._begun_at, self._clock() - self._since
        if steps <= 0 or seconds <= 0:
            return told
        left = minutes((total - done) * seconds / steps)
        last = not known or place == len(self._phases)
        return f"{told}, {left} left" if last else f"{told}, more than {left} left"


def minutes(seconds: float) -> str:
    """A time as minutes:seconds, or hours:minutes:seconds."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    clock = f"{rest // 60}:{rest % 60:02d}"
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else clock
