"""Cached reading against one pass over the whole text, row by row and without padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import small_model
from transformers import AutoModelForCausalLM, BloomConfig, Gemma3Config, RwkvConfig

from llm_envs.lm.model import LanguageModel, model_inputs
from llm_envs.lm.reader import Reader

V, PROMPT, LENGTH = 11, 5, 20


def reads(family, **changes):
    return LanguageModel(small_model(family, V, **changes), V)


@torch.no_grad()
def alone(lm, row):
    """Features of a row's last token, read by itself without padding."""
    tokens = row[row >= 0][None]
    return lm.features(model_inputs(tokens))[0, -1]


def begin(rng):
    """A prompt of one to five tokens, padded on the left."""
    row = np.full(LENGTH, -1, np.int32)
    size = rng.integers(1, PROMPT + 1)
    row[PROMPT - size : PROMPT] = rng.integers(V, size=size)
    return row


def grow(rng, row):
    """An action, then none to three tokens of the environment; a new episode where there is no room."""
    end = int(np.flatnonzero(row >= 0)[-1]) + 1
    size = 1 + int(rng.choice([0, 0, 1, 3]))
    if end + size > LENGTH or rng.random() < 0.1:
        return begin(rng)
    row = row.copy()
    row[end : end + size] = rng.integers(V, size=size)
    return row


