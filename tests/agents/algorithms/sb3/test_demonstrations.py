"""SB3's DQN with the expert's dialogues in its replay buffer."""

from __future__ import annotations

import gymnasium as gym
import pytest

from llm_baselines.algorithms.sb3.dqn import SB3DQN
from llm_baselines.algorithms.sb3.training_rewards import KnownTurns
from llm_benchmarks.run.resolve import track_of
from llm_envs.episode import Episode, Example, Turn
from llm_envs.rewards import RewardContext

TEXTS = ("what area ?", "what price range ?")
REWARD = KnownTurns(step=0.5, complete=2.0, context=RewardContext(train_texts=lambda: TEXTS))


def spoken(*turns, finished=None):
    finished = len(turns) if finished is None else finished
    said = tuple(Turn("agent", text) for text in turns[:finished])
    return Episode(Example(""), "\n".join(turns), turns=said)


@pytest.mark.parametrize(
    ("episode", "worth"),
    [
        (spoken("", finished=0), 0.0),
        (spoken("what", finished=0), 0.5),
        (spoken("what price", finished=0), 1.0),
        (spoken("what food", finished=0), 0.0),
        (spoken("what price"), 0.0),
        (spoken("what area ?"), 3.5),
        (spoken("what area ?", "what price", finished=1), 4.5),
    ],
)
def test_a_turn_is_worth_what_can_still_become_of_it(episode, worth):
    assert REWARD(episode) == worth


def test_the_replay_buffer_begins_with_the_expert():
    env = gym.make("TextGen-Tiny-v0")
    agent = SB3DQN(env, 0, device="cpu", demonstrations=40, n_envs=4, eval_freq=0, learning_starts=10**6)
    agent.learn(40)
    buffer = agent.model.replay_buffer
    rewards, dones = buffer.rewards[:40], buffer.dones[:40].astype(bool)
    assert (rewards[dones] == 1.0).all()  # 40 episodes of four tokens in four rows: the expert's alone
    assert dones.sum() == 40
    ends = buffer.next_observations[:40][dones]
    assert (ends[:, 4:7] == buffer.observations[:40][dones][:, [2, 1, 0]]).all()
    assert (ends[:, 7] == 0).all()


def test_demonstrations_change_the_track():
    assert track_of("sb3_dqn", {"demonstrations": 600}) == "demonstrations"
    assert track_of("sb3_dqn", {"demonstrations": 0}) == "scratch"
