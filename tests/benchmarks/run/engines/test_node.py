"""One cell on the machine that an engine chose for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dying_agents import copy_into

from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation
from llm_benchmarks.run.engines.engine import Request
from llm_benchmarks.run.engines.node import run_here
from llm_benchmarks.run.limits import Limits
from llm_benchmarks.run.planning import PlannedCell
from llm_benchmarks.run.resolve import resolve
from llm_benchmarks.run.suite import Run


def request_for(agent: str, store: RecordStore) -> tuple[Cell, Request]:
    cell = Cell(env="TextGen-Tiny-v0", agent=agent, evaluation=Evaluation(episodes=2))
    resolved = resolve(cell)
    planned = PlannedCell(cell, resolved.spec, resolved.facts)
    return cell, Request.of(planned, Run(), store, Limits(), ["llm-envs"])


def test_a_request_survives_its_way_to_another_machine(tmp_path: Path) -> None:
    _, request = request_for("random", RecordStore(tmp_path))
    assert Request.from_dict(request.to_dict()) == request


def test_a_cell_with_a_completed_record_is_not_run_again(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "store")
    cell, request = request_for("random", store)
    run_cell(cell, store)
    assert list(run_here(request)) == [{"event": "skipped"}]
    assert not (store.path / ".locks" / request.identity).exists()


def test_a_cell_that_another_process_runs_is_left_alone(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "store")
    _, request = request_for("random", store)
    lock = store.claim(request.identity)
    assert lock is not None
    assert list(run_here(request)) == [{"event": "busy"}]
    lock.release()


def test_a_machine_that_cannot_reach_the_store_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    _, request = request_for("random", RecordStore(tmp_path / "store"))
    (event,) = run_here(request)
    assert (event["event"], event["again"]) == ("died", False)
    assert str(tmp_path / "store") in event["error"]["message"]


def test_a_caller_that_stops_early_stops_the_cell_which_records_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_into(tmp_path)
    monkeypatch.chdir(tmp_path)
    store = RecordStore(tmp_path / "store")
    _, request = request_for("dying_agents:Endless", store)
    events = run_here(request)
    assert next(events)["event"] == "placed"
    assert next(events)["phase"] == "evaluating"
    events.close()
    assert [record.status for record in store.records()] == ["interrupted"]
    lock = store.claim(request.identity)  # its process is gone
    assert lock is not None
    lock.release()