def check(lm, reader, observation):
    found = reader.read(observation)
    assert found.shape == (len(observation), lm.hidden_size)
    for row, features in zip(observation, found, strict=True):
        torch.testing.assert_close(features, alone(lm, row), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
def test_cached_equals_uncached_with_ragged_kept_and_restarted_rows(family):
    lm = reads(family)
    reader = Reader(lm)
    assert reader.cached
    rng = np.random.default_rng(0)
    observation = np.stack([begin(rng) for _ in range(6)])
    for step in range(40):
        check(lm, reader, observation)
        if step in (7, 15, 22):  # rows leave, and those that stay change places
            kept = rng.permutation(len(observation))[: len(observation) - 1]
            reader.keep(kept)
            observation = observation[kept]
        observation = np.stack([grow(rng, row) for row in observation])


def blocks_read(monkeypatch, lm):
    """The shapes of what the trunk is given from now on, as they come."""
    blocks = []
    forward = lm.trunk.forward
    monkeypatch.setattr(
        lm.trunk, "forward", lambda **inputs: blocks.append(inputs["input_ids"].shape) or forward(**inputs)
    )
    return blocks


def test_a_step_costs_its_new_tokens_alone(monkeypatch):
    lm = reads("llama")
    reader = Reader(lm)
    rng = np.random.default_rng(0)
    observation = np.stack([begin(rng) for _ in range(3)])
    reader.read(observation)
    blocks = blocks_read(monkeypatch, lm)
    observation[:, PROMPT] = 3
    reader.read(observation)
    assert [block.numel() for block in blocks] == [3]
    reader.read(observation)  # nothing is new
    assert [block.numel() for block in blocks] == [3]


def test_rows_without_a_reply_still_read_one_token(monkeypatch):
    lm = reads("llama")
    reader = Reader(lm)
    rng = np.random.default_rng(0)
    observation = np.stack([begin(rng) for _ in range(4)])
    reader.read(observation)
    reader.keep(np.array([3, 1, 2]))  # the first leaves, the last takes its slot
    observation = observation[[3, 1, 2]]
    blocks = blocks_read(monkeypatch, lm)
    observation[:, PROMPT] = 3
    observation[1, PROMPT + 1 : PROMPT + 4] = 5, 6, 7
    reader.read(observation)
    assert blocks == [(3, 1), (1, 3)]
    monkeypatch.undo()
    check(lm, reader, observation)


def test_a_new_episode_that_begins_like_the_last_is_read_right():
    lm = reads("llama")
    reader = Reader(lm)
    prompt = begin(np.random.default_rng(1))[None]
    longer = prompt.copy()
    longer[0, PROMPT : PROMPT + 2] = 4, 5
    other = prompt.copy()
    other[0, PROMPT : PROMPT + 2] = 6, 5
    for observation in (prompt, longer, prompt, other, longer[:, :], prompt, prompt):
        check(lm, reader, observation)


def test_another_number_of_rows_or_another_width_starts_anew():
    lm = reads("gpt2")
    reader = Reader(lm)
    rng = np.random.default_rng(2)
    for rows, width in ((3, LENGTH), (2, LENGTH), (2, LENGTH - 4)):
        check(lm, reader, np.stack([begin(rng)[:width] for _ in range(rows)]))


def test_what_was_read_with_old_weights_is_forgotten():
    lm = reads("llama")
    reader = Reader(lm)
    observation = np.stack([begin(np.random.default_rng(3)) for _ in range(2)])
    before = reader.read(observation)
    with torch.no_grad():
        for parameter in lm.trunk.parameters():
            parameter.mul_(1.5)
    reader.forget()
    assert not torch.allclose(before, reader.read(observation))
    check(lm, reader, observation)


def test_what_is_returned_does_not_change_later():
    reader = Reader(reads("llama"))
    observation = begin(np.random.default_rng(4))[None]
    first = reader.read(observation)
    kept = first.clone()
    observation = observation.copy()
    observation[0, PROMPT] = 7
    reader.read(observation)
    torch.testing.assert_close(first, kept, rtol=0, atol=0)


@pytest.mark.parametrize("window", [4, 12])
def test_a_sliding_window_is_read_without_a_cache_and_right(window):
    lm = reads("mistral", sliding_window=window)
    reader = Reader(lm)
    assert not reader.cached
    rng = np.random.default_rng(5)
    observation = np.stack([begin(rng) for _ in range(4)])
    for _ in range(16):
        check(lm, reader, observation)
        reader.keep(np.arange(len(observation)))
        observation = np.stack([grow(rng, row) for row in observation])
    wide = reads("mistral", sliding_window=None)
    wide.load_state_dict(lm.state_dict())
    full = np.arange(LENGTH) % V
    assert not torch.allclose(alone(wide, full), alone(lm, full)), "the window matters"


def test_a_model_that_takes_no_cache_is_read_without_one():
    from small_models import TableModel

    lm = LanguageModel(TableModel([(1,), (1, 2), (1, 2, 0)], 3), 3)
    reader = Reader(lm)
    assert not reader.cached
    observation = np.array([[-1, 1, 2, 0, -1], [-1, 1, -1, -1, -1]], np.int32)
    assert reader.read(observation).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_a_window_that_a_part_of_the_configuration_names_is_seen():
    """Gemma 3 with eyes says so of its text alone; the probe's text is shorter than the window."""
    text = {
        "vocab_size": V, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "sliding_window": 12,
        "layer_types": ["sliding_attention", "full_attention"], "max_position_embeddings": 128,
        "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0,
    }  # fmt: skip
    eyes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = Gemma3Config(
        text_config=text,
        vision_config={**eyes, "image_size": 28, "patch_size": 14},
        mm_tokens_per_image=4,
        image_token_index=V - 1,
        boi_token_index=V - 2,
        eoi_token_index=V - 3,
    )
    lm = LanguageModel(AutoModelForCausalLM.from_config(config), V)
    assert lm.longest == 128
    reader = Reader(lm)
    assert not reader.cached
    row = (np.arange(LENGTH, dtype=np.int32) % (V - 3))[None]
    check(lm, reader, row)


def test_a_model_without_attention_mask_reads_rows_from_their_first_token():
    config = RwkvConfig(
        vocab_size=V, context_length=64, hidden_size=16, attention_hidden_size=16, num_hidden_layers=2,
        intermediate_size=16,
    )  # fmt: skip
    lm = LanguageModel(AutoModelForCausalLM.from_config(config), V)
    reader = Reader(lm)
    rng = np.random.default_rng(0)
    check(lm, reader, np.stack([begin(rng) for _ in range(6)]))


def test_a_model_whose_cache_is_another_is_read_without_one():
    config = BloomConfig(vocab_size=V, hidden_size=16, n_layer=2, n_head=2)
    lm = LanguageModel(AutoModelForCausalLM.from_config(config), V)
    reader = Reader(lm)
    assert not reader.cached
    rng = np.random.default_rng(0)
    check(lm, reader, np.stack([begin(rng) for _ in range(6)]))
