"""Speed of environments, as ratios to environments of Gymnasium and Stable-Baselines3.

Both are measured in turn, round by round, and a ratio is the median over rounds. Steps per second are medians
too; they depend on the machine, ratios less so.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from llm_benchmarks.throughput.comparison_line import ROUNDS, Comparison, in_turn, show

VOCABULARY = 50_000
PROMPT, ANSWER = 64, 48
ROWS = 64

Stepper = Callable[[float], float]
"""stepper(seconds): steps for about that time; returns steps per second."""


def wide_tokenizer(folder: Path) -> Path:
    """Writes a byte-level BPE tokenizer.json of 50,000 tokens, most of them a space and random letters.

    Args:
        folder: The folder to write to.

    Returns:
        The path of the file.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = {token: i for i, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges: list[tuple[str, str]] = []
    growing = ["Ġ"]
    while len(vocabulary) < VOCABULARY - 1:
        left, right = rng.choice(growing), rng.choice(letters)
        if left + right not in vocabulary and len(left) < 9:
            vocabulary[left + right] = len(vocabulary)
            merges.append((left, right))
            growing.append(left + right)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|end|>"])
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def token_kwargs(folder: Path) -> dict[str, Any]:
    """Returns arguments of Translation-v0 for random sentences: 50,000 tokens, a context of 112.

    Args:
        folder: The folder for the tokenizer and the data.
    """
    path = wide_tokenizer(folder)
    rng = random.Random(1)
    words = [
        "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 8)))
        for _ in range(5000)
    ]
    data = folder / "pairs.jsonl"
    with data.open("w") as file:
        for index in range(600):
            source = " ".join(rng.choice(words) for _ in range(5)) + f" {index}"
            reference = " ".join(rng.choice(words) for _ in range(40))
            file.write(json.dumps({"source": source, "references": [reference]}) + "\n")
    return {
        "dataset": f"file:{data}",
        "tokenizer": {"id": f"hf:{path}", "end_tokens": ["<|end|>"]},
        "max_prompt_tokens": PROMPT,
        "max_new_tokens": ANSWER,
    }


NO_TEXT = {"id": "length_penalty", "weight": -1.0}


def single_stepper(env: gym.Env[Any, Any], seed: int = 0) -> Stepper:
    """Returns a stepper of one environment; random actions are drawn in advance."""
    rng = np.random.default_rng(seed)
    size = int(env.action_space.n)  # type: ignore[attr-defined]
    env.reset(seed=seed)

    def run(seconds: float) -> float:
        actions = rng.integers(size, size=20_000).tolist()
        step, reset = env.step, env.reset
        steps, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            for action in actions:
                _, _, terminated, truncated, _ = step(action)
                if terminated or truncated:
                    reset()
            steps += len(actions)
            actions = rng.integers(size, size=20_000).tolist() if size > 2 else actions
        return steps / elapsed

    return run


def vector_stepper(env: Any, seed: int = 0) -> Stepper:
    """Returns a stepper of a vector environment; random actions are drawn in advance."""
    rng = np.random.default_rng(seed)
    size = int(env.single_action_space.n)
    env.reset(seed=seed)

    def run(seconds: float) -> float:
        batch = rng.integers(size, size=(500, env.num_envs))
        step = env.step
        steps, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            for actions in batch:
                step(actions)
            steps += batch.size
            batch = rng.integers(size, size=(500, env.num_envs))
        return steps / elapsed

    return run


def sb3_stepper(env: Any, size: int, seed: int = 0) -> Stepper:
    """Returns a stepper of a Stable-Baselines3 VecEnv; random actions are drawn in advance."""
    rng = np.random.default_rng(seed)
    env.seed(seed)
    env.reset()

    def run(seconds: float) -> float:
        steps, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            for actions in rng.integers(size, size=(100, env.num_envs)):
                env.step(actions)
            steps += 100 * env.num_envs
        return steps / elapsed

    return run


def compare(name: str, ours: Stepper, against: str, theirs: Stepper, seconds: float) -> Comparison:
    """Compares two steppers, measured in turn."""
    return in_turn(name, lambda: ours(seconds), against, lambda: theirs(seconds))


def compare_imports() -> Comparison:
    """Compares the time of `import llm_envs` and `import gymnasium`, each in a fresh interpreter."""
    # Installed packages have bytecode: the first round, which is not counted, writes it.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def seconds(module: str) -> float:
        code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
        return float(done.stdout)

    name, against = "llm_envs", "gymnasium"
    return in_turn(
        f"import {name}", lambda: seconds(name), f"import {against}", lambda: seconds(against), unit="s"
    )


def measure(seconds: float) -> list[Comparison]:
    """Returns the comparisons of environments.

    Args:
        seconds: Length of one measurement.
    """
    from stable_baselines3.common.env_util import make_vec_env

    import llm_envs  # noqa: F401
    from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv

    with tempfile.TemporaryDirectory() as name:
        kwargs = token_kwargs(Path(name))
        cartpole = single_stepper(gym.make("CartPole-v1"))
        cartpole_rows = vector_stepper(
            gym.make_vec("CartPole-v1", ROWS, vectorization_mode="vector_entry_point")
        )

        def token_env(reward: Any) -> Stepper:
            return single_stepper(gym.make("Translation-v0", reward=reward, **kwargs))

        def token_rows(reward: Any, mode: str = "NextStep") -> Any:
            return gym.make_vec("Translation-v0", ROWS, reward=reward, autoreset_mode=mode, **kwargs)

        one, many = "CartPole-v1", f"CartPole-v1, its native vector env of {ROWS}"
        dummy = sb3_stepper(make_vec_env("CartPole-v1", n_envs=ROWS), 2)
        return [
            compare("one env, a reward without text", token_env(NO_TEXT), one, cartpole, seconds),
            compare("one env, terminal BLEU", token_env("bleu"), one, cartpole, seconds),
            compare(
                f"{ROWS} rows, a reward without text",
                vector_stepper(token_rows(NO_TEXT)),
                many,
                cartpole_rows,
                seconds,
            ),
            compare(
                f"{ROWS} rows, terminal BLEU",
                vector_stepper(token_rows("bleu")),
                many,
                cartpole_rows,
                seconds,
            ),
            compare(
                f"{ROWS} rows through our SB3 VecEnv, terminal BLEU",
                sb3_stepper(SB3TokenVecEnv(token_rows("bleu", "SameStep")), VOCABULARY),
                f"SB3's DummyVecEnv of {ROWS} CartPole-v1",
                dummy,
                seconds,
            ),
            compare_imports(),
        ]


def run(*, json_output: bool = False, seconds: float = 0.5) -> int:
    """Measures environments and learners and prints the report, for `llm-envs throughput`.

    Args:
        json_output: Print JSON instead of tables.
        seconds: Length of one measurement; a line about environments takes 16 measurements.

    Returns:
        Exit status 0.
    """
    import torch

    from llm_benchmarks.throughput import learners as learner_throughput

    environments, learners = measure(seconds), learner_throughput.measure()
    if json_output:
        print(json.dumps([vars(c) for c in (*environments, *learners)], indent=1))
        return 0
    show(f"V = {VOCABULARY:,}, context {PROMPT} + {ANSWER}; medians of {ROUNDS} rounds", environments)
    show(learner_throughput.TITLE.format(threads=torch.get_num_threads()), learners)
    return 0
