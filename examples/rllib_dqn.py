"""DQN of RLlib: DQNConfig, with one environment wrapper.

    python examples/rllib_dqn.py --env TextGen-Tiny-v0 --total-timesteps 8000 --seed 0

RLlib pins an older Gymnasium, so it gets an environment of its own; see docs/examples.md.
"""

from __future__ import annotations

import argparse

import gymnasium as gym
import numpy as np
import ray
import torch
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.tune.registry import register_env

import llm_envs


def one_hot(observations, vocabulary):
    """float32 (..., L * (V + 1)) of tokens (..., L); -1 stands for "no token yet"."""
    kinds = np.eye(vocabulary + 1, dtype=np.float32)[observations + 1]
    return kinds.reshape(*observations.shape[:-1], -1)


def make_env(config):
    """RLlib reads token ids as quantities otherwise."""
    # Dense rewards are the same sum, paid along the text.
    env = gym.make(f"llm_envs:{config['id']}", reward_timing="dense")
    (length,), vocabulary = env.observation_space.shape, int(env.action_space.n)
    space = gym.spaces.Box(0.0, 1.0, (length * (vocabulary + 1),), np.float32)
    return gym.wrappers.TransformObservation(env, lambda tokens: one_hot(tokens, vocabulary), space)


class Policy:
    """The `predict` of Stable-Baselines3, which is all that `llm_envs.evaluate` needs."""

    def __init__(self, module, vocabulary):
        self.module, self.vocabulary = module, vocabulary

    @torch.no_grad()
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        batch = {"obs": torch.as_tensor(one_hot(observation, self.vocabulary))}
        return self.module.forward_inference(batch)["actions"].numpy(), state


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="TextGen-Tiny-v0")
    parser.add_argument("--total-timesteps", type=int, default=8_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # more only slow down a network of this size

    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    register_env("tokens", make_env)
    algo = (
        DQNConfig()
        .environment("tokens", env_config={"id": args.env})
        .env_runners(num_env_runners=0, rollout_fragment_length=8)
        .training(
            lr=1e-3,
            gamma=1.0,
            train_batch_size_per_learner=128,
            replay_buffer_config={"type": "EpisodeReplayBuffer", "capacity": 20_000},
            num_steps_sampled_before_learning_starts=500,
            target_network_update_freq=800,
            epsilon=[[0, 1.0], [args.total_timesteps // 2, 0.05]],
            dueling=False,
        )
        .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[256, 256], fcnet_activation="relu"))
        .reporting(min_sample_timesteps_per_iteration=1_000, min_time_s_per_iteration=0)
        .debugging(seed=args.seed, log_level="ERROR")
        .build_algo()
    )
    policy = Policy(algo.get_module(), int(gym.make(args.env).action_space.n))
    before = llm_envs.evaluate(policy, args.env, seed=1)  # every text of the test split
    steps = 0
    while steps < args.total_timesteps:
        steps = algo.train()["num_env_steps_sampled_lifetime"]
    policy = Policy(algo.get_module(), policy.vocabulary)
    after = llm_envs.evaluate(policy, args.env, seed=1)
    algo.stop()
    ray.shutdown()
    print(
        f"before {before.mean_reward:.3f} after {after.mean_reward:.3f} on {len(after.rows)} held-out texts"
    )
    return before, after


if __name__ == "__main__":
    main()
