"""What a task measured about itself."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.rewards.registry import did_you_mean


def task_success(episode: Episode, *, key: str = "success") -> float:
    """A measure of the task, such as whether a dialogue reached its goal.

    0 while the episode goes on and nothing is measured yet.

    Args:
        episode: What was played; the task fills `measures` in.
        key: The name of the measure.

    Raises:
        ValueError: The task has no such measure.
    """
    measures = episode.measures
    if key in measures:
        return float(measures[key])
    if episode.finish_reason is None and not measures:
        return 0.0
    if not measures:
        raise ValueError(f"task_success needs the measure {key!r}, and this task measures nothing")
    raise ValueError(
        f"task_success: this task has no measure {key!r}{did_you_mean(key, measures)} "
        f"it has {', '.join(sorted(measures))}"
    )


task_success.needs_text = False  # type: ignore[attr-defined]
