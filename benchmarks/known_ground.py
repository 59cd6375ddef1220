"""Plays small environments whose optimum is known: TokenDQN beside SB3's DQN and tabular Q-learning.

`python benchmarks/known_ground.py --out docs/results/known_ground.csv` runs every agent in every environment,
one process, and adds a line for each run. `python benchmarks/known_ground.py --table FILE` prints the table.

TokenDQN plays the environment under TokenizedDiscrete, the others play it as it is. All get the same steps,
the same discount, and the same schedule of epsilon where they have one. An evaluation asks the greedy policy
for its action in every state, and solves for its value exactly from the transition table `env.unwrapped.P`.
So no evaluation plays an episode, and none has noise. A run is at the optimum when the mean value over the
starting states is within 1 % of the best that value iteration finds.
"""

from __future__ import annotations

import csv
import functools
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import LinearSchedule
from transformers import LlamaConfig, LlamaForCausalLM

from llm_baselines import TokenDQN
from llm_baselines.play.transitions import check_spaces
from llm_envs.wrappers import TokenizedDiscrete

GAMMA = 0.99
TOLERANCE = 0.01
EVALUATIONS = 50

Policy = Callable[[], np.ndarray]
"""policy() returns the greedy action in every state, int (states,)."""


@dataclass(frozen=True)
class Ground:
    """An environment, its time limit and the steps of a run."""

    env_id: str
    max_steps: int
    timesteps: int
    options: Mapping[str, Any]

    def make(self) -> gym.Env[Any, Any]:
        """Returns the environment with its time limit."""
        return gym.make(self.env_id, max_episode_steps=self.max_steps, **self.options)


GROUNDS = {
    "FrozenLake": Ground("FrozenLake-v1", 100, 10_000, {"is_slippery": False}),
    "FrozenLake, slippery": Ground("FrozenLake-v1", 100, 40_000, {"is_slippery": True}),
    "CliffWalking": Ground("CliffWalking-v1", 100, 30_000, {}),
    "Taxi": Ground("Taxi-v4", 200, 150_000, {}),
}

EXPLORATION = {
    "exploration_initial_eps": 1.0,
    "exploration_final_eps": 0.1,
    "exploration_fraction": 0.5,
}

TOKEN_DQN: dict[str, dict[str, Any]] = {
    "head": {
        "q": "head",
        "loss": "huber",
        "polyak_tau": 0.02,
        "learning_rate_end": 1e-5,
    },
    "logits": {
        "q": "logits",
        "exploration": "epsilon_greedy",
        "tau": 0.02,
        "taper": False,
        "polyak_tau": 0.05,
        "learning_rate_end": 1e-5,
        "value_learning_rate": 1e-3,
        "value_max_grad_norm": 10.0,
        "value_warmup": 0,
    },
}
SHARED: dict[str, Any] = {
    "gamma": GAMMA,
    "learning_rate": 1e-3,
    "beta2": 0.999,
    "max_grad_norm": 10.0,
    "batch_tokens": 100,
    "reuse": 16.0,
    "max_age": 0,
    "episodes_per_round": 8,
    "warm_start": False,
    "checkpoint_freq": 0,
    **EXPLORATION,
}
SB3_DQN = {
    "learning_rate": LinearSchedule(1e-3, 1e-5, 1.0),
    "buffer_size": 100_000,
    "learning_starts": 1000,
    "target_update_interval": 500,
    "batch_size": 32,
    "train_freq": 4,
}
TABLE_STEPS = (0.5, 0.01)
"""First and last step size of the table; it falls linearly, as those of the networks do."""


