"""MaskablePPO of SB3-contrib, with a mask: a token may follow another if it ever does in the references.

    python examples/sb3_contrib_maskable_ppo.py --env Translation-v0 --total-timesteps 40000 --seed 0

`--no-mask` trains the same agent without it.
"""

from __future__ import annotations

import argparse

import gymnasium as gym
import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch.nn import functional as F

import llm_envs
from llm_envs.wrappers import ActionMasks, MaskedPolicy


class OneHotTokens(BaseFeaturesExtractor):
    """Without it "MlpPolicy" reads token ids as quantities."""

    def __init__(self, observation_space):
        self.kinds = int(observation_space.high.max()) + 2  # -1 stands for "no token yet"
        super().__init__(observation_space, observation_space.shape[0] * self.kinds)

    def forward(self, observations):
        return F.one_hot(observations.long() + 1, self.kinds).flatten(1).float()


def seen_pairs(env):
    """The rule: allowed tokens, bool (n, V), from observations int32 (n, L)."""
    task, size = env.unwrapped.task, int(env.action_space.n)
    end = task.tokenizer.end_token_ids[0]
    first, follows = np.zeros(size, bool), np.zeros((size, size), bool)
    for example in task.examples:  # of the train split
        for reference in example.references:
            tokens = [*task.tokenizer.encode(reference), end]
            first[tokens[0]] = True
            follows[tokens[:-1], tokens[1:]] = True
    follows[~follows.any(axis=1), end] = True  # after a token that no reference has

    def allowed(observations):
        written = observations[:, task.max_prompt_tokens :]  # answers begin in this column
        count = (written >= 0).sum(axis=1)
        last = written[np.arange(len(written)), count - 1]
        return np.where((count > 0)[:, None], follows[last], first)

    return allowed


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="Translation-v0")
    parser.add_argument("--total-timesteps", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-mask", action="store_true", help="allow every token")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # more only slow down a network of this size

    def make():
        env = gym.make(args.env, reward_timing="dense")  # the same sum, paid along the text
        everything = np.ones(env.action_space.n, bool)
        rule = seen_pairs(env)
        return ActionMasks(env, (lambda o: np.tile(everything, (len(o), 1))) if args.no_mask else rule)

    model = MaskablePPO(
        "MlpPolicy",
        make_vec_env(make, n_envs=8),
        learning_rate=1e-3,
        n_steps=128,
        batch_size=128,
        n_epochs=4,
        gamma=1.0,
        ent_coef=0.01,
        policy_kwargs={"features_extractor_class": OneHotTokens, "net_arch": [256]},
        seed=args.seed,
        device="cpu",
    )
    policy = MaskedPolicy(model, make())  # evaluated where nothing is forbidden
    before = llm_envs.evaluate(policy, args.env, seed=1)  # every text of the test split
    model.learn(args.total_timesteps)
    after = llm_envs.evaluate(policy, args.env, seed=1)
    print(
        f"before {before.mean_reward:.3f} after {after.mean_reward:.3f} on {len(after.rows)} held-out texts"
    )
    return before, after


if __name__ == "__main__":
    main()
