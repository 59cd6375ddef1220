"""The DQN of the article that the project began from, in Keras 3: see docs/from-the-article.md.

python examples/keras_dqn.py --env TextGen-Tiny-v0 --total-timesteps 8000 --seed 0
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import random
from collections import deque

import gymnasium as gym
import keras
import numpy as np
import torch

import llm_envs


class DQNModel(keras.Model):
    """The article's network: two dense layers of 64, and one output for each action."""

    def __init__(self, num_actions):
        super().__init__()
        self.dense1 = keras.layers.Dense(64, activation="relu")
        self.dense2 = keras.layers.Dense(64, activation="relu")
        self.q = keras.layers.Dense(int(num_actions))

    def call(self, states):
        return self.q(self.dense2(self.dense1(states)))


class DQNAgent:
    """The article's agent, with what it leaves out."""

    def __init__(self, num_actions, *, gamma=0.99, buffer_size=20_000, seed=0):
        keras.utils.set_random_seed(seed)
        self.rng = random.Random(seed)
        self.num_actions, self.gamma, self.epsilon = int(num_actions), gamma, 1.0
        self.model, self.target = DQNModel(num_actions), DQNModel(num_actions)
        self.model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="mse")
        self.replay = deque(maxlen=buffer_size)

    def q_values(self, network, states):
        return keras.ops.convert_to_numpy(network(np.asarray(states, np.float32)))

    def act(self, state):
        if self.rng.random() < self.epsilon:
            return self.rng.randrange(self.num_actions)
        return int(self.q_values(self.model, [state])[0].argmax())

    def train(self, batch_size=64):
        experience = self.rng.sample(self.replay, batch_size)
        states, actions, rewards, next_states, terminated = map(np.array, zip(*experience, strict=True))
        following = self.q_values(self.target, next_states).max(axis=1)
        targets = self.q_values(self.model, states)  # no error for the actions that were not taken
        targets[np.arange(batch_size), actions] = rewards + self.gamma * following * ~terminated
        self.model.train_on_batch(states, targets)

    def refresh_target(self):
        self.target.set_weights(self.model.get_weights())


def learn(agent, env, encode, total_timesteps, *, seed, train_freq=4, target_update_interval=500):
    """The article's loop. Returns the return of each episode."""
    state, returns, score = encode(env.reset(seed=seed)[0]), [], 0.0
    agent.q_values(agent.model, [state])  # Keras makes the weights when it sees the first state
    agent.q_values(agent.target, [state])
    agent.refresh_target()
    for step in range(1, total_timesteps + 1):
        agent.epsilon = max(0.05, 1 - 0.95 * step / (0.5 * total_timesteps))
        action = agent.act(state)
        observation, reward, terminated, truncated, _ = env.step(action)
        next_state, score = encode(observation), score + reward
        agent.replay.append((state, action, reward, next_state, terminated))
        state = next_state
        if terminated or truncated:
            returns.append(score)
            state, score = encode(env.reset()[0]), 0.0
        if step > 500 and step % train_freq == 0:
            agent.train()
        if step % target_update_interval == 0:
            agent.refresh_target()
    return returns


class Policy:
    """The `predict` of Stable-Baselines3, which is all that `llm_envs.evaluate` needs."""

    def __init__(self, agent, encode):
        self.agent, self.encode = agent, encode

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        states = [self.encode(row) for row in observation]
        return self.agent.q_values(self.agent.model, states).argmax(axis=1), state


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="TextGen-Tiny-v0")
    parser.add_argument("--total-timesteps", type=int, default=8_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # more only slow down a network of this size

    env = gym.make(args.env, reward_timing="dense")  # the same sum, paid along the text
    kinds = np.eye(int(env.action_space.n) + 1, dtype=np.float32)

    def one_hot(observation):  # an id is no quantity; -1 stands for "no token yet"
        return kinds[observation + 1].reshape(-1)

    agent = DQNAgent(env.action_space.n, gamma=1.0, seed=args.seed)
    policy = Policy(agent, one_hot)
    before = llm_envs.evaluate(policy, args.env, seed=1)  # every text of the test split
    learn(agent, env, one_hot, args.total_timesteps, seed=args.seed)
    after = llm_envs.evaluate(policy, args.env, seed=1)
    print(
        f"before {before.mean_reward:.3f} after {after.mean_reward:.3f} on {len(after.rows)} held-out texts"
    )
    return before, after


if __name__ == "__main__":
    main()
