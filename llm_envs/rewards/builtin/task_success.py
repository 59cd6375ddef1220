"""A measure of the task as a reward."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.episode import Episode, Example
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.increments.growth import Growth, Increment


class TaskSuccess:
    """A measure of the task, such as whether a dialogue reached its goal.

    It is 0 while the episode is running and nothing has been measured yet.

    Args:
        key: The name of the measure.
        context: Says what the task measures, if that is known before an episode.

    Raises:
        ValueError: The task has no such measure.
    """

    needs_text = False

    def __init__(self, *, key: str = "success", context: RewardContext | None = None) -> None:
        if context is not None and context.measures is not None and key not in context.measures:
            raise _unknown(key, context.measures)
        self._key = key

    def __call__(self, episode: Episode) -> float:
        """Returns the measure, which the task has computed."""
        return self._measure(episode.measures, running=episode.finish_reason is None)

    def increment(self, example: Example) -> Increment:
        """Returns the measures of the growing prefixes of one episode."""
        return self._running

    def _running(self, growth: Growth) -> float:
        return self._measure(growth.measures, running=True)

    def _measure(self, measures: Mapping[str, float], *, running: bool) -> float:
        if self._key in measures:
            return float(measures[self._key])
        if running and not measures:
            return 0.0
        raise _unknown(self._key, measures)


def _unknown(key: str, measures: Collection[str]) -> ValueError:
    if not measures:
        return ValueError(f"task_success needs the measure key={key!r}, and this task measures nothing")
    return ValueError(
        f"task_success: this task has no measure {key!r}{did_you_mean(key, measures)} "
        f"it has {', '.join(sorted(measures))}"
    )
