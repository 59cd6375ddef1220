"""mypy reads the types of the installed packages: a user's script is checked against them."""

from __future__ import annotations

import re
import sys

import pytest
from clean_environments import run

pytestmark = pytest.mark.package
SCRIPT = """
from typing import Any, assert_type

import gymnasium as gym
import numpy as np

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.registry import make_agent
from llm_benchmarks.leaderboard.export import to_frame
from llm_benchmarks.records.store import RecordStore


@llm_envs.register_reward("mentions")
def mentions(episode: llm_envs.Episode, *, word: str = "sea") -> float:
    assert_type(episode.text, str)
    return float(word in episode.text)


class AlwaysStop:
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        return np.zeros(len(observation), dtype=np.int64), state


env = gym.make("TextGen-v0", reward={"id": "mentions", "word": "moon"})
result = llm_envs.evaluate(AlwaysStop(), "Translation-v0", n_eval_episodes=50, seed=1)
assert_type(result, llm_envs.EvaluationResult)
assert_type(result.mean_reward, float)
names: list[str] = [row for row in llm_envs.list_rewards()]
agent = TokenDQN("tiny", env, seed=0).learn(5_000)
assert_type(agent, TokenDQN)
other = make_agent("sb3_dqn", env, seed=0)
store = RecordStore("store")
"""
MISTAKES = {
    'llm_envs.evaluate(AlwaysStop(), "Translation-v0", n_eval_episodes="fifty")': "arg-type",
    "result.mean_rewrd": "attr-defined",
    "llm_envs.no_such_name": "attr-defined",
    "llm_envs.register_reward(3)": "arg-type",
    'TokenDQN("tiny", env, seed="zero")': "arg-type",
}


def test_mypy_accepts_public_names_and_finds_mistakes(builder, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT + "\n".join(MISTAKES) + "\n", encoding="utf-8")
    python = builder.environment("benchmarks").python
    mypy = (sys.executable, "-m", "mypy", "--strict", "--hide-error-context", "--no-pretty")
    done = run(*mypy, "--python-executable", python, "script.py", cwd=tmp_path)
    first = SCRIPT.count("\n") + 1
    told = re.findall(r"^script\.py:(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    expected = [(str(number), code) for number, code in enumerate(MISTAKES.values(), first)]
    assert told == expected, done.stdout + done.stderr
