"""Limits of a cell: how they are written, and what becomes of a cell that passes one."""

from __future__ import annotations

from pathlib import Path

import pytest
from dying_agents import copy_into

from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cells import SuiteError
from llm_benchmarks.run.limits import Limits, parse_duration, parse_memory
from llm_benchmarks.run.runner import run_suite
from llm_benchmarks.run.suite import load_suite


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("30s", 30), ("1.5m", 90), ("45 min", 2700), ("2h", 7200), ("1d", 86400)],
)
def test_times_are_read_with_their_unit(text: str, seconds: float) -> None:
    assert parse_duration(text, "--cell-timeout") == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-1", "never", "5 weeks", "1e9", "9" * 30, "1_000"])
def test_a_time_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"--cell-timeout .* is no time above 0; write seconds, or 30s"):
        parse_duration(text, "--cell-timeout")


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 5e8), ("4GB", 4e9), ("4 gib", 4 * 2**30), ("0.5GiB", 2**29), ("1TB", 1e12)]
)
def test_sizes_are_read_with_their_unit(text: str, size: float) -> None:
    assert parse_memory(text, "--cell-memory") == size


@pytest.mark.parametrize("text", ["", "4", "0GB", "-4GB", "much", "4 potatoes", "0.0000001MB"])
def test_a_size_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"--cell-memory .* is no size above 0 in MB, GB"):
        parse_memory(text, "--cell-memory")


def test_the_limits_of_a_suite_are_read_when_it_is_loaded(tmp_path: Path) -> None:
    cells = '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\n'
    path = tmp_path / "suite.toml"
    path.write_text(f'[run]\ncell_timeout = "2h"\ncell_memory = "4GB"\n{cells}')
    assert load_suite(path).run.limits == Limits(7200, 4_000_000_000)
    path.write_text(f'[run]\ncell_timeout = "soon"\n{cells}')
    with pytest.raises(SuiteError, match=r"\[run\] cell_timeout 'soon' is no time"):
        load_suite(path)


@pytest.mark.parametrize(
    ("agent", "limits", "kind", "message"),
    [
        ("Endless", Limits(seconds=3), "CellTimeout", "ran longer than its limit of 3 s (--cell-timeout)"),
        (
            "Hungry",
            Limits(memory_bytes=900_000_000),
            "CellMemoryExceeded",
            "MB, its limit is 900 MB (--cell-memory)",
        ),
    ],
)
def test_a_cell_that_passes_a_limit_is_killed_once_and_its_record_says_why(
    agent: str, limits: Limits, kind: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_into(tmp_path)
    cells = f'[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["dying_agents:{agent}"]\n'
    (tmp_path / "suite.toml").write_text(f"{cells}[evaluation]\nepisodes = 3\n")
    monkeypatch.chdir(tmp_path)
    store = RecordStore(tmp_path / "store")
    outcome = run_suite(load_suite(tmp_path / "suite.toml"), store, limits=limits, retries=3)
    assert len(outcome.failed) == len(store.ids()) == 1
    (record,) = store.records()
    assert record.error is not None
    assert record.error["type"] == kind
    assert message in record.error["message"]
    assert "attempts" not in record.error["message"]
