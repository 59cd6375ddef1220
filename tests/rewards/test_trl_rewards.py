"""Reward functions written for TRL, called as its trainers call them."""

from __future__ import annotations

import pickle
import sys

import gymnasium as gym
import numpy as np
import pytest

import llm_envs  # noqa: F401
from llm_envs.episode import Episode, Example
from llm_envs.foreign import UntrustedCode, allowing_code, refuse_code
from llm_envs.rewards import RewardContext, RewardError, make_reward

MODULE = """
calls = []

def count_letters(completions, **kwargs):
    calls.append(len(completions))
    return [len(set(text)) for text in completions]

def solved(completions, solution, **kwargs):
    return [float(s in c) for c, s in zip(completions, solution)]

def talks(prompts, completions, **kwargs):
    assert [m["role"] for m in prompts[0] + completions[0]] == ["user", "assistant"]
    return [len(p[0]["content"]) + len(c[0]["content"]) for p, c in zip(prompts, completions)]

def last_ids(completion_ids, **kwargs):
    return [ids[-1] for ids in completion_ids]

async def later(completions, **kwargs):
    return [1.0 for _ in completions]

def at_most(limit):
    def short(completions, **kwargs):
        return [float(len(text) <= limit) for text in completions]
    return short

def strict(prompts, completions):
    return [0.25] * len(prompts)

def leaves_out(completions, **kwargs):
    return [None for _ in completions]

def too_few(completions, **kwargs):
    return []

def fails(completions, **kwargs):
    raise KeyError("solution")

def of_an_episode(episode):
    return 1.0
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    (tmp_path / "written_for_trl.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda name, **options: make_reward({"id": f"trl:written_for_trl:{name}", **options})


def on(text, *references, ids=(1,), **metadata):
    return Episode(Example("ask", references, metadata), text, ids)


def test_texts_that_end_together_are_one_call(functions):
    reward = functions("count_letters")
    assert reward.score_batch([on("aab"), on("abc")])[0] == [2.0, 3.0]
    assert reward(on("")) == 0.0
    assert sys.modules["written_for_trl"].calls == [2, 1]
    assert reward.components(on("ab")) == {"trl:count_letters": 2.0}
    assert reward.to_spec() == [{"id": "trl:written_for_trl:count_letters", "weight": 1.0}]
    assert pickle.loads(pickle.dumps(reward))(on("aab")) == 2.0


def test_columns_come_from_metadata_and_references(functions):
    assert functions("solved")(on("so 42", solution="42")) == 1.0
    named = functions("solved", columns={"solution": "reference"})
    assert named.score_batch([on("so 42", "42"), on("so 41", "42", "41")])[0] == [1.0, 0.0]
    assert named.needs_references
    assert functions("solved", columns={"solution": "answer"})(on("so 42", answer="42")) == 1.0
    with pytest.raises(RewardError, match="column 'solution': this example has no 'answer'"):
        functions("solved", columns={"solution": "answer"})(on("so 42", reply="42"))
    with pytest.raises(RewardError, match=r"missing 1 required .*'solution'"):
        functions("solved")(on("so 42"))


def test_forms_of_functions(functions):
    assert functions("talks", conversational=True)(on("four")) == 7.0
    assert functions("last_ids")(on("", ids=(5, 9))) == 9.0
    assert functions("later")(on("")) == 1.0
    assert functions("strict")(on("", solution=1)) == 0.25
    short = functions("at_most", factory={"limit": 3})
    assert short.score_batch([on("abc"), on("abcd")])[0] == [1.0, 0.0]
    assert pickle.loads(pickle.dumps(short))(on("abc")) == 1.0
    assert short.signature == (
        'trl:written_for_trl:at_most|columns:{}|conversational:no|factory:{"limit": 3}|v1'
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("leaves_out", "returned None, which leaves a completion out in TRL"),
        ("too_few", "returned 0 scores for 1 completions"),
        ("fails", "raised KeyError: 'solution'"),
    ],
)
def test_what_gives_no_number_is_an_error_and_never_a_zero(functions, name, said):
    with pytest.raises(RewardError, match=said):
        functions(name)(on("text"))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("nothing", {}, "has no 'nothing'"),
        ("of_an_episode", {}, "is no reward function of TRL: it takes neither completions nor"),
        ("at_most", {}, "A function that makes one is called with factory="),
        ("at_most", {"factory": {"most": 3}}, "unexpected keyword argument 'most'"),
        ("solved", {"columns": {"completions": "source"}}, "'completions' is given by the episodes"),
        ("solved", {"function": "os:system"}, "its id already names the function"),
    ],
)
def test_what_cannot_score_is_refused_when_the_reward_is_made(functions, name, options, said):
    with pytest.raises(ValueError, match=said):
        functions(name, **options)


def test_the_vector_environment_asks_once_for_texts_that_end_together(functions):
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=6, reward="trl:written_for_trl:count_letters", metrics=[])
    envs.reset(seed=0)
    ended = np.zeros(6, bool)
    while not ended.any():
        _, rewards, ended, _, _ = envs.step(np.full(6, 3))
    assert sys.modules["written_for_trl"].calls == [6]
    assert (rewards > 0).all()


def test_references_are_asked_for_early(functions):
    functions("strict")
    spec = {"id": "trl:written_for_trl:solved", "columns": {"solution": "reference"}}
    with pytest.raises(ValueError, match="needs references"):
        make_reward(spec, RewardContext(has_references=False))


def test_a_file_names_such_a_function_only_with_permission():
    name = "trl:written_for_trl:solved"
    with pytest.raises(UntrustedCode, match=f"--allow-code {name}"):
        refuse_code({"reward": [{"id": name}]}, "a record")
    with allowing_code([name]):
        refuse_code({"reward": [{"id": name}]}, "a record")


def test_trls_own_functions():
    pytest.importorskip("trl")
    reward = make_reward({"id": "trl:trl.rewards:think_format_reward", "conversational": True})
    assert reward.score_batch([on("<think>\nso\n</think>\n42"), on("42")])[0] == [1.0, 0.0]
    penalty = make_reward(
        {"id": "trl:trl.rewards:get_repetition_penalty_reward", "factory": {"ngram_size": 2}}
    )
    assert penalty.score_batch([on("", ids=(1, 2, 3, 4)), on("", ids=(5,) * 5)])[0] == [0.0, -0.75]
