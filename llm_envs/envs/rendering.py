"""Renders episodes for people: source, text so far, reward components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from llm_envs.envs.picture import Paragraph, draw
from llm_envs.envs.session import Session
from llm_envs.envs.task import Task
from llm_envs.episode import Outcome
from llm_envs.foreign import shown, shown_lines
from llm_envs.html import Html, view

RENDER_MODES = ("ansi", "human", "html", "rgb_array")
_NO_EPISODE = "(no episode yet: call reset())"


def check_render_mode(render_mode: str | None, known: Sequence[str]) -> None:
    """Checks a render mode.

    Raises:
        ValueError: The render mode is unknown.
    """
    if render_mode is not None and render_mode not in known:
        modes = f"{', '.join(map(repr, known[:-1]))} and {known[-1]!r}"
        raise ValueError(f"unknown render_mode={render_mode!r}; the modes are {modes}")


def render_session(
    task: Task, session: Session, row: np.ndarray, column: int, outcome: Outcome | None
) -> str:
    """Returns one episode as text. Until it ends, the reward components are those of the text so far."""
    if session.index < 0:
        return _NO_EPISODE
    episode = session.episode(row, column, None)
    lines = [_labelled("source:", 8, session.example.source)]
    if episode.turns:
        lines += [_labelled(f"{shown(turn.speaker)}:", 10, turn.text) for turn in episode.turns]
        if outcome is None:
            lines.append(_labelled("agent:", 10, task.tokenizer.decode(row[session.start : column].tolist())))
    else:
        lines.append(_labelled("text:", 8, episode.text))
    if outcome is None:
        total, parts = task.reward.score(episode)
        lines.append(f"so far: {total:.3f}  ({_listed(parts)})")
    else:
        lines.append(f"reward: {outcome.reward:.3f}  ({_listed(outcome.reward_components)})")
        if outcome.metrics:
            lines.append(f"metrics: {_listed(outcome.metrics)}")
        lines.append(f"ended by {outcome.finish_reason}")
    return "\n".join(lines)


def render_picture(
    task: Task, session: Session, row: np.ndarray, column: int, outcome: Outcome | None
) -> np.ndarray:
    """Returns one episode as a picture, uint8 (height, width, 3), with the last token highlighted.

    The reward appears at the end only: a frame is drawn for every token, and scoring each would be slow.
    """
    if session.index < 0:
        return draw(Paragraph(_NO_EPISODE, ""), (), ())
    episode = session.episode(row, column, None)
    ids = row[session.start : column].tolist()
    text, before = (task.tokenizer.decode(part) for part in (ids, ids[:-1]))
    known = len(before)
    while not text.startswith(before[:known]):  # decoding one more token may change the earlier text
        known -= 1
    agent = "agent: " if episode.turns else ""
    body = [Paragraph(f"{turn.speaker}: ", turn.text) for turn in episode.turns]
    if outcome is None or not episode.turns:
        body.append(Paragraph(agent, text[:known], text[known:]))
    end = []
    if outcome is not None:
        parts = _listed(outcome.reward_components)
        end = [Paragraph("reward ", f"{outcome.reward:.3f}  ({parts})")]
        end += [Paragraph("metrics ", _listed(outcome.metrics))] if outcome.metrics else []
        end.append(Paragraph("ended by ", str(outcome.finish_reason)))
    return draw(Paragraph("source: ", session.example.source), [Paragraph("", ""), *body], end)


def render_html(
    task: Task,
    session: Session,
    row: np.ndarray,
    column: int,
    outcome: Outcome | None,
    paid: Sequence[float],
) -> Html:
    """Returns one episode as HTML.

    With dense rewards the tokens are coloured by what they were paid; otherwise the final reward colours the
    text.
    """
    if session.index < 0:
        return Html(f"<p>{_NO_EPISODE}</p>")
    episode = session.episode(row, column, None if outcome is None else outcome.finish_reason)
    dense = task.timing.needs_prefixes
    return view(
        source=episode.source,
        text=episode.text,
        action_ids=episode.action_ids,
        turns=episode.turns,
        reward=None if outcome is None else outcome.reward,
        components={} if outcome is None else outcome.reward_components,
        metrics={} if outcome is None else outcome.metrics,
        finish_reason=episode.finish_reason,
        tokenizer=task.tokenizer,
        rewards=paid if dense else None,
        turn_limit=task.max_new_tokens if task.max_turns > 1 else None,
    )


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{shown(name)} {value:.3f}" for name, value in values.items())


def _labelled(label: str, width: int, text: str) -> str:
    """Returns a text behind its label. Further lines are indented, so that they cannot look like our own."""
    return f"{label:<{width}}{shown_lines(text, ' ' * width)}"