class Optimum:
    """The transition table of an environment: the best value, and the value of any policy."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        table: Any = env.unwrapped
        states, actions = len(table.P), len(table.P[0])
        self.start = np.asarray(table.initial_state_distrib, float)
        self._next = np.zeros((states, actions, states))  # 0 where the episode ends
        self._reward = np.zeros((states, actions))
        for s in range(states):
            for a in range(actions):
                for p, after, reward, terminated in table.P[s][a]:
                    self._reward[s, a] += p * reward
                    self._next[s, a, after] += p * (not terminated)
        value = np.zeros(states)
        for _ in range(5000):
            value = (self._reward + GAMMA * self._next @ value).max(axis=1)
        self.best = float(self.start @ value)
        self.shape = (states, actions)

    def value(self, actions: np.ndarray) -> float:
        """Returns the mean value of a policy over the starting states."""
        rows = np.arange(len(actions))
        step = self._next[rows, actions]
        return float(
            self.start @ np.linalg.solve(np.eye(len(rows)) - GAMMA * step, self._reward[rows, actions])
        )


class Progress:
    """Evaluates a policy along a run, and stops the clock meanwhile."""

    def __init__(self, ground: Ground) -> None:
        self.optimum = Optimum(ground.make())
        self.rows: list[tuple[int, float, float]] = []  # steps, seconds, value
        self._every = self._due = ground.timesteps // EVALUATIONS
        self.begin()

    def begin(self) -> None:
        """Starts the clock: what is imported and built before does not count."""
        self._began = time.perf_counter()

    def step(self, steps: int, policy: Policy) -> None:
        """Evaluates if it is due."""
        if steps >= self._due:
            began = time.perf_counter()
            self.rows.append((steps, began - self._began, self.optimum.value(policy())))
            self._due = (steps // self._every + 1) * self._every
            self._began += time.perf_counter() - began


class _Evaluate(BaseCallback):
    """Evaluates between two updates."""

    def __init__(self, progress: Progress, policy: Policy) -> None:
        super().__init__()
        self._progress, self._policy = progress, policy

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        self._progress.step(self.model.num_timesteps, self._policy)

    def _on_training_end(self) -> None:
        self._progress.step(self.model.num_timesteps, self._policy)


def last_token_model(vocabulary: int, context_length: int, seed: int) -> LlamaForCausalLM:
    """Returns a Llama without layers: it reads the last token alone, which is the state.

    Its wide embeddings tell states apart from the start, and its own head begins with equal logits.
    """
    config = LlamaConfig(
        vocab_size=vocabulary,
        max_position_embeddings=context_length,
        hidden_size=256,
        num_hidden_layers=0,
        num_attention_heads=2,
        initializer_range=1.0,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    torch.nn.init.zeros_(model.lm_head.weight)
    return model


def play_token_dqn(ground: Ground, seed: int, progress: Progress, **options: Any) -> None:
    """TokenDQN in eight copies of the environment."""
    envs = gym.make_vec(
        ground.env_id,
        num_envs=8,
        vectorization_mode="sync",
        max_episode_steps=ground.max_steps,
        wrappers=[TokenizedDiscrete],
        **ground.options,
    )
    size, length = check_spaces(envs.single_observation_space, envs.single_action_space)
    model = last_token_model(size, length, seed)
    agent = TokenDQN(model, envs, seed=seed, device="cpu", n_envs=8, **SHARED, **options)
    one = TokenizedDiscrete(ground.make())
    states = np.full((len(progress.optimum.start), agent.context_length), -1, np.int32)
    states[:, 0] = np.arange(len(states))

    def policy() -> np.ndarray:
        tokens, _ = agent.predict(states, deterministic=True)
        return np.array([one.own_action(token) for token in tokens])

    progress.begin()
    agent.learn(ground.timesteps, callback=_Evaluate(progress, policy))


def play_sb3_dqn(ground: Ground, seed: int, progress: Progress, **options: Any) -> None:
    """SB3's DQN with its perceptron of two layers on the one-hot state."""
    options = {**SB3_DQN, **EXPLORATION, **options}
    agent = DQN("MlpPolicy", ground.make(), gamma=GAMMA, seed=seed, device="cpu", **options)
    states = np.arange(len(progress.optimum.start))

    def policy() -> np.ndarray:
        return agent.predict(states, deterministic=True)[0]

    progress.begin()
    agent.learn(ground.timesteps, callback=_Evaluate(progress, policy))


