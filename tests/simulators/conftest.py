"""The expert's dialogues, made once for all tests of the booking user."""

from __future__ import annotations

import pytest

from llm_envs.simulators.booking.dialogues import Turns, expert_dialogues


@pytest.fixture(scope="session")
def train_dialogues() -> list[Turns]:
    return expert_dialogues("train", 800, seed=0)


@pytest.fixture(scope="session")
def expert_turns(train_dialogues: list[Turns]) -> list[str]:
    return [text for turns in train_dialogues for speaker, text in turns if speaker == "agent"]
