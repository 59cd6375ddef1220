"""How often an agent asks."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.rewards.spoken import agent_turns

_MARKS = ("?", "\uff1f", "\u061f", "\u037e")


class QuestionShare:
    """How close the share of the agent's turns with a question is to a target, 0 to 1 (See et al. 2019).

    1 - |share - target| / max(target, 1 - target). A turn asks if it holds a question mark of any script. An
    agent that says nothing scores 0. People rate a moderate rate best. It costs a few microseconds.

    Args:
        target: The wanted share, 0 to 1.

    Raises:
        ValueError: The target is no share.
    """

    def __init__(self, *, target: float = 0.5) -> None:
        if not 0.0 <= target <= 1.0:
            raise ValueError(f"target is a share from 0 to 1, got {target!r}")
        self._target = target

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        turns = agent_turns(episode)
        if not turns:
            return 0.0
        share = sum(any(mark in turn for mark in _MARKS) for turn in turns) / len(turns)
        return 1.0 - abs(share - self._target) / max(self._target, 1.0 - self._target)