def play_table(ground: Ground, seed: int, progress: Progress) -> None:
    """Q-learning with a table (Watkins 1989), epsilon-greedy; equal values are chosen among by chance."""
    env, rng = ground.make(), np.random.default_rng(seed)
    q = np.zeros(progress.optimum.shape)
    first, last = TABLE_STEPS
    state, _ = env.reset(seed=seed)
    progress.begin()
    for steps in range(1, ground.timesteps + 1):
        done = steps / ground.timesteps
        falls = min(1.0, done / EXPLORATION["exploration_fraction"])
        epsilon = 1.0 + falls * (EXPLORATION["exploration_final_eps"] - 1.0)
        explores = rng.random() < epsilon
        best = np.flatnonzero(q[state] == q[state].max())
        action = int(rng.integers(q.shape[1])) if explores else int(rng.choice(best))
        after, reward, terminated, truncated, _ = env.step(action)
        target = float(reward) + GAMMA * (0.0 if terminated else q[after].max())
        q[state, action] += (first + done * (last - first)) * (target - q[state, action])
        state = env.reset()[0] if terminated or truncated else after
        progress.step(steps, lambda: q.argmax(axis=1))


AGENTS: dict[str, Callable[[Ground, int, Progress], None]] = {
    "token_dqn, head": functools.partial(play_token_dqn, **TOKEN_DQN["head"]),
    "token_dqn, logits": functools.partial(play_token_dqn, **TOKEN_DQN["logits"]),
    "sb3_dqn": play_sb3_dqn,
    "table": play_table,
}


@dataclass(frozen=True)
class Run:
    """What a run came to.

    Attributes:
        env: Name of the environment in GROUNDS.
        agent: Name of the agent in AGENTS.
        seed: Training seed.
        best: Mean value of the optimal policy over the starting states.
        last: That of the greedy policy at the end.
        optimal_from: Steps of the first evaluation at the optimum; empty if there is none.
        seconds: Seconds of training until then; empty if there is none.
        optimal_after: Share of the later evaluations that are at the optimum.
        timesteps: Steps of the run.
        total_seconds: Seconds of the run, without its evaluations.
    """

    env: str
    agent: str
    seed: int
    best: float
    last: float
    optimal_from: int | str
    seconds: float | str
    optimal_after: float | str
    timesteps: int
    total_seconds: float


def run(env: str, agent: str, seed: int) -> Run:
    """Trains an agent, and measures it along the way."""
    ground = GROUNDS[env]
    progress = Progress(ground)
    AGENTS[agent](ground, seed, progress)
    best = progress.optimum.best
    reached = [value >= best - TOLERANCE * abs(best) for _, _, value in progress.rows]
    first = reached.index(True) if any(reached) else None
    steps, seconds, last = progress.rows[-1]
    return Run(
        env,
        agent,
        seed,
        round(best, 4),
        round(last, 4),
        "" if first is None else progress.rows[first][0],
        "" if first is None else round(progress.rows[first][1], 1),
        "" if first is None else round(float(np.mean(reached[first:])), 2),
        steps,
        round(seconds, 1),
    )


def table_lines(path: Path) -> Iterator[str]:
    """Yields the lines of a table with one row for each environment and agent."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    yield "| environment | agent | at the optimum at the end | first there after | in seconds | stays there |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for key in dict.fromkeys((row["env"], row["agent"]) for row in rows):
        mine = [row for row in rows if (row["env"], row["agent"]) == key]
        at_end = sum(float(r["last"]) >= float(r["best"]) - TOLERANCE * abs(float(r["best"])) for r in mine)
        columns = (
            ", ".join(r[name] or "-" for r in mine) for name in ("optimal_from", "seconds", "optimal_after")
        )
        yield f"| {key[0]} | `{key[1]}` | {at_end} of {len(mine)} | {' | '.join(columns)} |"


def main() -> None:
    """Runs what the command line names."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="CSV file that gets a line for each run")
    parser.add_argument("--table", type=Path, help="print the table of such a file, and run nothing")
    parser.add_argument("--envs", nargs="+", default=list(GROUNDS), choices=list(GROUNDS))
    parser.add_argument("--agents", nargs="+", default=list(AGENTS), choices=list(AGENTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    chosen = parser.parse_args()
    if chosen.table:
        print("\n".join(table_lines(chosen.table)))
        return
    torch.set_num_threads(1)
    names = [field.name for field in fields(Run)]
    if chosen.out and not chosen.out.exists():
        chosen.out.write_text(",".join(names) + "\n")
    for env in chosen.envs:
        for agent in chosen.agents:
            for seed in chosen.seeds:
                row = asdict(run(env, agent, seed))
                print(*row.values(), sep="\t", flush=True)
                if chosen.out:
                    with chosen.out.open("a", newline="") as file:
                        csv.DictWriter(file, names).writerow(row)


if __name__ == "__main__":
    main()
