"""DQN of TorchRL: GymEnv, Collector, replay buffer, DQNLoss.

python examples/torchrl_dqn.py --env TextGen-Tiny-v0 --total-timesteps 8000 --seed 0
"""

from __future__ import annotations

import argparse

import torch
from tensordict.nn import TensorDictSequential
from torch import nn
from torch.nn import functional as F
from torchrl.collectors import Collector
from torchrl.data import LazyTensorStorage, ReplayBuffer
from torchrl.envs import GymEnv
from torchrl.modules import MLP, EGreedyModule, QValueActor
from torchrl.objectives import DQNLoss, SoftUpdate

import llm_envs


class OneHotTokens(nn.Module):
    """A text as one-hot tokens: an id is no quantity."""

    def __init__(self, vocabulary):
        super().__init__()
        self.kinds = vocabulary + 1  # -1 stands for "no token yet"

    def forward(self, tokens):
        return F.one_hot(tokens.long() + 1, self.kinds).flatten(-2).float()


class Policy:
    """The `predict` of Stable-Baselines3, which is all that `llm_envs.evaluate` needs."""

    def __init__(self, network):
        self.network = network

    @torch.no_grad()
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return self.network(torch.as_tensor(observation)).argmax(dim=-1).numpy(), state


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="TextGen-Tiny-v0")
    parser.add_argument("--total-timesteps", type=int, default=8_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # more only slow down a network of this size
    torch.manual_seed(args.seed)

    # `reward_timing` goes to the environment: the same sum, paid along the text.
    env = GymEnv(args.env, categorical_action_encoding=True, reward_timing="dense")
    env.set_seed(args.seed)
    length, vocabulary = env.observation_spec["observation"].shape[-1], env.action_spec.space.n
    mlp = MLP(length * (vocabulary + 1), vocabulary, num_cells=[256, 256], activation_class=nn.ReLU)
    network = nn.Sequential(OneHotTokens(vocabulary), mlp)
    actor = QValueActor(network, in_keys=["observation"], spec=env.action_spec)
    explorer = EGreedyModule(
        env.action_spec, eps_init=1.0, eps_end=0.05, annealing_num_steps=args.total_timesteps // 2
    )
    loss_module = DQNLoss(actor, action_space=env.action_spec, double_dqn=True)
    loss_module.make_value_estimator(gamma=1.0)
    target_updater = SoftUpdate(loss_module, tau=0.01)
    optimizer = torch.optim.Adam(loss_module.parameters(), lr=1e-3)
    replay = ReplayBuffer(storage=LazyTensorStorage(20_000), batch_size=128)
    collector = Collector(
        env,
        TensorDictSequential(actor, explorer),
        frames_per_batch=8,
        total_frames=args.total_timesteps,
        auto_register_policy_transforms=False,
    )

    before = llm_envs.evaluate(Policy(network), args.env, seed=1)  # every text of the test split
    for frames in collector:
        explorer.step(frames.numel())
        replay.extend(frames)
        if len(replay) < 500:
            continue
        loss = loss_module(replay.sample())["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        target_updater.step()
    collector.shutdown()
    after = llm_envs.evaluate(Policy(network), args.env, seed=1)
    print(
        f"before {before.mean_reward:.3f} after {after.mean_reward:.3f} on {len(after.rows)} held-out texts"
    )
    return before, after


if __name__ == "__main__":
    main()
