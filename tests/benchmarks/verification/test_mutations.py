"""No forged record passes: three hundred mutations, each caught at the level that it is said to be."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import forgery
import pytest

from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.verification.findings import Verdict
from llm_benchmarks.verification.ladder import Ladder

SCORES = ("reward", "reward_components", "metrics")


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A store of two trainings on one data set, and of perfect play on another and on this one; the ids."""
    folder = tmp_path_factory.mktemp("honest")
    ours, easy = forgery.write_data(folder / "ours.jsonl", 1), forgery.write_data(folder / "easy.jsonl", 2)
    store = RecordStore(folder / "store")
    ids = [forgery.record(store, ours, seed) for seed in (1, 2)]
    ids.append(forgery.record(store, easy, 1, noise=0.0))
    ids.append(forgery.record(store, ours, 1, noise=0.0))
    return store.path, ids, ours


def verdicts(store: Path, level: int = 2) -> list[Verdict]:
    return [verdict for _, verdict in Ladder(level=level).verdicts(RecordStore(store))]


def check_caught(store: Path, level: int, what: str) -> None:
    """Every record of a forged store falls short at this level, not before and not after it."""
    for verdict in verdicts(store):
        assert verdict.fault is not None, f"{what} passes"
        assert verdict.fault.level == level, f"{what}: {verdict.fault}"
        assert verdict.level == (level - 1 if level else None), f"{what}: {verdict.findings}"
        assert verdict.fault.reason


def test_honest_records_hold(honest):
    found = verdicts(honest[0])
    assert [verdict.level for verdict in found] == [2, 2, 2, 2]
    assert all(verdict.fault is None for verdict in found)


def forge_byte(store: Path, id: str, rng: random.Random, forged: Path) -> str:
    """Alters one byte of a record's file, which keeps its name."""
    data = bytearray((store / f"{id}.jsonl.gz").read_bytes())
    at = rng.choice([rng.randrange(10), rng.randrange(len(data)), len(data) - 1 - rng.randrange(12)])
    how = rng.choice(["bit", "byte", "cut", "more"])
    if how == "bit":
        data[at] ^= 1 << rng.randrange(8)
    elif how == "byte":
        data[at] = (data[at] + rng.randrange(1, 256)) % 256
    elif how == "cut":
        del data[at:]
    else:
        data.append(rng.randrange(256))
    forged.mkdir()
    (forged / f"{id}.jsonl.gz").write_bytes(data)
    return f"byte {at} ({how})"


def forge_dataset(store: Path, ids: list[str], rng: random.Random, forged: Path) -> str:
    """Says of a perfect score on easy data that it was reached on the leaderboard's."""
    ours, easy = forgery.parts_of(store, ids[0]).record, forgery.parts_of(store, ids[2])
    for name in ("environment", "evaluation"):
        easy.record["spec"][name] = ours["spec"][name]
    easy.record["facts"] = ours["facts"]
    easy.record["spec"]["training"]["seed"] = rng.randrange(1000)
    forgery.plant(forged, easy)
    return "another data set"


def forge_seeds(store: Path, ids: list[str], rng: random.Random, forged: Path) -> str:
    """Hands one run in under several training seeds, one text replaced by the reference in some of them."""
    for seed in rng.sample(range(1000), rng.randint(2, 5)):
        parts = forgery.parts_of(store, ids[0])
        if rng.random() < 0.5:
            row = rng.choice([row for row in parts.rows if row["reward"] < 1])
            perfect = forgery.parts_of(store, ids[3]).rows[row["index"]]
            row |= {name: perfect[name] for name in ("text", "action_ids", "length", *SCORES)}
        parts.record["spec"]["training"]["seed"] = seed
        parts.record["provenance"]["command"] = [f"run {seed}"]
        forgery.plant(forged, parts)
    return "one run under several training seeds"


