"""Tables at several widths: no cell is cut, and columns that do not fit are named."""

from __future__ import annotations

import io
import re

import made_up
import pytest
from rich.console import Console
from rich.text import Text

import llm_envs
from llm_benchmarks.commands.app import main
from llm_benchmarks.console.fitting_table import Column, Row, print_table, print_wrapped, wrapped
from llm_benchmarks.records.store import RecordStore

COLUMNS = [Column("id"), Column("score", right=True), Column("mean length", right=True, rank=1)]


def printed(columns: list[Column], rows: list[Row], width: int) -> list[str]:
    out = io.StringIO()
    print_table(Console(file=out, width=width), columns, rows, all_in="--json has all")
    return out.getvalue().splitlines()


def row(*cells: str, below: str = "") -> Row:
    return Row([Text(cell) for cell in cells], below=Text(below))


def test_wide_console_shows_all_columns_and_breaks_headers() -> None:
    assert printed(COLUMNS, [row("a", "0.5", "7"), row("long-name", "10.5", "12")], 40) == [
        "                  mean",
        "id        score length",
        "a           0.5      7",
        "long-name  10.5     12",
    ]


def test_column_that_does_not_fit_is_left_out_and_named() -> None:
    columns = [*COLUMNS, Column("note", rank=2)]
    lines = printed(columns, [row("a", "0.5", "7", "some words"), row("b", "1", "8", "")], 15)
    assert lines[:4] == ["           mean", "id score length", "a    0.5      7", "b      1      8"]
    assert " ".join(" ".join(lines[4:]).split()) == "not shown for lack of width: note; --json has all"


def test_long_name_moves_to_its_own_line_before_columns_go() -> None:
    name = "somebodys_package.agents:QuiteALongName"
    lines = printed(COLUMNS, [row(name, "0.5", "7"), row("a", "1", "8")], 40)
    assert name in lines
    assert [line.split() for line in lines[-2:]] == [["0.5", "7"], ["a", "1", "8"]]


def test_very_narrow_console_prints_every_cell_on_its_own_line() -> None:
    lines = printed(COLUMNS, [row("abcdefghijkl", "0.123456789", "7", below="size=1 seed=2")], 12)
    assert lines == ["abcdefghijkl", "  score: 0.123456789", "  mean length: 7", "size=1", "    seed=2"]


def test_text_below_a_row_breaks_between_words() -> None:
    lines = printed(COLUMNS, [row("a", "0.5", "7", below="reward=10*bleu+5*chrf steps=20000")], 24)
    assert lines[-2:] == ["reward=10*bleu+5*chrf", "    steps=20000"]


def test_lines_break_between_words_and_wide_characters_count_twice() -> None:
    assert list(wrapped("aa bb longer-than-that cc", 5)) == ["aa bb", "longer-than-that", "cc"]
    assert list(wrapped("你好 你好", 8)) == ["你好", "你好"]
    out = io.StringIO()
    print_wrapped(Console(file=out, width=12), "one two three four", indent=2)
    assert out.getvalue() == "  one two\n      three\n      four\n"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_list_shows_every_id_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    words = set(re.split(r"[\s,]+", out))
    assert words.issuperset({*llm_envs.list_envs(), *llm_envs.list_rewards(), "token_dqn"})
    told = " ".join(out.split())
    assert ("not shown for lack of width:" in told) == (width < 120)
    assert "default reward" in told


@pytest.mark.parametrize("width", [60, 80, 120])
def test_leaderboard_names_every_column_it_leaves_out(
    store: RecordStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    for agent, seed in (("random", None), ("reference", None), ("their_package.agents:Quite", 1)):
        store.write(*made_up.run(agent, seed))
    for steps in (1_000_000, 2_000_000):
        store.write(*made_up.run("supervised", 1, steps=steps, config={"learning_rate": 0.001 * steps}))
    monkeypatch.setenv("COLUMNS", str(width))
    for command in (["show"], ["compare", "supervised"]):
        assert main(["leaderboard", *command, "--store", str(store.path)]) == 0
        out = capsys.readouterr().out
        assert max(map(len, out.splitlines())) <= width
        assert "…" not in out
        assert "their_package.agents:Quite" in out.split()
        told = " ".join(out.split())
        left_out = told.partition("lack of width: ")[2].partition(";")[0].split(", ")
        header = {"show": ("seeds", "norm.", "success", "steps", "time", "failed"), "compare": ("judged",)}
        for name in header[command[0]]:
            assert name in left_out or any(name in line.split() for line in out.splitlines())
    assert "steps=2000000" in out.split()


@pytest.mark.parametrize("command", ["train", "evaluate", "play", "pages"])
def test_help_never_cuts_the_name_of_an_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "…" not in out
    assert {"train": "--total-timesteps", "pages": "--search-tokens"}.get(command, "--split") in out.split()
