"""Logs of Every Eval Ever: valid under the published schema, with the leaderboard's numbers and episodes."""

from __future__ import annotations

import hashlib
import json
import re

import made_up
import pytest
from hostile import refitted
from published_schemas import every_eval_ever

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.every_eval_ever import path_name, write_logs
from llm_benchmarks.leaderboard.view import read_leaderboard

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
EVIL = (
    "../../up",
    "data",
    "a/b",
    "CON",
    "x\x1b[31m\ny",
    "<script>",
    "half \ud83d",
    "ü" * 300,
    "..",
    "a b",
    "a-b",
)


@pytest.fixture
def filled(store):
    for seed in (1, 2, 3):
        store.write(*made_up.run("good", seed, [0.5, 0.6, 0.7, 0.8 + seed / 10]))
    store.write(*made_up.run("single", 1, [0.1, 0.2, 0.3, 0.4], success=[1.0, 0.0, 1.0, 0.0]))
    store.write(*made_up.run("random", None, [0.0, 0.1, 0.25, 0.1]))
    store.write(made_up.failure("poor", 4))
    return store


def export(store, out, *words):
    command = ["leaderboard", "export", "--store", str(store.path), "--out", str(out)]
    assert main([*command, "--format", "every-eval-ever", *words]) == 0
    return {json.loads(path.read_text())["model_info"]["name"]: path for path in sorted(out.rglob("*.json"))}


@pytest.mark.fetch
def test_every_log_and_every_line_is_valid_under_the_published_schema(filled, tmp_path):
    for name in EVIL:
        record, rows = refitted(*made_up.run(name, 1))
        rows[0]["text"], rows[0]["source"] = "half \ud83d \x00", "\u2028"
        filled.write(record, rows)
    logs = export(filled, tmp_path / "out")
    assert len(logs) == 3 + len(EVIL)
    log_schema, line_schema = every_eval_ever()
    for path in logs.values():
        log = json.loads(path.read_text(encoding="utf-8"))
        assert [error.message for error in log_schema.iter_errors(log)] == []
        place = path.relative_to(tmp_path / "out").as_posix()
        assert re.fullmatch(rf"data/Translation-v0/llm-envs/[A-Za-z0-9_.-]+/{UUID4}\.json", place)
        details = log["detailed_evaluation_results"]
        assert details["file_path"] == place.replace(".json", "_samples.jsonl")
        samples = (tmp_path / "out" / details["file_path"]).read_bytes()
        assert details["checksum"] == hashlib.sha256(samples).hexdigest()
        lines = samples.decode("utf-8").splitlines()
        assert len(lines) == details["total_rows"] > 0
        for line in map(json.loads, lines):
            assert [error.message for error in line_schema.iter_errors(line)] == []
            assert line["evaluation_id"] == log["evaluation_id"]
            assert line["model_id"] == log["model_info"]["id"] == "/".join(place.split("/")[2:4])
            assert line["evaluation_result_id"] == log["evaluation_results"][0]["evaluation_result_id"]


def test_scores_and_intervals_are_those_of_the_leaderboard(filled, tmp_path):
    logs = export(filled, tmp_path / "out")
    rows = {row.agent: row for table in read_leaderboard(filled).tables for row in table.rows}
    for name in ("good", "single", "random"):
        results = json.loads(logs[name].read_text())["evaluation_results"]
        by_name = {result["metric_config"]["metric_name"]: result["score_details"] for result in results}
        row, reward = rows[name], by_name["mean_reward"]
        assert reward["score"] == row.score
        interval = reward["uncertainty"].get("confidence_interval")
        assert (interval is None) == (row.low is None) == (name == "single")
        if interval is not None:
            assert (interval["lower"], interval["upper"]) == (row.low, row.high)
            assert (interval["method"], interval["confidence_level"]) == (row.interval, 0.95)
            error = reward["uncertainty"]["standard_error"]["value"]
            assert 0 < error < row.high - row.low
        assert {key: found["score"] for key, found in by_name.items() if key != "mean_reward"} == row.metrics


def test_a_line_holds_an_episode(filled, tmp_path):
    path = export(filled, tmp_path / "out")["single"]
    lines = path.with_name(path.stem + "_samples.jsonl").read_text().splitlines()
    [record] = [record for record in filled.records() if record.spec.agent.name == "single"]
    for line, episode in zip(map(json.loads, lines), record.episodes(), strict=True):
        assert line["input"]["raw"] == episode["source"]
        assert line["output"]["raw"] == [episode["text"]]
        assert line["evaluation"] == {
            "score": episode["reward"],
            "is_correct": episode["metrics"]["success"] == 1.0,
        }
        assert line["sample_id"] == f"test/{episode['example']}"
        assert line["metadata"]["record"] == record.id


def test_a_penalty_is_better_when_lower_and_ranges_are_those_of_the_cards(store, tmp_path):
    record, rows = made_up.run("agent", 1)
    for row in rows:
        row["metrics"] = {"repetition": 0.25, "bleu": 2.5, "own": -3.0, "sentiment": -0.5}
    store.write(*refitted(record, rows))
    [path] = export(store, tmp_path / "out").values()
    found = {}
    for result in json.loads(path.read_text())["evaluation_results"]:
        metric = result["metric_config"]
        found[metric["metric_name"]] = (
            metric["lower_is_better"],
            metric["min_score"],
            metric["max_score"],
        )
    unbounded = (False, "-Infinity", "Infinity")
    assert found == {
        "mean_reward": unbounded,
        "repetition": (True, 0, 1),
        "bleu": unbounded,  # 2.5 is not within the card's range, so something else computed it
        "own": unbounded,
        "sentiment": (False, -1, 1),
    }


def test_the_same_records_give_the_same_files(filled, tmp_path):
    tables = read_leaderboard(filled).tables
    for name in ("first", "second"):
        write_logs(tables, filled, tmp_path / name)
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "first", tmp_path / "second")
    )
    assert first == second
    assert len(first) == 6


def test_the_developer_is_named(filled, tmp_path):
    path = export(filled, tmp_path / "out", "--developer", "my team")["good"]
    assert path.relative_to(tmp_path / "out").parts[2] == "my-team"
    assert json.loads(path.read_text())["model_info"]["id"] == "my-team/good"


@pytest.mark.parametrize("text", EVIL)
def test_a_name_is_a_folder_of_its_own_on_every_system(text):
    name = path_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name)
    assert name.lower() not in ("con", "data")
    assert not name.endswith(".")
    assert (
        len({path_name(other) for other in EVIL}) >= len(EVIL) - 1
    )  # "a b" and "a-b" differ in a label only


@pytest.mark.parametrize(
    "words",
    [
        ["--format", "every-eval-ever", "--score", "length"],
        ["--format", "csv", "--developer", "me"],
        ["--format", "every-eval-ever", "--hub-dataset", "a/b"],
        ["--format", "every-eval"],
    ],
)
def test_options_that_do_not_fit_are_bad_input(filled, tmp_path, words, capsys):
    out = tmp_path / "out"
    assert main(["leaderboard", "export", "--store", str(filled.path), "--out", str(out), *words]) == 2
    assert not out.exists()
    assert words[-1] in capsys.readouterr().err or "--" in words[-2]


def test_a_file_in_the_way_is_bad_input(filled, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    words = ["leaderboard", "export", "--store", str(filled.path), "--out", str(tmp_path / "out")]
    assert main([*words, "--format", "every-eval-ever"]) == 2
    assert "--out" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"
