"""An agent that reads the example plays the one of its row, not another with the same prompt."""

from __future__ import annotations

import json

import gymnasium as gym
import numpy as np
import pytest

import llm_envs
from llm_baselines.algorithms.sb3.dqn import SB3DQN
from llm_baselines.anchors.pretrained import BestOfN
from llm_baselines.anchors.reference import ReferenceAgent
from llm_baselines.training.demonstrations import demonstrations
from llm_envs.envs.conversation import Conversation, Reply
from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.wrappers.top_k import TopKPolicy

pytestmark = pytest.mark.filterwarnings("ignore::llm_envs.data.DataWarning")

MODES = ["NextStep", "SameStep", "Disabled"]
SPLITS = {
    "across splits": {"train": [("Hello", "Hallo")], "test": [("Hello", "Guten Tag")]},
    "repeated sources": {
        "train": [("Hello", "Hallo"), ("Hello", "Guten Tag"), ("Bye", "Tschau")],
        "test": [("Hello", "Servus"), ("Hello", "Moin moin"), ("Hello", "Gruezi")],
    },
    "equal after truncation": {
        "train": [("one long and winding road", "eins"), ("two long and winding road", "zwei drei")],
        "test": [("six long and winding road", "sechs"), ("ten long and winding road", "zehn")],
    },
}


@pytest.fixture(params=SPLITS)
def arguments(request, tmp_path):
    rows = [
        {"source": source, "target": target, "split": split}
        for split, pairs in SPLITS[request.param].items()
        for source, target in pairs
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "dataset": f"file:{path}",
        "tokenizer": "byte",
        "reward": "exact_match",
        "max_prompt_tokens": 12,
        "max_new_tokens": 20,
        "long_prompt": "truncate",
    }


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_reference_earns_its_score_on_every_example(arguments, split):
    agent = ReferenceAgent(gym.make("Translation-v0", **arguments), 0)  # of train, as benchmarks make it
    env = gym.make("Translation-v0", split=split, **arguments)
    envs = [env, gym.wrappers.TransformReward(env, lambda reward: reward)]
    envs += [llm_envs.vectorize(env, 2, autoreset_mode=mode) for mode in MODES]
    for played in envs:
        rows = llm_envs.evaluate(agent, played, 2 * len(env.unwrapped.task.examples)).rows
        assert [row.reward for row in rows] == [1.0] * len(rows)


def test_drawn_episodes_are_played_by_what_infos_say(arguments):
    env = gym.make("Translation-v0", split="test", **arguments)
    agent, examples = ReferenceAgent(env, 0), env.unwrapped.task.examples
    envs = llm_envs.vectorize(env, 3, autoreset_mode="SameStep")
    observations, infos = envs.reset(seed=5)
    state, over, rewards = None, np.ones(3, bool), []
    while len(rewards) < 12:
        begun = np.flatnonzero(over).tolist()
        state = agent.begin_episodes(begun, [examples[infos["example"][row]] for row in begun], state)
        actions, state = agent.predict(observations, state, over)
        observations, paid, over, _, infos = envs.step(actions)
        rewards += paid[over].tolist()
    assert set(rewards) == {1.0}


def test_an_ambiguous_prompt_without_a_named_example_raises(arguments):
    env = gym.make("Translation-v0", split="test", **arguments)
    agent = ReferenceAgent(env, 0)
    observation, info = env.reset(options={"example": 0})
    with pytest.raises(ValueError, match=r"examples begin with this prompt .*begin_episodes"):
        agent.predict(observation[None])
    example = env.unwrapped.task.examples[info["example"]]
    told = agent.begin_episodes([0], [example])
    actions, state = agent.predict(observation[None], told, np.ones(1, bool))
    assert actions[0] == env.unwrapped.tokenizer.encode(example.references[0])[0]
    with pytest.raises(ValueError, match="examples begin with this prompt"):  # of the episode before
        agent.predict(observation[None], state, np.ones(1, bool))


def test_the_replay_buffer_holds_what_is_right(arguments):
    env = gym.make("Translation-v0", **arguments)
    agent = SB3DQN(env, 0, device="cpu", demonstrations=12, n_envs=3, eval_freq=0, learning_starts=10**6)
    agent.learn(12)
    buffer = agent.model.replay_buffer
    dones = buffer.dones[: buffer.pos].astype(bool)
    assert dones.sum() >= 12
    assert (buffer.rewards[: buffer.pos][dones] == 1.0).sum() >= 12


def test_demonstrations_are_of_their_examples(arguments):
    env = gym.make("Translation-v0", split="test", **arguments)
    task = env.unwrapped.task
    for index, shown in enumerate(demonstrations(env, np.arange(len(task.examples)))):
        assert (
            task.tokenizer.decode(shown.tokens[shown.actions].tolist()) == task.examples[index].references[0]
        )


class _Oracle:
    """A policy that writes end tokens and keeps what it was told."""

    def __init__(self, end):
        self.end, self.told = end, []

    def begin_episodes(self, rows, examples, state=None):
        self.told += [example.references[0] for example in examples]
        return state

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.full(len(observation["tokens"]), self.end), state


class _NoCandidates:
    def observe(self, observation):
        return {"tokens": observation}

    def tokens(self, actions):
        return actions


class _NoCandidatesEnv:
    def candidates(self):
        return _NoCandidates()


def test_a_policy_in_a_wrapper_is_told_as_well(arguments):
    env = gym.make("Translation-v0", split="test", **arguments)
    oracle = _Oracle(env.unwrapped.tokenizer.end_token_ids[0])
    llm_envs.evaluate(TopKPolicy(oracle, _NoCandidatesEnv()), env)
    assert oracle.told == [example.references[0] for example in env.unwrapped.task.examples]


def test_best_of_n_takes_the_reward_of_the_example_played(arguments):
    env = gym.make("Translation-v0", split="test", **{**arguments, "reward": "chrf"})
    agent = BestOfN("mini", env, seed=0, device="cpu", n=4)
    taken = []
    agent.best_text = lambda example, prompt: taken.append(example.references[0]) or [0]
    llm_envs.evaluate(agent, env)
    assert taken == [example.references[0] for example in env.unwrapped.task.examples]


class _Silent(Conversation):
    def open(self):
        return "hello"

    def reply(self, text):
        return Reply()


class _OwnDialogue(Task):
    kind, roles, max_turns, default_dataset = "own", True, 3, "chat"

    def default_reward(self):
        return "distinct"

    def conversation(self, example, rng):
        return _Silent()


class _OwnDialogueEnv(TokenEnv):
    task_class = _OwnDialogue


def test_a_users_dialogue_has_its_own_expert_or_none():
    env = _OwnDialogueEnv(max_prompt_tokens=64)
    with pytest.raises(ValueError, match=r"has none \(Task.has_expert\)"):
        ReferenceAgent(env, 0)
