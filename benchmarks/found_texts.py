"""Collects texts that learners and searches found against the rewards of TextGen-v0.

    python benchmarks/found_texts.py records benchmarks/results --experiment longer --label "fluency v2"
    python benchmarks/found_texts.py search hill_climb --label "fluency v2" --count 40 --seed 7
    python benchmarks/found_texts.py search frame_climb --label "fluency v3" --count 10 --used

    python benchmarks/found_texts.py answers benchmarks/results --experiment longer --finder "TokenDQN"

The first two add rows to the file that `fluency` reads (`llm_envs/rewards/grammar/found.jsonl`). A row says
who found the text, and whether the reward learns from it (`--used`) or a test holds it out. `records` takes
texts that scored 0.3 or more (`--least`), so what a learner wrote before it had learned stays outside. A
search reads requests of the train split. To search against an earlier reward, run it in a checkout of then.
`answers` keeps every text of one held-out learner, for `llm-envs degenerate`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random

import gymnasium as gym

import llm_envs
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.rewards import frames, search
from llm_envs.envs.task import Task
from llm_envs.episode import Episode
from llm_envs.rewards.forms import FORMS

ENV = "TextGen-v0"
FILE = Path(llm_envs.__file__).parent / "rewards" / "grammar" / "found.jsonl"
ANSWERS = Path(search.__file__).with_name("found_answers.jsonl")
LEAST = 0.3
LEAST_OF_FRAMES = 0.1
LONGEST = 400  # characters; a text that runs on to the last token is no finding

Row = dict[str, object]


def trained(store: Path, experiment: str, present: bool) -> list[Record]:
    """Returns the trained agents of an experiment, under the id's present reward or under earlier ones."""
    signature = gym.make(ENV, split="test").unwrapped.task.signature  # type: ignore[attr-defined]
    return [
        record
        for record in RecordStore(store).records({})
        if record.spec.environment.id == ENV
        and record.spec.experiment == experiment
        and record.spec.training is not None
        and (record.spec.environment.signature == signature) is present
    ]


def from_records(
    records: list[Record], label: str, per_run: int, used_seeds: list[int], least: float = LEAST
) -> list[Row]:
    """Returns texts of the trained agents of an experiment, some of each run.

    Args:
        records: The trained agents.
        label: The reward that they were trained on.
        per_run: Texts of each run.
        used_seeds: Seeds of TokenDQN whose texts the reward may learn from.
        least: The least score of a text.
    """
    rows: list[Row] = []
    for record in sorted(
        records, key=lambda r: (r.spec.agent.name, r.spec.training.seed, r.spec.training.total_timesteps)
    ):
        agent, training = record.spec.agent.name, record.spec.training
        texts = {
            e["text"]: e["source"]
            for e in record.episodes()
            if e["reward"] >= least and len(e["text"]) <= LONGEST
        }
        chosen = Random(29).sample(sorted(texts), min(per_run, len(texts)))
        kind = f"{agent}, seed {training.seed}, {training.total_timesteps:,} steps, {label}"
        used = agent == "token_dqn" and training.seed in used_seeds
        rows += [{"kind": kind, "used": used, "source": texts[text], "text": text} for text in chosen]
    return rows


def from_search(method: str, label: str, count: int, seed: int, used: bool) -> list[Row]:
    """Returns what a search finds for some requests of the train split."""
    task = gym.make(ENV, split="train").unwrapped.task  # type: ignore[attr-defined]
    rng = Random(seed)
    rows: list[Row] = []
    if method == "frame_climb":
        return from_frames(task, label, count, rng, used)
    for example in rng.sample(list(task.examples), count):
        text = getattr(search, method)(task, example, rng)
        if float(task.reward(Episode(example, text))) >= LEAST:
            kind = f"{method.replace('_', ' ')}, {label}"
            rows.append({"kind": kind, "used": used, "source": example.source, "text": text})
    return rows


def from_frames(task: Task, label: str, count: int, rng: Random, used: bool) -> list[Row]:
    """Returns the answers of one hill-climbed frame for every form, to some requests each."""
    rows: list[Row] = []
    for form in FORMS:
        requests = [
            example
            for example in task.examples
            if example.metadata["form"] == form and len(example.metadata["words"]) >= len(frames.GAPS)
        ]
        value, frame = frames.frame_climb(task, requests, rng)
        print(f"{form}: {value:.3f} {search.joined(frame)!r}", flush=True)
        if value >= LEAST_OF_FRAMES:
            rows += [
                {
                    "kind": f"frame climb, {label}",
                    "used": used,
                    "source": example.source,
                    "text": frames.filled(frame, example),
                }
                for example in rng.sample(requests, count)
            ]
    return rows


def answers(records: list[Record], seed: int, finder: str) -> list[Row]:
    """Returns every text of TokenDQN's longest run of a seed, for the tables of texts without skill."""
    runs = {
        record.spec.training.total_timesteps: record
        for record in records
        if record.spec.training is not None
        and record.spec.agent.name == "token_dqn"
        and record.spec.training.seed == seed
    }
    record = runs[max(runs)]
    return [
        {"env": ENV, "finder": finder, "source": e["source"], "text": e["text"]} for e in record.episodes()
    ]


def main() -> None:
    """Adds rows to the file; rows of a kind that it has are replaced."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    records = commands.add_parser("records")
    records.add_argument("store", type=Path)
    records.add_argument("--experiment", required=True)
    records.add_argument("--per-run", type=int, default=40)
    records.add_argument("--used-seeds", type=int, nargs="*", default=[1, 2])
    records.add_argument("--least", type=float, default=LEAST)
    searching = commands.add_parser("search")
    searching.add_argument("method", choices=["hill_climb", "beam_search", "frame_climb"])
    searching.add_argument("--count", type=int, default=40)
    searching.add_argument("--seed", type=int, default=7)
    searching.add_argument("--used", action="store_true")
    answering = commands.add_parser("answers", help="texts for `llm-envs degenerate`")
    answering.add_argument("store", type=Path)
    answering.add_argument("--experiment", required=True)
    answering.add_argument("--seed", type=int, default=3)
    answering.add_argument("--finder", required=True, help="who found them, against what")
    for command in (records, answering):
        command.add_argument("--present", action="store_true", help="records of the id's present reward")
    for command in (records, searching):
        command.add_argument("--label", required=True, help="the reward, such as 'fluency v2'")
        command.add_argument("--file", type=Path, default=FILE)
    given = parser.parse_args()
    if given.command == "answers":
        rows = answers(trained(given.store, given.experiment, given.present), given.seed, given.finder)
        kept = [row for row in _read(ANSWERS) if row["finder"] != given.finder]
        _write(ANSWERS, kept + rows)
        print(f"{len(rows)} answers of {given.finder}")
        return
    if given.command == "records":
        new = from_records(
            trained(given.store, given.experiment, given.present),
            given.label,
            given.per_run,
            given.used_seeds,
            given.least,
        )
    else:
        new = from_search(given.method, given.label, given.count, given.seed, given.used)
    kinds = {row["kind"] for row in new}
    rows = [row for row in _read(given.file) if row["kind"] not in kinds] + new
    _write(given.file, rows)
    print(f"{len(new)} texts of {len(kinds)} kinds; the file has {len(rows)}")


def _read(file: Path) -> list[Row]:
    return (
        [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    )


def _write(file: Path, rows: list[Row]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
