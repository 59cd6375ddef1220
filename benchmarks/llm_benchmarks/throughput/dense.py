"""Cost of dense rewards: tokens per second against rewards at the end, and against no reward.

All works of a line are measured in turn, round by round, in CPU time of this process, which other processes
disturb less than the clock. "No reward" is a reward that needs no text, paid at the end.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from llm_benchmarks.throughput.comparison_line import WIDTH, figure
from llm_benchmarks.throughput.environments import NO_TEXT, ROWS
from llm_envs.episode import Episode

ENV = "TextGen-v0"
LENGTHS = (128, 1024, 8192)
REWARDS: dict[str, Any] = {
    "bleu": "bleu",
    "chrf": "chrf",
    "rouge (l)": {"id": "rouge", "variant": "l"},
    "length_penalty": {"id": "length_penalty", "unit": "words", "max": 100},
    "repetition": "repetition",
    "fluency": "fluency",
    "bleu * fluency": {"id": "product", "rewards": ["bleu", "fluency"]},
}
ROW_ENVS = ("Translation-v0", "TextGen-v0")
RANDOM_SHARE = 0.2  # of tokens; the others are those of train texts, as a policy writes them
ROUNDS, STEPS, SAMPLES = 3, 200, 16
ROW_ROUNDS = 15


@dataclass(frozen=True, slots=True)
class DenseLine:
    """One line of the report. Figures are medians over rounds.

    Attributes:
        reward: The reward.
        tokens: New tokens of a text.
        none: Tokens per second without a reward.
        terminal: Tokens per second with the reward at the end.
        dense: Tokens per second with a dense reward.
        scratch: Tokens per second if every prefix were scored from scratch; estimated from some prefixes.
        cost: Median over rounds of the time of a dense step over that of a step without a reward.
    """

    reward: str
    tokens: int
    none: float
    terminal: float
    dense: float
    scratch: float
    cost: float


@dataclass(frozen=True, slots=True)
class RowsLine:
    """One line about a vector environment. Figures are medians over rounds, in seconds per step of all rows.

    Attributes:
        env: Its id.
        random: The share of random tokens.
        none: Without a reward.
        terminal: With BLEU at the end.
        dense: With dense BLEU.
        terminal_cost: Median over rounds of terminal / none.
        cost: Median over rounds of dense / none.
    """

    env: str
    random: float
    none: float
    terminal: float
    dense: float
    terminal_cost: float
    cost: float


def written(task: Any, shape: tuple[int, ...], random_share: float, seed: int = 0) -> np.ndarray:
    """Returns tokens of train texts in a row, some of them replaced by random ones; no end tokens."""
    rng = np.random.default_rng(seed)
    texts = [task.tokenizer.encode(text) for text in task.train_texts()[:300]]
    pool = np.array([token for ids in texts for token in ids])
    starts = rng.integers(len(pool), size=shape[1:])
    tokens = pool[(np.arange(shape[0]).reshape(-1, *[1] * len(starts.shape)) + starts) % len(pool)]
    drawn = rng.integers(task.vocabulary_size, size=shape)
    tokens = np.where(rng.random(shape) < random_share, drawn, tokens)
    return np.where(task.is_end[tokens], pool[0], tokens)


def measure_texts(reward: str, length: int) -> DenseLine:
    """Measures single environments.

    Args:
        reward: A key of REWARDS.
        length: New tokens of a text.
    """

    def made(spec: Any, timing: str) -> gym.Env[Any, Any]:
        return gym.make(ENV, reward=spec, reward_timing=timing, max_new_tokens=length).unwrapped

    spec = REWARDS[reward]
    envs = [made(NO_TEXT, "terminal"), made(spec, "terminal"), made(spec, "dense")]
    task = envs[2].task  # type: ignore[attr-defined]
    actions = written(task, (length,), RANDOM_SHARE).tolist()
    repeats = max(1, 1024 // length)
    rounds = [[_episode_seconds(env, actions, repeats) for env in envs] for _ in range(ROUNDS + 1)][1:]
    none, terminal, dense = (length / statistics.median(column) for column in zip(*rounds, strict=True))
    cost = statistics.median(seconds[2] / seconds[0] for seconds in rounds)
    example = task.examples[0]
    ends = np.linspace(1, length, SAMPLES).astype(int).tolist()

    def from_scratch() -> None:
        for end in ends:
            ids = actions[:end]
            task.reward(Episode(example, task.tokenizer.decode(ids), tuple(ids)))

    scratch = SAMPLES / _seconds(from_scratch)
    return DenseLine(reward, length, none, terminal, dense, scratch, cost)


def measure_rows(env_id: str, random_share: float) -> RowsLine:
    """Measures vector environments.

    Args:
        env_id: An id.
        random_share: The share of random tokens.
    """
    settings = ((NO_TEXT, "terminal"), ("bleu", "terminal"), ("bleu", "dense"))
    envs = [gym.make_vec(env_id, ROWS, reward=spec, reward_timing=timing) for spec, timing in settings]
    task = envs[0].unwrapped.task  # type: ignore[attr-defined]

    def step_all(env: Any, actions: np.ndarray) -> Callable[[], None]:
        def steps() -> None:
            for of_step in actions:
                env.step(of_step)

        return steps

    for env in envs:
        _fill_caches(env, task)
    rounds = []
    for number in range(ROW_ROUNDS + 1):
        actions = written(task, (STEPS, ROWS), random_share, seed=number)
        rounds.append([_seconds(step_all(env, actions)) / STEPS for env in envs])
    rounds = rounds[1:]
    none, terminal, dense = (statistics.median(column) for column in zip(*rounds, strict=True))
    terminal_cost, cost = (statistics.median(r[at] / r[0] for r in rounds) for at in (1, 2))
    return RowsLine(env_id, random_share, none, terminal, dense, terminal_cost, cost)


def run(*, json_output: bool = False) -> int:
    """Measures dense rewards and prints the report, for `llm-envs throughput --dense`.

    Args:
        json_output: Print JSON instead of tables.

    Returns:
        Exit status 0.
    """
    import llm_envs  # noqa: F401

    texts = [measure_texts(reward, length) for reward in REWARDS for length in LENGTHS]
    rows = [measure_rows(env_id, share) for env_id in ROW_ENVS for share in (RANDOM_SHARE, 1.0)]
    if json_output:
        print(json.dumps({"texts": [asdict(t) for t in texts], "rows": [asdict(r) for r in rows]}, indent=1))
        return 0
    rates = ("no reward", "terminal", "dense", "from scratch")
    _show(
        f"{ENV}, one environment, tokens/s; medians of {ROUNDS} rounds",
        ("reward", "tokens", *rates, "dense / none, time"),
        [
            (
                t.reward,
                f"{t.tokens:,}",
                *(f"{x:,.0f}" for x in (t.none, t.terminal, t.dense, t.scratch)),
                f"{t.cost:.1f}",
            )
            for t in texts
        ],
    )
    _show(
        f"BLEU, {ROWS} rows, time of a step; medians of {ROW_ROUNDS} rounds",
        (
            "environment",
            "random tokens",
            "no reward",
            "terminal",
            "dense",
            "terminal / none, time",
            "dense / none, time",
        ),
        [
            (
                r.env,
                f"{r.random:.0%}",
                *(figure(x, "s") for x in (r.none, r.terminal, r.dense)),
                f"{r.terminal_cost:.2f}",
                f"{r.cost:.2f}",
            )
            for r in rows
        ],
    )
    return 0


def _fill_caches(env: Any, task: Any) -> None:
    """Plays every example once, as training does in its first epoch: rewards keep the n-grams of each."""
    end = np.full(ROWS, np.flatnonzero(task.is_end)[0])
    for first in range(0, len(task.examples), ROWS):
        env.reset(seed=0, options={"example": (np.arange(first, first + ROWS) % len(task.examples)).tolist()})
        env.step(np.zeros_like(end) + (end == 0))
        env.step(end)
    env.reset(seed=0)


def _episode_seconds(env: Any, actions: Sequence[int], repeats: int) -> float:
    def episodes() -> None:
        for _ in range(repeats):
            env.reset(seed=0, options={"example": 0})
            for action in actions:
                env.step(action)

    return _seconds(episodes) / repeats


def _seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _show(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.text import Text

    from llm_benchmarks.console.fitting_table import Column, Row, print_table
    from llm_benchmarks.console.report import report_console, say

    console = report_console(WIDTH)
    say(console, title, "bold")
    columns = [Column(head, right=number > 0) for number, head in enumerate(heads)]
    print_table(
        console, columns, [Row([Text(cell) for cell in line]) for line in lines], all_in="--json has all"
    )
