"""A template for an agent of your own. Copy it, change it, and name it as `my_agent:make_agent`.

    llm-envs train --env TextGen-Tiny-v0 --agent my_agent:make_agent --total-timesteps 20000 --out mine
    llm-envs evaluate --env TextGen-Tiny-v0 --agent mine --allow-code my_agent:make_agent --store runs
    llm-envs leaderboard show --store runs

An agent is any object with `predict`. An agent that trains also has `learn`, `save` and `report`; see
llm_baselines.agent. Its factory has a `load`, which makes the agent from the folder that `save` wrote. This
agent counts which token earned how much at which place of the text.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from llm_baselines.agent import Env, TrainingReport
from llm_envs import vectorize


class MyAgent:
    """For every column of the observation, the mean return of every token tried there."""

    def __init__(self, env: Env, seed: int, temperature: float = 0.1) -> None:
        self.env = env
        self.rng = np.random.default_rng(seed)
        self.temperature = temperature
        columns, tokens = env.observation_space.shape[0], int(env.action_space.n)  # type: ignore
        self.total = np.zeros((columns, tokens))
        self.count = np.ones((columns, tokens))
        self.report = TrainingReport(parameters=self.total.size)

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions int64 (n,) for observations int32 (n, context_length): token ids, -1 where there is none.

        `state` is what the previous call returned. `episode_start` marks rows that start a new episode.
        """
        values = (self.total / self.count)[next_columns(observation)]
        if not deterministic:
            values = values + self.temperature * self.rng.gumbel(size=values.shape)
        return values.argmax(axis=1), state

    def learn(
        self,
        total_timesteps: int,
        *,
        run_folder: Path | None = None,
        resume: bool = False,
        progress_bar: bool = False,
    ) -> MyAgent:
        """Trains for `total_timesteps` tokens. A row that ends starts a new episode in the same step."""
        started = time.perf_counter()
        envs = vectorize(self.env, 16, autoreset_mode="SameStep")
        observations, _ = envs.reset(seed=int(self.rng.integers(2**31)))
        rows = np.arange(envs.num_envs)
        taken: list[list[tuple[int, int]]] = [[] for _ in rows]
        returns = np.zeros(envs.num_envs)
        for _ in range(0, total_timesteps, envs.num_envs):
            actions, _ = self.predict(observations)
            columns = next_columns(observations)
            observations, rewards, terminated, truncated, _ = envs.step(actions)
            returns += rewards
            for row in rows.tolist():
                taken[row].append((columns[row], actions[row]))
                if terminated[row] or truncated[row]:
                    for place in taken[row]:
                        self.total[place] += returns[row]
                        self.count[place] += 1
                    self.report.reward_calls += 1
                    taken[row], returns[row] = [], 0.0
        envs.close()
        self.report.environment_steps += total_timesteps
        self.report.tokens += total_timesteps
        self.report.seconds += time.perf_counter() - started
        return self

    def save(self, folder: Path) -> None:
        """Writes what `load` reads: JSON, nothing pickled."""
        folder.mkdir(parents=True, exist_ok=True)
        tables = {"total": self.total.tolist(), "count": self.count.tolist()}
        content = {"temperature": self.temperature, **tables}
        (folder / "my_agent.json").write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, env: Env, *, seed: int, device: str = "auto") -> MyAgent:
        """Makes the agent from a folder that `save` wrote, for an environment like that of its training."""
        content = json.loads((folder / "my_agent.json").read_text(encoding="utf-8"))
        agent = cls(env, seed, content["temperature"])
        for name in ("total", "count"):
            table = np.array(content[name], dtype=float)
            if table.shape != agent.total.shape:
                raise ValueError(f"'{folder}' was trained on another environment: {name} has {table.shape}")
            setattr(agent, name, table)
        return agent


def next_columns(observations: np.ndarray) -> np.ndarray:
    """For each row the column of its next token: the one after the last column that holds a token."""
    length = observations.shape[1]
    return np.minimum(length - (observations[:, ::-1] >= 0).argmax(axis=1), length - 1)


def make_agent(env: Env, seed: int, device: str = "auto", **config: Any) -> MyAgent:
    """The factory. `config` holds the options of --set and --config."""
    return MyAgent(env, seed, **config)


make_agent.load = MyAgent.load  # type: ignore[attr-defined]
