"""Ids of one's own: by register_env, and by gymnasium.register alone."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.anchors.reference import RandomAgent, ReferenceAgent
from llm_baselines.registry import make_agent
from llm_envs.envs.ids import is_native, make_vec
from llm_envs.envs.tiny import Tiny, TinyEnv
from llm_envs.envs.translation import TranslationEnv, TranslationVectorEnv
from llm_envs.wrappers.top_k import TopKActions

ENTRY = "llm_envs.envs.translation:TranslationEnv"
HOW = {
    "register_env": lambda name, **kwargs: llm_envs.register_env(name, **kwargs),
    "gymnasium": lambda name, **kwargs: gym.register(id=name, entry_point=ENTRY, kwargs=kwargs),
    "gymnasium, a class": lambda name, **kwargs: gym.register(
        id=name, entry_point=TranslationEnv, kwargs=kwargs
    ),
}


class TinyTwins(Tiny):
    """A task of one's own."""

    def default_reward(self):
        return ["llm_envs.envs.tiny:spelled", "exact_match"]


class TwinsEnv(TinyEnv):
    """Its environment, without a vector environment."""

    task_class = TinyTwins


class OtherStep(TinyEnv):
    """Does something in its step that no vector environment does."""

    def step(self, action):
        return super().step(0)


@pytest.fixture(autouse=True)
def registry():
    before = dict(gym.registry)
    yield
    gym.registry.clear()
    gym.registry.update(before)


@pytest.fixture
def rows_file(tmp_path):
    words = ("one", "two", "three", "four", "five", "six", "seven")
    pairs = [f"{a} {b},{b} {a}" for a in words for b in words if a != b]
    path = tmp_path / "mine.csv"
    path.write_text("source,references\n" + "\n".join(pairs) + "\n")
    return path


@pytest.fixture(params=HOW)
def own_id(request, rows_file):
    HOW[request.param]("MyDeEn-v0", dataset=f"file:{rows_file}", max_prompt_tokens=8, max_new_tokens=6)
    return "MyDeEn-v0"


def test_it_is_played_and_evaluated(own_id):
    env = gym.make(own_id, split="test")
    result = llm_envs.evaluate(ReferenceAgent(env, 0), own_id)
    assert len(result.rows) == len(env.unwrapped.task.examples)
    assert result.mean_reward == pytest.approx(1.0)
    assert set(result.metrics) == {"chrf", "exact_match"}
    env = gym.make(own_id, split="test", metrics="default")
    single = llm_envs.evaluate(RandomAgent(env, 1), env, 5, seed=3)
    assert llm_envs.evaluate(RandomAgent(env, 1), own_id, 5, seed=3).rows == single.rows


def test_it_has_native_rows(own_id):
    env = gym.make(own_id, max_new_tokens=5)
    assert is_native(env)
    envs = llm_envs.vectorize(env, 3, autoreset_mode="SameStep", split="validation")
    assert type(envs.unwrapped) is TranslationVectorEnv
    assert (envs.unwrapped.task.max_new_tokens, envs.unwrapped.task.split) == (5, "validation")
    assert envs.spec.id == own_id
    np.testing.assert_array_equal(
        make_vec(own_id, 2, split="train").reset(seed=4)[0][0], gym.make(own_id).reset(seed=4)[0]
    )


def test_agents_train_on_it(own_id, tmp_path):
    agent = make_agent("sb3_dqn", gym.make(own_id), seed=0, config={"learning_starts": 10, "eval_freq": 0})
    agent.learn(64).save(tmp_path / "dqn")
    loaded = make_agent(str(tmp_path / "dqn"), gym.make(own_id), seed=0)
    assert len(llm_envs.evaluate(loaded, own_id, 3).rows) == 3
    learner = TokenDQN("nano", own_id, seed=0, warm_start=False, eval_freq=0)
    assert learner.native
    learner.learn(30)
    assert llm_envs.evaluate(learner, own_id, 3).seed == 0


def test_wrappers_of_gymnasium_that_only_check_are_looked_through(own_id):
    env = gym.make(own_id)
    assert is_native(env)
    assert not is_native(gym.wrappers.TransformReward(env, lambda reward: -reward))
    wrapped = TopKActions(env, lambda observation: np.zeros((len(observation), 16)), k=3)
    assert not is_native(wrapped)


