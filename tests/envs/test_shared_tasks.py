"""Tasks that environments share, are made anew, or are found again by copies of an environment."""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
from pathlib import Path

import gymnasium as gym
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

import llm_envs


def first_reward(env):
    env.reset(seed=0)
    return env.step(env.unwrapped.tokenizer.end_token_ids[0])[1]


def test_equal_arguments_share_one_task():
    assert gym.make("TextGen-v0").unwrapped.task is gym.make("TextGen-v0").unwrapped.task
    assert gym.make("TextGen-v0").unwrapped.task is not gym.make("TextGen-v0", split="test").unwrapped.task


def word_tokenizer(path, *words):
    vocabulary = {word: index for index, word in enumerate(["?", "<eos>", *words])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.save(str(path))
    return {"id": f"hf:{path}", "end_tokens": ["<eos>"]}


def test_a_tokenizer_that_is_trained_anew_is_read_anew(tmp_path):
    spec = word_tokenizer(tmp_path / "tokenizer.json", "the")
    options = {"tokenizer": spec, "max_prompt_tokens": 99}
    first = gym.make("Translation-v0", **options)
    assert gym.make("Translation-v0", **options).unwrapped.task is first.unwrapped.task
    word_tokenizer(tmp_path / "tokenizer.json", "the", "cat", "dog")
    assert gym.make("Translation-v0", **options).action_space.n == 5
    assert gym.make("Translation-v0", **options, split="test").action_space.n == 5
    assert first.action_space.n == first.unwrapped.tokenizer.vocabulary_size == 3


def test_a_reward_s_model_that_is_trained_anew_is_read_anew(tmp_path):
    """The reward's option is a path only to the reward, and stands deep in the specification."""
    path = tmp_path / "score.txt"
    path.write_text("1.0")

    def reward():
        parts = [{"id": f"{__name__}:FromFile", "path": str(path)}]
        env = gym.make("Translation-v0", reward={"id": "product", "rewards": parts})
        return first_reward(env)

    assert reward() == 1.0
    path.write_text("0.25")
    assert reward() == 0.25


class FromFile:
    def __init__(self, *, path):
        self.value = float(Path(path).read_text())

    def __call__(self, episode):
        return self.value


def test_a_module_that_is_reloaded_gives_its_new_reward(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "reloaded_reward.py").write_text("def score(episode): return 1.0\n")

    def make():
        return gym.make("Translation-v0", reward="reloaded_reward:score")

    assert first_reward(make()) == 1.0
    assert make().unwrapped.task is make().unwrapped.task
    (tmp_path / "reloaded_reward.py").write_text("def score(episode): return 22.0\n")
    importlib.reload(sys.modules["reloaded_reward"])
    assert first_reward(make()) == 22.0


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
@pytest.mark.parametrize("changed", ["data set", "tokenizer"])
def test_a_copy_that_would_be_of_other_data_is_refused(tmp_path, make, changed):
    data = tmp_path / "pairs.csv"
    data.write_text("source,answer\n" + "".join(f"the {i},cat\n" for i in range(30)))
    spec = word_tokenizer(tmp_path / "tokenizer.json", "the", "cat")
    env = make("Translation-v0", dataset=f"file:{data}", tokenizer=spec)
    env.reset(seed=0)
    data.touch()
    assert copy.deepcopy(env).unwrapped.task.signature == env.unwrapped.task.signature
    pickled = pickle.dumps(env)
    if changed == "data set":
        data.write_text("source,answer\n" + "".join(f"the {i},dog\n" for i in range(30)))
    else:
        word_tokenizer(tmp_path / "tokenizer.json", "cat", "the")
    for attempt in (lambda: copy.deepcopy(env), lambda: pickle.loads(pickled)):
        with pytest.raises(ValueError, match=rf"{changed} .* has changed since this environment was made"):
            attempt()
    env.reset(seed=1)  # the environment itself goes on


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_arguments_changed_after_the_fact_change_no_copy(make):
    options = {"id": "length_penalty", "weight": -1.0}
    rewards, metrics, timing = [{"id": "bleu"}, options], [{"id": "chrf"}], {"id": "shaped", "gamma": 0.9}
    env = make("Translation-v0", reward=rewards, metrics=metrics, reward_timing=timing)
    before = env.unwrapped.task.describe()
    options["weight"], timing["gamma"] = -5.0, 0.1
    rewards.append("exact_match")
    metrics.append("exact_match")
    assert env.unwrapped.task.describe() == before
    assert pickle.loads(pickle.dumps(env.unwrapped)).task.describe() == before
    if make is gym.make:
        assert llm_envs.vectorize(env, 2).unwrapped.task.describe() == before
