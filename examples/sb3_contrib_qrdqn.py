"""QR-DQN of SB3-contrib: stock, with a features extractor that makes tokens one-hot.

python examples/sb3_contrib_qrdqn.py --env TextGen-Tiny-v0 --total-timesteps 16000 --seed 0
"""

from __future__ import annotations

import argparse

import gymnasium as gym
import torch
from sb3_contrib import QRDQN
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch.nn import functional as F

import llm_envs
from llm_baselines.sb3.vec_env import SB3TokenVecEnv


class OneHotTokens(BaseFeaturesExtractor):
    """Without it "MlpPolicy" reads token ids as quantities. llm_baselines has a better one."""

    def __init__(self, observation_space):
        self.kinds = int(observation_space.high.max()) + 2  # -1 stands for "no token yet"
        super().__init__(observation_space, observation_space.shape[0] * self.kinds)

    def forward(self, observations):
        return F.one_hot(observations.long() + 1, self.kinds).flatten(1).float()


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="TextGen-Tiny-v0")
    parser.add_argument("--total-timesteps", type=int, default=16_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # more only slow down a network of this size

    # The native vector environment; `make_vec_env(args.env, 8)` works too and is slower.
    env = gym.make(args.env, reward_timing="dense")  # the same sum, paid along the text
    venv = SB3TokenVecEnv(llm_envs.vectorize(env, 8, autoreset_mode="SameStep"))
    model = QRDQN(
        "MlpPolicy",
        venv,
        learning_rate=1e-3,
        buffer_size=20_000,
        learning_starts=500,
        batch_size=128,
        gamma=1.0,
        train_freq=1,
        tau=0.01,
        target_update_interval=8,
        exploration_fraction=0.5,
        exploration_final_eps=0.05,
        policy_kwargs={"features_extractor_class": OneHotTokens, "net_arch": [256, 256], "n_quantiles": 25},
        seed=args.seed,
        device="cpu",
    )
    before = llm_envs.evaluate(model, args.env, seed=1)  # every text of the test split
    model.learn(args.total_timesteps)
    after = llm_envs.evaluate(model, args.env, seed=1)
    print(
        f"before {before.mean_reward:.3f} after {after.mean_reward:.3f} on {len(after.rows)} held-out texts"
    )
    return before, after


if __name__ == "__main__":
    main()
