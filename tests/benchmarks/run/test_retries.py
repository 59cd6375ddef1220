"""A cell whose process dies runs again; one that raises, or passes a limit, does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from dying_agents import copy_into
from engine_here import KILLED, EngineHere, completed

from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.engines.engine import Death, Event
from llm_benchmarks.run.engines.process import ProcessEngine
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import Suite, load_suite


def suite(folder: Path, agents: str, run: str = "") -> Suite:
    text = f'[run]\n{run}\n[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = [{agents}]\n'
    (folder / "suite.toml").write_text(f"{text}[evaluation]\nepisodes = 3\n")
    return load_suite(folder / "suite.toml")


def test_a_process_that_dies_loses_its_cell_alone_which_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_into(tmp_path)
    monkeypatch.chdir(tmp_path)
    store = RecordStore(tmp_path / "store")
    cells = suite(tmp_path, '"dying_agents:Dies", "dying_agents:AlwaysDies"')
    outcome = run_suite(cells, store, engine=ProcessEngine(2, ["6", "7"]))
    assert [cell.agent for cell in outcome.completed] == ["dying_agents:Dies"]
    assert (tmp_path / "deaths").read_text() == ".."  # one attempt, and one more
    assert set((tmp_path / "gpus").read_text().split()) == {"6", "7"}  # one each
    by_agent = {record.spec.agent.name: record for record in store.records()}
    assert len(store.ids()) == len(by_agent) == 2
    died = by_agent["dying_agents:AlwaysDies"].error
    assert died is not None
    assert died["type"] == "ProcessDied"
    assert died["message"] == "the process ended by signal SIGKILL; it was the last of 2 attempts"


def dying(times: int, *, again: bool = True) -> EngineHere:
    """An engine whose cells die some times before they run."""

    def ends(cell: Cell, number: int) -> Event | Death | None:
        return Death(KILLED, again) if number <= times else None

    return EngineHere(ends)


@pytest.mark.parametrize(("retries", "attempts", "ends_well"), [(0, 1, 0), (1, 2, 0), (2, 3, 1), (9, 3, 1)])
def test_a_cell_runs_again_as_often_as_asked_for(
    retries: int, attempts: int, ends_well: int, tmp_path: Path
) -> None:
    engine, store = dying(2), RecordStore(tmp_path / "store")
    outcome = run_suite(suite(tmp_path, '"random"'), store, engine=engine, retries=retries)
    assert len(engine.started) == attempts
    assert len(outcome.completed) == len(completed(store)) == ends_well
    assert len(store.ids()) == 1  # attempts that are repeated leave no record


def test_a_suite_says_how_often_its_cells_run_again(tmp_path: Path) -> None:
    engine = dying(9)
    run_suite(suite(tmp_path, '"random"', "retries = 3"), RecordStore(tmp_path / "store"), engine=engine)
    assert len(engine.started) == 4


def test_a_cell_that_raises_is_not_tried_again_because_the_error_would_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_into(tmp_path)
    monkeypatch.chdir(tmp_path)
    outcome = run_suite(
        suite(tmp_path, '"dying_agents:Raises"'),
        RecordStore(tmp_path / "store"),
        engine=EngineHere(),
        retries=5,
    )
    assert [message for _, message in outcome.failed] == ["RuntimeError: out of ideas"]
    assert (tmp_path / "errors").read_text() == "."


def test_a_death_that_would_come_again_is_not_tried_again(tmp_path: Path) -> None:
    engine, store = dying(1, again=False), RecordStore(tmp_path / "store")
    outcome = run_suite(suite(tmp_path, '"random"'), store, engine=engine, retries=5)
    assert len(engine.started) == 1
    assert [message for _, message in outcome.failed] == [KILLED["message"]]


def test_a_cell_that_finished_without_its_parent_is_not_run_twice(tmp_path: Path) -> None:
    """The process of the cell lives on where the one that watched it died."""
    store = RecordStore(tmp_path / "store")

    def ends(cell: Cell, number: int) -> Event | Death | None:
        run_cell(cell, store)
        return Death(KILLED, True)

    engine = EngineHere(ends)
    outcome = run_suite(suite(tmp_path, '"random"'), store, engine=engine)
    assert len(engine.started) == len(outcome.completed) == len(store.ids()) == 1


def test_a_cell_that_another_suite_finished_first_is_taken_from_the_store(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "store")

    def ends(cell: Cell, number: int) -> Event | Death | None:
        if cell.agent == "reference":
            return None
        return {"event": "skipped"}

    outcome = run_suite(suite(tmp_path, '"random", "reference"'), store, engine=EngineHere(ends))
    assert [cell.agent for cell in outcome.skipped] == ["random"]
    assert [cell.agent for cell in outcome.completed] == ["reference"]


def test_the_display_tells_of_a_death_and_of_the_next_attempt(tmp_path: Path) -> None:
    told: list[str] = []

    class Listening(SuiteProgress):
        def retrying(self, cell: Cell, message: str) -> None:
            told.append(f"again: {message}")

        def ended(self, cell: Cell, status: str, score: float | None, seconds: float, message: str) -> None:
            told.append(status)

    store = RecordStore(tmp_path / "store")
    run_suite(suite(tmp_path, '"random"'), store, engine=dying(1), progress=Listening(None))
    assert told == ["again: the process ended by signal SIGKILL", "completed"]


def test_a_cell_that_another_process_runs_waits_and_is_not_an_attempt(tmp_path: Path) -> None:
    def ends(cell: Cell, number: int) -> Event | Death | None:
        return {"event": "busy"} if number == 1 else None

    engine, store = EngineHere(ends), RecordStore(tmp_path / "store")
    outcome = run_suite(suite(tmp_path, '"random"'), store, engine=engine, retries=0)
    assert len(engine.started) == 2
    assert len(outcome.completed) == len(store.ids()) == 1


def test_cells_that_wait_for_a_machine_leave_no_record_when_the_suite_is_interrupted(tmp_path: Path) -> None:
    class Queue(EngineHere):
        queues = True

    class Interrupting(SuiteProgress):
        def queued(self, cell: Cell) -> None:
            raise KeyboardInterrupt

        def ended(self, cell: Cell, status: str, score: float | None, seconds: float, message: str) -> None:
            raise AssertionError("it has not begun")

    store = RecordStore(tmp_path / "store")
    engine = Queue(lambda cell, number: Death(KILLED, True))
    outcome = run_suite(suite(tmp_path, '"random"'), store, engine=engine, progress=Interrupting(None))
    assert outcome.interrupted
    assert (outcome.completed, outcome.failed, store.ids()) == ([], [], [])
