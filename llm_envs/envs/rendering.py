"""What a person sees of an episode: source, text so far, reward components."""

from __future__ import annotations

from typing import Any

import numpy as np

from llm_envs.envs.session import Session
from llm_envs.envs.task import Task
from llm_envs.foreign import shown, shown_lines


def render_session(
    task: Task, session: Session, row: np.ndarray, column: int, outcome: dict[str, Any] | None
) -> str:
    """One episode as text; components are those of the text so far until the outcome is known."""
    if session.index < 0:
        return "(no episode yet: call reset())"
    episode = session.episode(row, column, None)
    lines = [_told("source:", 8, session.example.source)]
    if episode.turns:
        lines += [_told(f"{shown(turn.speaker)}:", 10, turn.text) for turn in episode.turns]
        if outcome is None:
            lines.append(_told("agent:", 10, task.tokenizer.decode(row[session.start : column].tolist())))
    else:
        lines.append(_told("text:", 8, episode.text))
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
    return ", ".join(f"{shown(name)} {value:.3f}" for name, value in values.items())


def _told(label: str, width: int, text: str) -> str:
    """A text behind its label; further lines are indented, so that none passes for a line of ours."""
    return f"{label:<{width}}{shown_lines(text, ' ' * width)}"
