"""DQN of Tianshou 2: its vector environment, collectors and trainer.

    python examples/tianshou_dqn.py --env TextGen-Tiny-v0 --total-timesteps 8000 --seed 0

Tianshou needs older packages than ours, so it gets an environment of its own; see docs/examples.md.
"""

from __future__ import annotations

import argparse

import gymnasium as gym
import torch
from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Batch, Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams
from torch import nn
from torch.nn import functional as F

import llm_envs


class WithoutInfo(gym.Wrapper):
    """Tianshou refuses infos that only some steps have, such as our `outcome`: MalformedBufferError."""

    def reset(self, **options):
        return self.env.reset(**options)[0], {}

    def step(self, action):
        return (*self.env.step(action)[:4], {})


class QNetwork(nn.Module):
    """Reads a text as one-hot tokens: an id is no quantity."""

    def __init__(self, length, vocabulary):
        super().__init__()
        self.kinds = vocabulary + 1  # -1 stands for "no token yet"
        self.layers = nn.Sequential(
            *(nn.Linear(length * self.kinds, 256), nn.ReLU()),
            *(nn.Linear(256, 256), nn.ReLU()),
            nn.Linear(256, vocabulary),
        )

    def forward(self, obs, state=None, info=None):
        tokens = torch.as_tensor(obs).long()
        return self.layers(F.one_hot(tokens + 1, self.kinds).flatten(1).float()), state


class Policy:
    """The `predict` of Stable-Baselines3, which is all that `llm_envs.evaluate` needs."""

    def __init__(self, policy):
        self.policy = policy

    @torch.no_grad()
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return self.policy(Batch(obs=observation, info=Batch())).act, state


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="TextGen-Tiny-v0")
    parser.add_argument("--total-timesteps", type=int, default=8_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # more only slow down a network of this size
    torch.manual_seed(args.seed)

    def make():
        # Dense rewards are the same sum, paid along the text.
        return WithoutInfo(gym.make(args.env, reward_timing="dense"))

    envs = DummyVectorEnv([make] * 8)
    envs.seed(args.seed)
    env = make()
    (length,), vocabulary = env.observation_space.shape, int(env.action_space.n)
    policy = DiscreteQLearningPolicy(
        model=QNetwork(length, vocabulary),
        action_space=env.action_space,
        observation_space=env.observation_space,
        eps_training=1.0,
    )
    algorithm = DQN(
        policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=1.0, target_update_freq=100, is_double=True
    )
    collector = Collector(algorithm, envs, VectorReplayBuffer(20_000, len(envs)), exploration_noise=True)

    def explore(epoch, env_step):
        policy.set_eps_training(max(0.05, 1 - 0.95 * env_step / (0.5 * args.total_timesteps)))

    before = llm_envs.evaluate(Policy(policy), args.env, seed=1)  # every text of the test split
    collector.reset()
    collector.collect(n_step=504)
    algorithm.run_training(
        OffPolicyTrainerParams(
            training_collector=collector,
            max_epochs=1,
            epoch_num_steps=args.total_timesteps,
            collection_step_num_env_steps=8,
            update_step_num_gradient_steps_per_sample=1 / 8,
            batch_size=128,
            training_fn=explore,
            verbose=False,
            show_progress=False,
        )
    )
    after = llm_envs.evaluate(Policy(policy), args.env, seed=1)
    print(
        f"before {before.mean_reward:.3f} after {after.mean_reward:.3f} on {len(after.rows)} held-out texts"
    )
    return before, after


if __name__ == "__main__":
    main()
