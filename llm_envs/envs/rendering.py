"""What a person sees of an episode: source, text so far, reward components."""

from __future__ import annotations

from typing import Any

import numpy as np

from llm_envs.envs.session import Session
from llm_envs.envs.task import Task


def render_session(
    task: Task, session: Session, row: np.ndarray, column: int, outcome: dict[str, Any] | None
) -> str:
    """One episode as text; components are those of the text so far until the outcome is known."""
    if session.index < 0:
        return "(no episode yet: call reset())"
    episode = session.episode(row, column, None)
    lines = [f"source: {session.example.source}"]
    if episode.turns:
        lines += [f"{turn.speaker + ':':<10}{turn.text}" for turn in episode.turns]
        if outcome is None:
            lines.append(f"{'agent:':<10}{task.tokenizer.decode(row[session.start : column].tolist())}")
    else:
        lines.append("text:   " + episode.text.replace("\n", "\n        "))
    if outcome is None:
        total, parts = task.reward.score(episode)
        lines.append(f"so far: {total:.3f}  ({_listed(parts)})")
    else:
        lines.append(f"reward: {outcome['reward']:.3f}  ({_listed(outcome['reward_components'])})")
        if outcome["metrics"]:
            lines.append(f"metrics: {_listed(outcome['metrics'])}")
        lines.append(f"ended by {outcome['finish_reason']}")
    return "\n".join(lines)


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())
