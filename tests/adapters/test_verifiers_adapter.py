"""Environments in the verifiers library, where it is installed (it is in no other extra: it is large)."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

import llm_envs

vf = pytest.importorskip("verifiers.v1")
from verifiers.v1.trace import AgentInfo, Trace, TraceTask  # noqa: E402
from verifiers.v1.utils.loaders import load_environment, resolve_env_config  # noqa: E402


class Player:
    """An agent of verifiers whose replies are given; its traces are real ones."""

    def __init__(self, reply) -> None:
        self.reply, self.heard, self.trace = reply, [], None

    @asynccontextmanager
    async def interaction(self, task):
        recorded = TraceTask(type=type(task).__name__, data=task.data, key=task.key, hash=task.hash)
        self.trace = Trace(task=recorded, agent=AgentInfo(config=vf.AgentConfig()))

        async def turn(message=None):
            self.heard.append(message if message is not None else task.data.prompt)
            text = self.reply(self.heard[-1])
            return SimpleNamespace(terminated=text is None, last_reply=text)

        yield SimpleNamespace(turn=turn, trace=self.trace)


def played(environment, task, reply):
    player = Player(reply)
    asyncio.run(environment.run(task, SimpleNamespace(player=player)))
    return player


@pytest.mark.parametrize("env_id", ["Translation-v0", "TextGen-Tiny-v0", "Dialogue-Chat-v0"])
def test_a_text_earns_what_the_environment_pays(env_id):
    environment = llm_envs.adapters.verifiers(env_id, examples=range(4))
    env = gym.make(env_id).unwrapped
    tasks = list(environment.taskset)
    assert [task.data.example for task in tasks] == [0, 1, 2, 3]
    for index, task in enumerate(tasks):
        example = env.task.examples[index]
        assert example.source in str(task.data.prompt)
        for text in (example.references[0], example.source, ""):
            env.reset(options={"example": index})
            for token in [*env.tokenizer.encode(text), env.tokenizer.end_token_ids[0]]:
                if env.outcome is None:
                    env.step(token)
            trace = played(environment, task, lambda heard, text=text: text).trace
            assert trace.rewards["reward"].score == env.outcome.reward
            assert trace.info["finish_reason"] == env.outcome.finish_reason
            assert set(env.outcome.reward_components) <= set(trace.metrics)


def test_an_expert_succeeds_in_dialogues():
    environment = llm_envs.adapters.verifiers("Dialogue-v0", examples=[3], seed=5)
    (task,) = environment.taskset
    env = gym.make("Dialogue-v0").unwrapped
    expert = env.task.expert(np.random.default_rng(0))

    def reply(heard):
        asks_database = env.episode.turns and env.episode.turns[-1].speaker == "database"
        text = expert("database" if asks_database else "user", heard)
        for token in [*env.tokenizer.encode(text), env.tokenizer.end_token_ids[0]]:
            env.step(token)
        return text

    env.reset(seed=task.data.seed, options={"example": 3})
    assert task.data.prompt == env.episode.turns[0].text
    player = played(environment, task, reply)
    assert player.trace.rewards["reward"].score == env.outcome.reward > 0.5
    assert player.trace.metrics["success"] == 1.0

    silent = played(environment, task, lambda heard: None)
    assert silent.trace.rewards["reward"].score == 0


def test_the_page_about_verifiers_works(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "trainers.md").read_text(encoding="utf-8")
    call, module = re.findall(r"^```py\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(call, {})
    assert capsys.readouterr().out.strip() == gym.make("Translation-v0").unwrapped.task.examples[0].source
    (tmp_path / "my_env.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    taskset = {"id": "my-env", "env_id": "TextGen-Tiny-v0", "arguments": {"split": "test"}}
    environment = load_environment(resolve_env_config({"taskset": taskset}))
    env = gym.make("TextGen-Tiny-v0", split="test").unwrapped
    assert [task.data.prompt for task in environment.taskset] == [e.source for e in env.task.examples]


def test_the_player_chats_here_within_the_token_budget(tmp_path):
    player = llm_envs.adapters.verifiers("Translation-v0").config.player
    assert (player.harness.id, player.runtime.type, player.sampling) == ("null", "subprocess", None)
    words = {"<end>": 0, "a": 1, "\n": 2}
    backend = Tokenizer(WordLevel(words, unk_token="a"))
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>").save_pretrained(tmp_path)
    environment = llm_envs.adapters.verifiers(
        "Translation-v0",
        tokenizer=f"hf:{tmp_path}",
        max_new_tokens=7,
        player={"sampling": {"temperature": 0.5}},
    )
    sampling = environment.config.player.sampling
    assert (sampling.max_tokens, sampling.temperature) == (7, 0.5)
    assert environment.config.player.harness.id == "null"


def test_arguments_reach_the_environment_and_wrong_ones_are_said():
    environment = llm_envs.adapters.verifiers("Translation-v0", split="test", reward="chrf", examples=[0])
    (task,) = environment.taskset
    env = gym.make("Translation-v0", split="test")
    assert task.data.prompt == env.unwrapped.task.examples[0].source
    trace = played(environment, task, lambda heard: "ein Hund").trace
    assert "chrf" in trace.metrics
    with pytest.raises(ValueError, match="not an environment of this package"):
        llm_envs.adapters.verifiers("CartPole-v1")
    with pytest.raises(TypeError, match="did you mean 'split'"):
        llm_envs.adapters.verifiers("Translation-v0", splitt="test")
