"""Many processes write into one store and are killed at random: what was acknowledged is there and whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import killed_writers
import pytest

from llm_benchmarks.records.store import RecordStore

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks processes and kills them")


def write_and_kill(store, writers, records, seed):
    done = subprocess.run(
        [sys.executable, killed_writers.__file__, *map(str, (store.path, writers, records, seed))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("writers", "records", "least_killed"),
    [(4, 60, 4), pytest.param(16, 1000, 60, marks=pytest.mark.kills)],
)
def test_every_acknowledged_record_is_there_and_no_half_one_is_taken_for_a_record(
    store, writers, records, least_killed
):
    told = write_and_kill(store, writers, records, seed=records)
    assert told["killed"] >= least_killed

    problems: dict[str, str] = {}
    found = {record.id: record for record in store.records(problems)}
    assert problems == {}, "no half-written file is taken for a record"
    assert set(told["acknowledged"]) <= found.keys()
    assert len(found) == records, "writing a record again makes no second one"
    for number in range(records):
        record, rows, files = killed_writers.record(number)
        id = store.write(record, rows, files)
        assert id in found
        assert found[id].episodes() == rows
        assert {name: path.read_bytes() for name, path in found[id].files().items()} == files

    store.tidy()
    names = {f"{id}.jsonl.gz" for id in found} | {f"{id}.checkpoint" for id in found if found[id].files()}
    assert {path.name for path in Path(store.path).iterdir()} == names
    assert RecordStore(store.path).ids() == sorted(found)
