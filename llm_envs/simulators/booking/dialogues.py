"""Whole booking dialogues between the expert and the user.

They serve as references, for supervised training, for the word vocabulary, and for fitting the n-gram
model behind the user's fluency floor.
"""

from __future__ import annotations

import zlib

import numpy as np

from llm_envs.simulators.booking.expert import BookingExpert
from llm_envs.simulators.booking.goals import sample_goal
from llm_envs.simulators.booking.user import BookingUser
from llm_envs.simulators.booking.venues import make_database

#: (speaker, text) in the order spoken; the speakers are "user", "agent" and "database".
Turns = list[tuple[str, str]]


def play(user: BookingUser, expert: BookingExpert, *, max_turns: int = 30) -> Turns:
    """Lets the expert talk to a user until the user ends it, or for ``max_turns`` agent turns."""
    expert.reset()
    speaker, text = "user", user.open()
    turns: Turns = [(speaker, text)]
    for _ in range(max_turns):
        agent_text = expert.act(speaker, text)
        reply = user.reply(agent_text)
        speaker, text = reply.speaker, reply.text
        turns += [("agent", agent_text), (speaker, text)]
        if reply.done:
            break
    return turns


def expert_dialogues(split: str, n: int, seed: int) -> list[Turns]:
    """Dialogues between the expert and users with goals over a split's database.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        n: How many dialogues.
        seed: Dialogue ``i`` depends on ``split``, ``seed`` and ``i`` alone.

    Raises:
        ValueError: If ``n`` is negative or the split is unknown.
    """
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}")
    database = make_database(split)
    dialogues = []
    for index in range(n):
        seeds = np.random.SeedSequence([zlib.crc32(split.encode()), seed, index]).spawn(3)
        goal_rng, user_rng, expert_rng = (np.random.default_rng(child) for child in seeds)
        user = BookingUser(sample_goal(goal_rng, database), database, user_rng)
        dialogues.append(play(user, BookingExpert(expert_rng)))
    return dialogues
