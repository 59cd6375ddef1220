"""Outcomes and evaluations that no environment has played."""

from __future__ import annotations

from llm_envs import EpisodeRow, EvaluationResult
from llm_envs.episode import Outcome


def outcome(text="a text", *, source="a source", references=("a text",), metrics=None, **components):
    """An outcome whose reward is the sum of its components."""
    return Outcome(
        source=source,
        references=references,
        text=text,
        action_ids=tuple(range(len(text.split()) + 1)),
        reward=float(sum(components.values())),
        reward_components=components,
        metrics=metrics or {},
        finish_reason="stop",
    )


def evaluation(rewards, **metrics):
    """An evaluation: one reward, and one value of each metric, for each episode."""
    rows = [
        EpisodeRow(
            index=index,
            example=index,
            seed=index,
            source="",
            references=(),
            text="",
            action_ids=(0,),
            reward=reward,
            reward_components={},
            metrics={name: values[index] for name, values in metrics.items()},
            finish_reason="stop",
        )
        for index, reward in enumerate(rewards)
    ]
    return EvaluationResult(rows=tuple(rows), seed=0, deterministic=True)
