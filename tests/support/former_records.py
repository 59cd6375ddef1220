"""Records of schema 1 for tests: the same made-up runs, in the folders that an earlier release wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import made_up

from llm_benchmarks.records.results import summarize
from llm_benchmarks.records.values import json_line

Files = dict[str, bytes]
CURVE = [{"timesteps": 10, "seconds": 0.5, "eval/mean_reward": 0.25}]


def run(
    agent: str = "sb3-dqn",
    seed: int | None = 1,
    rewards: list[float] | None = None,
    *,
    config: dict[str, Any] | None = None,
    kwargs: dict[str, Any] | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The record.json of `made_up.run` as schema 1 had it, and its episodes."""
    rewards = [0.1, 0.2, 0.3, 0.4] if rewards is None else rewards
    rows = made_up.episodes(rewards, success=[1.0] * len(rewards))
    trained = seed is not None
    steps = 1000 if trained else 0
    record = {
        "schema_version": 1,
        "status": "completed",
        "error": None,
        "results": summarize(rows),
        "env": {
            "id": "Translation-v0",
            "kwargs": kwargs or {},
            "signature": "env-a",
            "context_length": 64,
        },
        "dataset": {
            "name": "en-de",
            "hash": made_up.SHA,
            "training_split": "train" if trained else None,
            "evaluation_split": "test",
            "sizes": {"train": 100, "test": 20},
        },
        "tokenizer": {"spec": "word", "hash": made_up.SHA, "vocabulary_size": 500},
        "reward": {
            "training": {"spec": "default", "signature": "sig-default"} if trained else None,
            "evaluation": {"spec": "default", "signature": "sig-default"},
            "metrics": [{"name": "success", "signature": "s"}, {"name": "chrf", "signature": "c"}],
        },
        "track": "scratch",
        "agent": {
            "name": agent,
            "entry_point": "somewhere:Agent",
            "config": {"lr": 0.001} if config is None else config,
            "base_model": None,
            "checkpoint_hash": None,
            "parameters": 1000 if trained else None,
            "tuning": {"trials": 3, "seeds": [900, 901]},
        },
        "seeds": {"training": seed, "evaluation": made_up.SEED, "disjoint": True},
        "budget": {"total_timesteps": steps, "evaluation_episodes": len(rewards)},
        "decoding": {"deterministic": True, "options": {}, "num_envs": 4},
        "provenance": made_up.provenance(),
        "cost": made_up.cost(steps),
        "cell_key": made_up.SHA,
    }
    return record, rows


def files_of(record: Any, rows: Any, curve: Any = CURVE, **others: bytes) -> Files:
    """The bytes of a record's folder, whatever is in it."""
    return {
        "record.json": json_line(record),
        "episodes.jsonl": b"".join(map(json_line, rows)),
        "curve.jsonl": b"".join(map(json_line, curve)),
        **others,
    }


def plant(store: Path, files: Files, manifest: Callable[[Any], Any] = lambda told: told) -> str:
    """Writes a record with a manifest that fits its bytes and a folder that fits the manifest."""
    listed = {n: {"sha256": hashlib.sha256(d).hexdigest(), "size": len(d)} for n, d in files.items()}
    changed = manifest({"manifest_version": 1, "files": listed})
    raw = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
    folder = store / hashlib.sha256(raw).hexdigest()
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_bytes(raw)
    return folder.name


def forge(folder: Path, name: str, data: bytes) -> Path:
    """Replaces a file and makes manifest and folder name fit, as a forger would."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    raw = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(raw)
    return folder.rename(folder.parent / hashlib.sha256(raw).hexdigest())