def test_list_envs_knows_those_of_register_env(rows_file):
    llm_envs.register_env("Mine-v0", "chat", split="test")
    gym.register(id="Theirs-v0", entry_point=ENTRY)
    assert llm_envs.list_envs()[-1] == "Mine-v0"
    assert "Theirs-v0" not in llm_envs.list_envs()
    assert gym.make("Mine-v0").unwrapped.task.split == "test"
    assert gym.make("Mine-v0", split="train").unwrapped.task.split == "train"
    assert type(gym.make("Mine-v0")) is type(gym.make("Dialogue-Chat-v0"))  # nothing around it
    assert gym.make_vec("Mine-v0", num_envs=2).unwrapped.task.split == "test"
    spec = gym.make("Mine-v0").spec
    assert gym.make(type(spec).from_json(spec.to_json())).unwrapped.task.split == "test"
    del gym.registry["Mine-v0"]
    assert "Mine-v0" not in llm_envs.list_envs()


@pytest.mark.parametrize("entry", [TwinsEnv, f"{__name__}:TwinsEnv"])
def test_a_class_of_ones_own_gets_rows(entry):
    llm_envs.register_env("Twins-v0", entry)
    env = gym.make("Twins-v0", split="test")
    result = llm_envs.evaluate(ReferenceAgent(env, 0), "Twins-v0")
    assert result.mean_reward == 2.0
    single = llm_envs.evaluate(RandomAgent(env, 0), env, 6)
    assert llm_envs.evaluate(RandomAgent(env, 0), llm_envs.vectorize(env, 4), 6).rows == single.rows
    envs = gym.make_vec("Twins-v0", num_envs=2)
    envs.reset(seed=0)
    for again in (copy.deepcopy(envs), pickle.loads(pickle.dumps(envs))):
        np.testing.assert_array_equal(again.step(np.array([2, 3]))[0], copy.deepcopy(envs).step([2, 3])[0])
    assert llm_envs.vectorize(TwinsEnv(), 2).unwrapped.task == TwinsEnv().task


def test_a_step_of_ones_own_is_never_left_out():
    gym.register(id="Other-v0", entry_point=OtherStep)
    env = gym.make("Other-v0")
    assert not is_native(env)
    with pytest.raises(ValueError, match="step"):
        llm_envs.vectorize(env, 2)
    with pytest.raises(ValueError, match="inherits step"):
        llm_envs.evaluate(RandomAgent(env, 0), "Other-v0", 2)
    assert [row.length for row in llm_envs.evaluate(RandomAgent(env, 0), env, 2).rows] == [1, 1]
    assert isinstance(gym.make_vec("Other-v0", num_envs=2), SyncVectorEnv)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("Translation-v0",), ValueError, "choose another name"),
        (("Mine-v0", "tanslation"), ValueError, "did you mean 'translation'"),
        (("Mine-v0", "no_such_module:Env"), ValueError, "no module 'no_such_module'"),
        (("Mine-v0", "llm_envs.envs.translation:Translation"), ValueError, "inherits from"),
        (("Mine-v0", "llm_envs.envs.translation:TransationEnv"), ValueError, "did you mean 'TranslationEnv'"),
        (("Mine-v0", dict), ValueError, "inherits from"),
        (("Mine v0",), gym.error.Error, "[Mm]alformed"),
    ],
)
def test_registrations_that_are_refused(arguments, error, said):
    with pytest.raises(error, match=said):
        llm_envs.register_env(*arguments)
    assert "Mine-v0" not in gym.registry


def test_a_misspelt_argument_is_refused_when_registered():
    with pytest.raises(TypeError, match="did you mean 'dataset'"):
        llm_envs.register_env("Mine-v0", datset="file:mine.csv")


def test_ids_that_cannot_be_evaluated_say_why():
    env = gym.make("TextGen-Tiny-v0")
    with pytest.raises(ValueError, match="not an environment of this package"):
        llm_envs.evaluate(RandomAgent(env, 0), "CartPole-v1")
    with pytest.raises(gym.error.NameNotFound, match="TextGen-Tiny"):
        llm_envs.evaluate(RandomAgent(env, 0), "TextGen-Tny-v0")
    with pytest.raises(ValueError, match="no module 'no_such_module'"):
        llm_envs.evaluate(RandomAgent(env, 0), "no_such_module:Mine-v0")
    gym.register(id="Short-v0", entry_point=TinyEnv, max_episode_steps=3)
    with pytest.raises(ValueError, match="max_episode_steps=3"):
        llm_envs.evaluate(RandomAgent(env, 0), "Short-v0")
