"""A small store of honest records, and what a forger makes of them: every hash and every mean refitted."""

from __future__ import annotations

import hashlib
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

import llm_envs
from llm_baselines.anchors.reference import ScriptedAgent
from llm_baselines.spec import RunSpec
from llm_benchmarks.records.record_file import GZIP_HEADER
from llm_benchmarks.records.results import summarize
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import json_line
from llm_benchmarks.run.cells import EVALUATION_SEED
from llm_benchmarks.run.recording import record_evaluation
from llm_envs.evaluation import episode_seed

WORDS = ("sun", "moon", "sea", "hill", "rain", "tree", "bird", "road", "house", "night")


def write_data(path: Path, shift: int) -> Path:
    """A data set of sixty pairs of four words, the test split a fifth of them."""
    rng = np.random.default_rng(shift)
    lines = []
    for i in range(60):
        words = [WORDS[j] for j in rng.integers(0, len(WORDS), 4)]
        split = "test" if i % 5 == 0 else "validation" if i % 5 == 1 else "train"
        lines.append(
            {"source": f"{i} " + " ".join(words), "references": [" ".join(words[::-1])], "split": split}
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def write_noisily(env: gym.Env[Any, Any], seed: int, noise: float = 0.5) -> ScriptedAgent:
    """An agent that writes the reference with some words replaced; which ones depends on the seed."""

    def write(example: Any) -> str:
        rng = np.random.default_rng([seed, zlib.crc32(example.source.encode())])
        words = example.references[0].split()
        return " ".join(w if rng.random() > noise else WORDS[rng.integers(len(WORDS))] for w in words)

    return ScriptedAgent(env, seed, write=write, speaker=lambda rng: lambda who, text: "")


def record(
    store: RecordStore, data: Path, seed: int, *, noise: float = 0.5, evaluation_seed: int = EVALUATION_SEED
) -> str:
    """Plays the noisy agent on the test split and writes an honest record of it."""
    env = gym.make("Translation-v0", dataset=f"file:{data}", split="test", metrics="default")
    agent = write_noisily(env, seed, noise)
    result = llm_envs.evaluate(agent, env, seed=evaluation_seed)
    return record_evaluation(
        result, agent, env, store, name="noisy", seed=seed, total_timesteps=100, reward="default"
    )


class Parts(NamedTuple):
    """What a forger edits: the record and its episodes, as JSON values."""

    record: dict[str, Any]
    rows: list[dict[str, Any]]


def parts_of(store: Path, id: str) -> Parts:
    """The content of a record's file."""
    content = zlib.decompress((store / f"{id}.jsonl.gz").read_bytes(), 16 + zlib.MAX_WBITS)
    first, *rows = [json.loads(line) for line in content.decode().splitlines()]
    return Parts(first, rows)


def plant(store: Path, parts: Parts, *, refit: bool = True) -> str:
    """Writes a record under the hash of its content.

    Args:
        store: The folder.
        parts: The record and its episodes.
        refit: Compute means and identity again, so that nothing contradicts the episodes.
    """
    record, rows = parts
    if refit:
        corpus = {m["name"]: record["results"]["metrics"][m["name"]] for m in _corpus(record)}
        record["results"] = summarize(rows, corpus)
        record["identity"] = RunSpec.from_dict(record["spec"]).identity()
    content = b"".join(map(json_line, [record, *rows]))
    id = hashlib.sha256(content).hexdigest()
    store.mkdir(parents=True, exist_ok=True)
    compressed = zlib.compress(content, 9, 16 + zlib.MAX_WBITS)
    (store / f"{id}.jsonl.gz").write_bytes(GZIP_HEADER + compressed[len(GZIP_HEADER) :])
    return id


def _corpus(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [metric for metric in record["facts"]["metrics"] if metric.get("level") == "corpus"]


def renumbered(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Gives episodes the indices and seeds of an evaluation."""
    return [{**row, "index": k, "seed": episode_seed(seed, k)} for k, row in enumerate(rows)]


# Each mutation edits the parts in place, or returns others. None of them leaves a contradiction that reading
# alone would find, unless its level is 0.


def _score(parts: Parts, rng: random.Random) -> None:
    name = rng.choice(["mean_reward", "mean_length", "std_reward", "episodes"])
    parts.record["results"][name] += rng.choice([1, 0.01, 1e-6]) if name != "episodes" else 1


def _seed_of_an_episode(parts: Parts, rng: random.Random) -> None:
    rng.choice(parts.rows)["seed"] += rng.randint(1, 1000)


def _reward(parts: Parts, rng: random.Random) -> None:
    rng.choice(parts.rows)["reward"] += rng.choice([0.5, 0.01, 1e-6])


def _component(parts: Parts, rng: random.Random) -> None:
    row = rng.choice(parts.rows)
    name = rng.choice(list(row["reward_components"]))
    row["reward_components"][name] += rng.choice([0.5, 1e-6])


def _metric(parts: Parts, rng: random.Random) -> None:
    row = rng.choice(parts.rows)
    row["metrics"][rng.choice(list(row["metrics"]))] = rng.random()


def _perfect_text(parts: Parts, rng: random.Random) -> None:
    row = rng.choice([row for row in parts.rows if row["reward"] < 1])
    row["text"] = " ".join(row["source"].split()[1:][::-1])
    row["reward"] = 1.0
    row["reward_components"] = dict.fromkeys(row["reward_components"], 1.0)
    row["metrics"] = dict.fromkeys(row["metrics"], 1.0)


def _swapped_texts(parts: Parts, rng: random.Random) -> None:
    a, b = rng.sample(parts.rows, 2)
    while a["text"] == b["text"] or a["reward"] == b["reward"]:
        a, b = rng.sample(parts.rows, 2)
    for name in ("text", "action_ids", "length", "finish_reason"):
        a[name], b[name] = b[name], a[name]


def _space(parts: Parts, rng: random.Random) -> None:
    rng.choice(parts.rows)["text"] += " "


def _token(parts: Parts, rng: random.Random) -> None:
    ids = rng.choice([row for row in parts.rows if len(row["action_ids"]) > 1])["action_ids"]
    at = rng.randrange(len(ids) - 1)
    ids[at] = next(i for row in parts.rows for i in row["action_ids"] if i != ids[at] and i != ids[-1])


def _end(parts: Parts, rng: random.Random) -> None:
    rng.choice(parts.rows)["finish_reason"] = rng.choice(["length", "task", None])


def _dropped(parts: Parts, rng: random.Random) -> Parts:
    worst = rng.choice(sorted(parts.rows, key=lambda row: row["reward"])[:4])
    return _with_rows(parts, [row for row in parts.rows if row is not worst])


def _doubled(parts: Parts, rng: random.Random) -> Parts:
    best = max(parts.rows, key=lambda row: row["reward"])
    at = rng.randrange(len(parts.rows))
    return _with_rows(parts, [*parts.rows[:at], best, *parts.rows[at:]])


def _replaced(parts: Parts, rng: random.Random) -> Parts:
    worst, best = (pick(parts.rows, key=lambda row: row["reward"]) for pick in (min, max))
    return _with_rows(parts, [best if row is worst else row for row in parts.rows])


def _with_rows(parts: Parts, rows: list[dict[str, Any]]) -> Parts:
    evaluation = parts.record["spec"]["evaluation"]
    evaluation["episodes"] = len(rows)
    return Parts(parts.record, renumbered(rows, evaluation["seed"]))


def _other_seeds(parts: Parts, rng: random.Random) -> Parts:
    seed = EVALUATION_SEED + rng.randint(1, 10**6)
    parts.record["spec"]["evaluation"]["seed"] = seed
    return Parts(parts.record, renumbered(parts.rows, seed))


def _signature(parts: Parts, rng: random.Random) -> None:
    parts.record["spec"]["environment"]["signature"] += rng.choice(["1", "|v2"])


class Mutation(NamedTuple):
    """One way to forge a record.

    Attributes:
        name: What is forged.
        level: The level that it does not reach.
        edit: Edits the parts of a record.
        refit: Whether the forger computes means and identity again.
    """

    name: str
    level: int
    edit: Callable[[Parts, random.Random], Parts | None]
    refit: bool = True


MUTATIONS = (
    Mutation("an edited score", 0, _score, refit=False),
    Mutation("the seed of an episode", 0, _seed_of_an_episode),
    Mutation("a reward changed after the fact", 1, _reward),
    Mutation("a component of a reward", 1, _component),
    Mutation("a metric", 1, _metric),
    Mutation("swapped texts", 1, _swapped_texts),
    Mutation("a better text than its tokens", 2, _perfect_text),
    Mutation("a space after a text", 2, _space),
    Mutation("a token", 2, _token),
    Mutation("the end of an episode", 2, _end),
    Mutation("a dropped episode", 2, _dropped),
    Mutation("a doubled episode", 2, _doubled),
    Mutation("the best episode in place of the worst", 2, _replaced),
    Mutation("other seeds than the suite's", 2, _other_seeds),
    Mutation("an environment's signature", 2, _signature),
)
