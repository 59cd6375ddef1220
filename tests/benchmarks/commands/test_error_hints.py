"""Errors of the command line name the way out in its own words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import made_up
import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.records.store import RecordStore

TINY = "TextGen-Tiny-v0"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(capsys: pytest.CaptureFixture[str], line: str) -> str:
    """Runs a command that must refuse its input; returns the error line."""
    assert main(line.split()) == 2
    (error,) = capsys.readouterr().err.splitlines()
    return error


@pytest.mark.parametrize(
    ("line", "hints"),
    [
        (
            f"evaluate --env {TINY} --agent random --store s --reward blue",
            ["did you mean 'bleu'?", "`llm-envs list`"],
        ),
        (
            f"evaluate --env {TINY} --agent random --store s --reward tuned",
            ["--reward tuned is a reward to train on: `llm-envs train --reward tuned`"],
        ),
        (
            f"evaluate --env {TINY} --agent random --store s --metrics tuned",
            ["--metrics tuned is a reward to train on"],
        ),
        ("play Translation-v0 --env-set dataset=mine.csv", ["did you mean 'file:mine.csv'?"]),
        *(
            (line, ["'CartPole-v1' is no environment for language models", "`llm-envs list`"])
            for line in (
                "train --env CartPole-v1 --agent token_dqn --out x",
                "evaluate --env CartPole-v1 --agent random --store s",
                "play CartPole-v1",
            )
        ),
    ],
)
def test_bad_input_is_answered_with_a_hint(
    capsys: pytest.CaptureFixture[str], line: str, hints: list[str]
) -> None:
    error = refusal(capsys, line)
    for hint in hints:
        assert hint in error


def test_compare_suggests_the_nearest_agent(capsys: pytest.CaptureFixture[str]) -> None:
    store = RecordStore("store")
    for agent in ("random", "reference"):
        store.write(*made_up.run(agent, None))
    error = refusal(capsys, "leaderboard compare randm --store store")
    assert "no completed runs of 'randm'" in error
    assert "did you mean 'random'? there are random, reference" in error


def test_warnings_about_data_name_the_file_and_no_source_line() -> None:
    Path("few.csv").write_text("source,references\n" + "".join(f"a {i},b {i}\n" for i in range(40)))
    words = ["play", "Translation-v0", "--env-set", "dataset=file:few.csv"]
    command = [sys.executable, "-m", "llm_benchmarks", *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    assert line.startswith("DataWarning: ")
    assert "few.csv has 40 examples" in line
    assert ".py" not in line