def test_three_hundred_mutations_are_caught_at_the_level_named(honest, tmp_path):
    store, ids, _ = honest
    tried: Counter[str] = Counter()
    for number in range(300):
        rng, forged = random.Random(number), tmp_path / str(number)
        kind = number % (len(forgery.MUTATIONS) + 5)
        if kind < len(forgery.MUTATIONS):
            mutation = forgery.MUTATIONS[kind]
            parts = forgery.parts_of(store, rng.choice(ids[:2]))
            parts = mutation.edit(parts, rng) or parts
            forgery.plant(forged, parts, refit=mutation.refit)
            what, level = mutation.name, mutation.level
        elif kind == len(forgery.MUTATIONS):
            what, level = forge_dataset(store, ids, rng, forged), 1
        elif kind == len(forgery.MUTATIONS) + 1:
            what, level = forge_seeds(store, ids, rng, forged), 2
        else:
            what, level = forge_byte(store, rng.choice(ids), rng, forged), 0
        check_caught(forged, level, f"{number}: {what}")
        tried[what.partition(" (")[0].partition(" ")[0] if level == 0 else what] += 1
    assert sum(tried.values()) == 300
    assert len(tried) >= len(forgery.MUTATIONS)


@pytest.mark.parametrize("at", range(10))
def test_every_byte_of_the_gzip_header_counts(honest, tmp_path, at):
    store, ids, _ = honest
    data = bytearray((store / f"{ids[0]}.jsonl.gz").read_bytes())
    data[at] ^= 0xFF
    (tmp_path / f"{ids[0]}.jsonl.gz").write_bytes(data)
    check_caught(tmp_path, 0, f"byte {at}")


def test_every_bit_of_the_last_compressed_byte_counts(honest, tmp_path):
    store, ids, _ = honest
    for bit in range(8):
        data = bytearray((store / f"{ids[0]}.jsonl.gz").read_bytes())
        data[-9] ^= 1 << bit  # the checksum and the length follow
        (tmp_path / f"{ids[0]}.jsonl.gz").write_bytes(data)
        check_caught(tmp_path, 0, f"bit {bit}")


def test_one_run_under_two_seeds_is_caught_by_its_curve_even_if_it_is_perfect(honest, tmp_path):
    store, ids, _ = honest
    for seed in (1, 2):
        parts = forgery.parts_of(store, ids[2])
        parts.record["spec"]["training"]["seed"] = seed
        parts.record["curve"] = [{"timesteps": 10, "seconds": seed * 0.5, "eval/mean_reward": 0.25}]
        forgery.plant(tmp_path, parts)
    check_caught(tmp_path, 2, "one curve under two seeds")


def test_two_perfect_trainings_may_write_the_same(honest, tmp_path):
    store, ids, _ = honest
    for seed in (1, 2):
        parts = forgery.parts_of(store, ids[2])
        parts.record["spec"]["training"]["seed"] = seed
        parts.record["curve"] = [{"timesteps": 10, "seconds": 1.0, "eval/mean_reward": seed / 4}]
        forgery.plant(tmp_path, parts)
    assert [verdict.fault for verdict in verdicts(tmp_path)] == [None, None]


def test_a_record_that_is_only_part_of_an_evaluation_says_so(honest, tmp_path):
    store, ids, _ = honest
    parts = forgery.parts_of(store, ids[0])
    parts.record["spec"]["evaluation"]["episodes"] = 5
    forgery.plant(tmp_path, forgery.Parts(parts.record, parts.rows[:5]))
    [verdict] = verdicts(tmp_path)
    assert verdict.level == 1
    assert verdict.to_dict()["reason"] == "it plays 5 episodes, the examples of the split are 12"


def test_forged_records_are_what_json_says(honest):
    """The forger writes as the store does: an unedited record keeps its id."""
    store, ids, _ = honest
    parts = forgery.parts_of(store, ids[0])
    assert forgery.plant(store, parts) == ids[0]
    assert json.dumps(parts.record)
