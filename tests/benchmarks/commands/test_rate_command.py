"""`llm-envs rate` on the command line: what it refuses, how it ends, and its report."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from rated import RateProcess, asked, pairs, post

from llm_benchmarks.commands.app import main
from llm_benchmarks.rewards.rating.judgements import JudgementFile, judgement_of, read_judgements


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"p{k}", "a": f"one {k}", "b": f"other {k}"} for k in range(3)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_it_ends_with_status_0_on_ctrl_c_and_goes_on_later(place: Path) -> None:
    words = ("texts.jsonl", "--out", "new/said.jsonl")
    first = RateProcess(place, *words)
    question = post(first.address, "question", {"rater": "Ana"})
    post(first.address, "answer", {"rater": "Ana", "item": question["item"], "choice": "tie", "seconds": 1})
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # in a background job of a shell
    assert first.end(signal.SIGTERM if ignored else signal.SIGINT) == 0
    again = RateProcess(place, *words)
    assert again.address != first.address
    question = post(again.address, "question", {"rater": "Ana"})
    assert (question["done"], question["total"]) == (1, 3)
    assert main(["rate", *words]) == 2  # the other process has the file
    assert again.end(signal.SIGTERM) == 0
    assert len(read_judgements(place / "new" / "said.jsonl").all()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["texts.jsonl"], "name the file of the judgements: --out FILE.jsonl"),
        (["--out", "said.jsonl"], "name texts to judge: either a file"),
        (["texts.jsonl", "--store", "s", "--env", "E", "--out", "x"], "name texts to judge: either a file"),
        (["--store", "s", "--out", "x"], "name texts to judge: either a file"),
        (["texts.jsonl", "--agent", "a", "--out", "x"], "--experiment and --agent choose records"),
        (["--store", "s", "--env", "E", "--out", "x"], "there is no folder 's'"),
        (["none.jsonl", "--out", "x"], "none.jsonl"),
        (["texts.jsonl", "--out", "."], "'.' is not a regular file"),
        (["texts.jsonl", "--out", "x", "--question", " "], "--question"),
        (["texts.jsonl", "--out", "x", "--scale", "stars"], "'stars'"),
        (["texts.jsonl", "--out", "x", "--port", "70000"], "70000"),
        (["--report", "none.jsonl"], "none.jsonl"),
        (["--report", "texts.jsonl"], "this is no file of llm-envs judgements"),
        (["texts.jsonl", "--report", "x"], "--report takes no texts to judge"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_served(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rate", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_report_names_agents_and_raters(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = pairs(8)
    file = JudgementFile(place / "said.jsonl", asked(items))
    for k, item in enumerate(items):
        for rater in ("Ana", "B\x1b[31mn"):
            choice = "a" if k < 6 else "tie"
            file.add(judgement_of(item, rater, choice, "ab"[k % 2], 2.0, "2026-01-02T03:04:05+00:00"))
    file.close()
    assert main(["rate", "--report", "said.jsonl"]) == 0
    printed = capsys.readouterr().out
    assert "Which? 16 answers of 2 raters to 8 items" in printed
    assert "Krippendorff's alpha 1.00" in printed
    assert "the text in the first place won 0.50" in printed
    assert "the alpha" in printed
    assert "0.88 [" in printed
    assert "\x1b[31m" not in printed
    assert main(["rate", "--report", "said.jsonl", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["agents"][0]["name"] == "the alpha"
    assert report["agents"][0]["wins"] == 12
    assert report["agreement"]["alpha"] == 1.0
