"""Texts that tokenizers of others make little of: prompts without a token, tokens that were added."""

from __future__ import annotations

import json

import gymnasium as gym
import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

import llm_envs
from llm_baselines.anchors.reference import ReferenceAgent
from llm_envs.envs import prompt_checks
from llm_envs.tokenizers import ByteTokenizer


def saved_tokenizer(folder) -> str:
    """Bytes, "<|end|>" and the added token "Caf\u00e9"; a zero-width space is nothing to it."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, []))
    backend.normalizer = normalizers.Replace("\u200b", "")
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|end|>"])
    backend.add_tokens([AddedToken("Café", normalized=False)])
    backend.save(str(folder / "tokenizer.json"))
    return f"hf:{folder / 'tokenizer.json'}"


def made(folder, sources, *, reference="ein Café", tokenizer=None, **options):
    rows = [{"source": source, "references": [reference], "split": "train"} for source in sources]
    rows.append({**rows[0], "source": "held out", "split": "test"})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"id": saved_tokenizer(folder), "end_tokens": ["<|end|>"], **(tokenizer or {})}
    return gym.make("Translation-v0", dataset=f"file:{folder / 'rows.jsonl'}", tokenizer=given, **options)


@pytest.mark.parametrize("timing", ["terminal", "dense"])
def test_the_reference_with_an_added_token_earns_all(timing, tmp_path):
    env = made(tmp_path, [f"row {k}" for k in range(40)], reward_timing=timing)
    assert llm_envs.evaluate(ReferenceAgent(env, 0), env, n_eval_episodes=2, seed=0).mean_reward == 1.0


SOURCES = [*(f"row {k}" for k in range(30)), "\u200b", "more"]


@pytest.mark.parametrize("long_prompt", ["error", "truncate"])
@pytest.mark.parametrize("checked", [20_000, 10])
def test_a_source_without_tokens_is_refused_when_made(long_prompt, checked, tmp_path, monkeypatch):
    """Files of more rows than are all tokenised as well."""
    monkeypatch.setattr(prompt_checks, "CHECKED_PROMPTS", checked)
    with pytest.raises(ValueError, match=r"example 30 of 'train' has no token.*'\\u200b'.*'separator'"):
        made(tmp_path, SOURCES, tokenizer={"separator": ""}, long_prompt=long_prompt)


def test_with_a_separator_it_is_a_prompt(tmp_path):
    env = made(tmp_path, SOURCES, tokenizer={"separator": "\n"})
    observation, _ = env.reset(options={"example": 30})
    assert env.unwrapped.tokenizer.decode(observation[observation >= 0].tolist()) == "\n"


class Mute(ByteTokenizer):
    """Knows no word and has no markers, so a user's turn has no tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.markers = dict.fromkeys(self.markers, ())

    def encode(self, text: str) -> list[int]:
        return []


@pytest.mark.parametrize("long_prompt", ["error", "truncate"])
def test_a_dialogue_that_opens_without_tokens_is_refused_when_made(long_prompt):
    prompt_checks.forget_checks()
    with pytest.raises(ValueError, match="a dialogue of 'train' has no token"):
        gym.make("Dialogue-v0", tokenizer=Mute(), long_prompt=long_prompt)
