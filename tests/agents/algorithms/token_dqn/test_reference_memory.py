"""What the reference says is read once a round, and is the same however a batch is put together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from token_worlds import random_trajectory

from llm_baselines import TokenDQN
from llm_baselines.algorithms.token_dqn import reference_memory
from llm_baselines.algorithms.token_dqn.reference_memory import ReferenceMemory
from llm_baselines.lm.teacher_forcing import acting_logits, state_features
from llm_baselines.play.trajectory import collate


@pytest.fixture(scope="module")
def reference():
    return TokenDQN("nano", "TextGen-Tiny-v0", warm_start=False, device="cpu").reference


def rounds(count=3, size=6):
    rng = np.random.default_rng(0)
    return [
        [replace(random_trajectory(rng, vocabulary=4, example=i // 2), round=number) for i in range(size)]
        for number in range(count)
    ]


def directly(reference, batch):
    with torch.no_grad():
        return torch.log_softmax(acting_logits(reference, state_features(reference, batch), batch), dim=1)


def counted(monkeypatch):
    """The sizes of the passes of the reference from now on."""
    passes = []

    def watched(lm, features, batch, allowed):
        passes.append(len(batch))
        return acting_logits(lm, features, batch, allowed)

    monkeypatch.setattr(reference_memory, "acting_logits", watched)
    return passes


def test_it_says_what_a_pass_of_the_reference_says(reference):
    memory = ReferenceMemory(reference, 64, 2)
    first, second, third = rounds()
    for played in (first, second, third):
        annotated = memory.add(played)
        for before, after in zip(played, annotated, strict=True):
            wanted = directly(reference, collate([before]))
            taken = torch.as_tensor(before.tokens[before.actions].astype(np.int64))
            np.testing.assert_allclose(
                after.reference_log_probs, wanted.gather(1, taken[:, None])[:, 0], atol=1e-5
            )
    batch = collate([third[4], first[1], second[3], third[0]])
    torch.testing.assert_close(memory.log_probs(batch), directly(reference, batch), rtol=0, atol=1e-5)


def test_only_texts_of_rounds_that_left_are_read_again(reference, monkeypatch):
    memory = ReferenceMemory(reference, 4096, 2)
    first, second, third = rounds()
    for played in (first, second, third):
        memory.add(played)
    passes = counted(monkeypatch)
    memory.log_probs(collate([*second, *third]))
    assert passes == []
    memory.log_probs(collate([second[0], first[2], third[1], first[4]]))
    assert passes == [2]


def test_what_does_not_fit_is_read_again(reference, monkeypatch):
    monkeypatch.setattr(reference_memory, "CAPACITY", 1)
    memory = ReferenceMemory(reference, 4096, 0)
    played = rounds()[0]
    memory.add(played)
    passes = counted(monkeypatch)
    batch = collate(played)
    torch.testing.assert_close(memory.log_probs(batch), directly(reference, batch), rtol=0, atol=1e-5)
    assert passes == [len(played)]


def test_a_saved_memory_has_the_same_numbers_to_the_bit(reference, tmp_path):
    memory = ReferenceMemory(reference, 24, 2)
    played = rounds()
    for one in played:
        memory.add(one)
    memory.save(tmp_path / "memory.safetensors")
    again = ReferenceMemory(reference, 24, 2)
    again.load(tmp_path / "memory.safetensors")
    batch = collate([played[2][1], played[0][0], played[1][5]])
    assert torch.equal(again.log_probs(batch), memory.log_probs(batch))
