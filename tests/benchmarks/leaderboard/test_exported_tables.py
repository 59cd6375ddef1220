"""Tables for other programs: the numbers are those of the leaderboard, and foreign texts act in no format."""

from __future__ import annotations

import csv
import io
import json
import re

import made_up
import pytest
import yaml
from hostile import refitted

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.export import (
    flat_rows,
    to_csv,
    to_frame,
    to_latex,
    to_markdown,
    to_model_index,
)
from llm_benchmarks.leaderboard.view import read_leaderboard

EVIL = (
    "=1+1",
    "@SUM(A1)",
    "<script>x</script>",
    "\\input{secret} 5% $x$ a_b #1 ~^",
    "a | b",
    "x\x1b[31m\ny",
    "[l](u) *b*",
)


@pytest.fixture
def tables(store):
    """Two agents with two seeds each, and agents of evil names."""
    for seed in (1, 2):
        store.write(*made_up.run("good", seed, [0.5, 0.6, 0.7, 0.8 + seed / 10]))
        store.write(*made_up.run("poor", seed, [0.1, 0.2, 0.3, 0.4 + seed / 10]))
    for name in EVIL:
        store.write(*refitted(*made_up.run(name, 1)))
    return read_leaderboard(store).tables


def test_csv_has_every_number_with_all_digits(tables):
    read = list(csv.DictReader(io.StringIO(to_csv(tables))))
    flat = flat_rows(tables)
    assert len(read) == len(flat) == 2 + len(EVIL)
    for row, expected in zip(read, flat, strict=True):
        for name in ("score", "low", "high", "seeds", "metric/success"):
            assert row[name] == ("" if expected[name] is None else str(expected[name]))
    assert {row["agent"] for row in read} >= {"good", "poor"}


def test_no_csv_cell_is_a_formula_or_holds_a_control_character(tables):
    for row in csv.reader(io.StringIO(to_csv(tables))):
        for cell in row:
            assert cell[:1] not in ("=", "@", "+") or re.fullmatch(r"\+?[\d.e-]+", cell)
            assert cell.isprintable()


def test_markdown_rows_have_as_many_cells_as_their_head(tables):
    text = to_markdown(tables)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert len(rows) == 2 + 2 + len(EVIL)
    assert not re.search(r"(?<!\\)[<>*]", text)
    assert "good" in text


def test_latex_has_no_command_of_a_record(tables):
    text = to_latex(tables)
    allowed = {"begin", "end", "toprule", "midrule", "bottomrule"} | {
        f"text{sign}" for sign in ("backslash", "asciitilde", "asciicircum", "less", "greater", "bar")
    }
    assert set(re.findall(r"\\([A-Za-z]+)", text)) <= allowed
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(body) == 1 + 2 + len(EVIL)
    assert len({len(re.findall(r"(?<!\\)&", line)) for line in body}) == 1


def test_model_index_is_what_the_hub_reads(tables):
    index = yaml.safe_load(to_model_index(tables))["model-index"]
    good = next(model for model in index if model["name"] == "good")
    [result] = good["results"]
    assert set(result) == {"task", "dataset", "metrics"}
    assert result["task"]["type"] == "translation"
    scores = {metric["type"]: metric["value"] for metric in result["metrics"]}
    row = next(row for table in tables for row in table.rows if row.agent == "good")
    assert scores["mean_reward"] == pytest.approx(row.score, abs=1e-6)
    assert scores["success"] == 1.0


def test_pandas_has_a_row_for_each_row(tables):
    pandas = pytest.importorskip("pandas")
    frame = to_frame(tables)
    assert isinstance(frame, pandas.DataFrame)
    best = frame.sort_values("score").iloc[-1]
    assert best["agent"] == "good"
    assert best["score"] == max(row.score for table in tables for row in table.rows)


@pytest.mark.parametrize(
    ("name", "words", "beginning"),
    [
        ("a.csv", [], "env,dataset"),
        ("a.md", [], "## Translation-v0"),
        ("a.tex", [], "% Translation-v0"),
        ("a.yaml", [], "model-index:"),
        ("a.json", [], '{"tables": ['),
        ("a.txt", ["--format", "csv"], "env,dataset"),
    ],
)
def test_the_suffix_or_an_option_chooses_the_format(tables, store, tmp_path, name, words, beginning):
    out = tmp_path / name
    assert main(["leaderboard", "export", "--store", str(store.path), "--out", str(out), *words]) == 0
    assert out.read_text().startswith(beginning)


def test_json_has_the_whole_tables(tables, store, tmp_path):
    out = tmp_path / "a.json"
    words = ["leaderboard", "export", "--store", str(store.path), "--out", str(out), "--format", "json"]
    assert main(words) == 0
    assert json.loads(out.read_text())["tables"][0]["rows"][0]["configuration"]


@pytest.mark.parametrize("words", [["--out", "a.txt"], ["--out", "a.csv", "--format", "cvs"]])
def test_an_unknown_format_is_bad_input(tables, store, tmp_path, monkeypatch, words, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["leaderboard", "export", "--store", str(store.path), *words]) == 2
    assert "csv" in capsys.readouterr().err
    assert list(tmp_path.glob("a.*")) == []
