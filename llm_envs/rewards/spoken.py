"""What the agent says, turn by turn."""

from __future__ import annotations

from llm_envs.episode import Episode


def agent_turns(episode: Episode) -> list[str]:
    """Returns the agent's turns that are not blank. A task of one turn has one: its text."""
    spoken = [turn.text for turn in episode.turns if turn.speaker == "agent"] or [episode.text]
    return [text for text in spoken if text.strip()]
