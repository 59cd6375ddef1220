"""Makes a store of many records and times `llm-envs leaderboard show` on it, with and without an index.

    python benchmarks/large_store.py FOLDER --records 10000

The records are made up, but complete and valid: ids, agents in several configurations, five training seeds
each, and anchors. The texts are short, the scores are drawn from a seeded generator.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from llm_baselines.spec import (
    AgentSpec,
    EnvironmentSpec,
    EvaluationSpec,
    RewardSpec,
    RunSpec,
    TrainingSpec,
)
from llm_benchmarks.records.record import NO_COST, new_record
from llm_benchmarks.records.results import summarize
from llm_benchmarks.records.store import RecordStore
from llm_envs.evaluation import episode_seed

IDS, AGENTS, SEEDS, EPISODES = 10, 8, 5, 50
HASH = "0123456789abcdef" * 4
CONFIG = {f"option_{k}": value for k, value in enumerate([1e-4, 64, 50_000, 0.99, True, "adam", None] * 4)}
PACKAGES = {f"package-{k}": "1.2.3" for k in range(12)}


def specs(count: int) -> Iterator[RunSpec]:
    """Yields runs: the anchors of every id, then configurations with five seeds each."""
    for k in range(count):
        env, anchor = k % IDS, k < 2 * IDS
        row = (k // IDS - 2) // SEEDS
        agent = ("random", "reference")[k // IDS] if anchor else f"agent_{row % AGENTS}"
        learning = TrainingSpec(total_timesteps=20_000, seed=(k // IDS - 2) % SEEDS, reward=reward("bleu"))
        yield RunSpec(
            environment=EnvironmentSpec(id=f"TextGen-Made{env}-v0", signature=f"made-up-{env}"),
            agent=AgentSpec(name=agent, config={} if anchor else {**CONFIG, "row": row // AGENTS}),
            training=None if anchor else learning,
            evaluation=EvaluationSpec(episodes=EPISODES, reward=reward("chrf")),
            experiment=f"experiment-{row % 12}",
        )


def reward(name: str) -> RewardSpec:
    """Returns a reward."""
    return RewardSpec(spec=name, signature=f"{name}|v1")


def record_of(spec: RunSpec, k: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Returns a record with made-up scores, and its episodes."""
    rng = np.random.default_rng(k)
    level = {"random": 0.1, "reference": 0.9}.get(spec.agent.name, 0.2 + 0.6 * (k // IDS % 997) / 997)
    scores = np.clip(rng.normal(level, 0.15, EPISODES), 0, 1).round(6).tolist()
    assert spec.evaluation is not None
    rows = [
        {
            "index": i,
            "example": i,
            "seed": episode_seed(spec.evaluation.seed, i),
            "source": f"a made-up request, number {i}",
            "text": f"a made-up answer, number {int(rng.integers(1000))}",
            "action_ids": rng.integers(3, 500, 12).tolist(),
            "reward": score,
            "reward_components": {"chrf": score},
            "metrics": {"success": float(score > 0.5), "bleu": score / 2},
            "length": 12,
            "finish_reason": "stop",
        }
        for i, score in enumerate(scores)
    ]
    record = new_record(
        spec,
        {
            "context_length": 64,
            "dataset": {"name": "made-up", "hash": HASH, "sizes": {"train": 1000, "test": EPISODES}},
            "tokenizer": {"spec": "word", "hash": HASH, "vocabulary_size": 500},
            "metrics": [{"name": "success", "signature": "s"}, {"name": "bleu", "signature": "b"}],
            "checkpoint_hash": None,
            "parameters": None if spec.training is None else 100_000,
        },
        status="completed",
        results=summarize(rows),
        cost={
            **NO_COST,
            "environment_steps": 0 if spec.training is None else spec.training.total_timesteps,
            "wall_clock_seconds": {"training": 60.0 + k % 7, "evaluation": 1.0},
        },
        provenance={
            "git_commit": None,
            "git_dirty": None,
            "packages": PACKAGES,
            "python": "3.11.7",
            "platform": "Linux",
            "hardware": {"cpu": "a cpu", "cores": 2, "memory_bytes": None, "accelerator": None},
            "threads": 1,
            "started_at": "2026-01-02T03:04:05Z",
            "finished_at": "2026-01-02T03:05:05Z",
            "command": ["llm-envs", "benchmark"],
        },
        curve=[
            {"timesteps": 1000 * i, "seconds": 3.0 * i, "eval/mean_reward": level * i / 20} for i in range(20)
        ],
    )
    return record, rows


def show(store: Path, home: Path) -> float:
    """Returns the seconds that the whole command takes."""
    command = [sys.executable, "-m", "llm_envs", "leaderboard", "show", "--store", str(store)]
    begin = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, "LLM_ENVS_HOME": str(home)}, stdout=subprocess.PIPE, check=True
    )
    seconds = time.perf_counter() - begin
    print(f"{seconds:.2f} s, {done.stdout.count(b'TextGen-')} tables, {len(done.stdout):,} bytes")
    return seconds


def main() -> None:
    """Makes the store unless it is there, then times the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5, help="calls with an index")
    options = parser.parse_args()
    store = RecordStore(options.folder)
    there = len(store.ids())
    for k, spec in enumerate(specs(options.records)):
        if k >= there:
            store.write(*record_of(spec, k))
    with tempfile.TemporaryDirectory() as home:
        print("without an index: ", end="", flush=True)
        show(options.folder, Path(home))
        print("with an index:")
        best = min(show(options.folder, Path(home)) for _ in range(options.times))
        print(f"best of {options.times}: {best:.2f} s")


if __name__ == "__main__":
    main()
