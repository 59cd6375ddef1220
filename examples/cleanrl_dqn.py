"""DQN in a single file, in the style of CleanRL: PyTorch and a vector environment.

    python examples/cleanrl_dqn.py --env TextGen-Tiny-v0 --total-timesteps 10000 --seed 0

The same agent enters the leaderboard: `--agent cleanrl_dqn:make_agent`; see docs/examples.md.
"""

from __future__ import annotations

import argparse
import time

import gymnasium as gym
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

import llm_envs
from llm_baselines.agent import TrainingReport


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

    def forward(self, tokens):
        return self.layers(F.one_hot(tokens.long() + 1, self.kinds).flatten(1).float())


class DQN:
    """The agent: `predict` is all that `llm_envs.evaluate` needs."""

    num_envs, buffer_size, batch_size, learning_starts = 8, 20_000, 128, 1_000
    learning_rate, gamma, tau = 1e-3, 1.0, 0.01
    start_e, end_e, exploration_fraction = 1.0, 0.05, 0.5

    def __init__(self, env, seed=0):
        torch.manual_seed(seed)
        self.env, self.rng = env, np.random.default_rng(seed)
        (self.length,), self.vocabulary = env.observation_space.shape, int(env.action_space.n)
        self.q_network = QNetwork(self.length, self.vocabulary)
        self.target_network = QNetwork(self.length, self.vocabulary)
        self.target_network.load_state_dict(self.q_network.state_dict())
        self.optimizer = torch.optim.Adam(self.q_network.parameters(), lr=self.learning_rate)
        self.report = TrainingReport(parameters=sum(p.numel() for p in self.q_network.parameters()))

    @torch.no_grad()
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return self.q_network(torch.as_tensor(observation)).argmax(dim=1).numpy(), state

    def learn(self, total_timesteps, *, run_folder=None, resume=False, progress_bar=False):
        started, n, size = time.perf_counter(), self.num_envs, self.buffer_size
        envs = llm_envs.vectorize(self.env, n, autoreset_mode="SameStep")
        replay = {
            "obs": np.zeros((size, self.length), np.int32),
            "next_obs": np.zeros((size, self.length), np.int32),
            "actions": np.zeros((size, 1), np.int64),
            "rewards": np.zeros(size, np.float32),
            "terminated": np.zeros(size, np.float32),
        }
        obs, _ = envs.reset(seed=int(self.rng.integers(2**31)))
        for global_step in range(0, total_timesteps, n):
            progress = global_step / (self.exploration_fraction * total_timesteps)
            epsilon = max(self.end_e, self.start_e + (self.end_e - self.start_e) * progress)
            explore = self.rng.random(n) < epsilon
            actions = np.where(explore, self.rng.integers(self.vocabulary, size=n), self.predict(obs)[0])
            next_obs, rewards, terminated, truncated, infos = envs.step(actions)
            last_obs = next_obs.copy()  # of a row that ended, not the first one of its next episode
            for row in np.flatnonzero(terminated | truncated):
                last_obs[row] = infos["final_obs"][row]
                self.report.reward_calls += 1
            rows = (global_step + np.arange(n)) % size
            transition = (obs, last_obs, actions[:, None], rewards, terminated)
            for name, values in zip(replay, transition, strict=True):
                replay[name][rows] = values
            obs = next_obs
            if global_step >= self.learning_starts:
                batch = self.rng.integers(min(global_step + n, size), size=self.batch_size)
                self.update(**{name: torch.as_tensor(values[batch]) for name, values in replay.items()})
        envs.close()
        self.report.environment_steps += total_timesteps
        self.report.tokens += total_timesteps
        self.report.seconds += time.perf_counter() - started
        return self

    def update(self, obs, next_obs, actions, rewards, terminated):
        with torch.no_grad():
            target_max = self.target_network(next_obs).max(dim=1).values
            td_target = rewards + self.gamma * target_max * (1 - terminated)
        loss = F.mse_loss(self.q_network(obs).gather(1, actions).squeeze(1), td_target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.report.gradient_steps += 1
        with torch.no_grad():
            pairs = zip(self.q_network.parameters(), self.target_network.parameters(), strict=True)
            for online, target in pairs:
                target.lerp_(online, self.tau)

    def save(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.q_network.state_dict(), folder / "q_network.safetensors")

    @classmethod
    def load(cls, folder, env, *, seed, device="auto"):
        agent = cls(env, seed)
        agent.q_network.load_state_dict(load_file(folder / "q_network.safetensors"))
        return agent


def make_agent(env, seed, device="auto"):
    return DQN(env, seed)


make_agent.load = DQN.load


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="TextGen-Tiny-v0")
    parser.add_argument("--total-timesteps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reward-timing", default="dense", choices=("dense", "terminal"))
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # more only slow down a network of this size

    # Dense rewards pay the same sum along the text. Targets of one step then learn much faster.
    agent = DQN(gym.make(args.env, reward_timing=args.reward_timing), args.seed)
    before = llm_envs.evaluate(agent, args.env, seed=1)  # every text of the test split
    agent.learn(args.total_timesteps)
    after = llm_envs.evaluate(agent, args.env, seed=1)
    print(
        f"before {before.mean_reward:.3f} after {after.mean_reward:.3f} on {len(after.rows)} held-out texts"
    )
    return before, after


if __name__ == "__main__":
    main()
