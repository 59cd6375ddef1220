"""`.eval_results` files are what the Hub's own library reads, with the leaderboard's scores."""

from __future__ import annotations

from datetime import datetime

import made_up
import pytest
import yaml
from huggingface_hub import eval_result_entries_to_yaml, parse_eval_result_entries

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.view import read_leaderboard


@pytest.fixture
def filled(store):
    for seed in (1, 2):
        store.write(*made_up.run("good", seed, [0.5, 0.6, 0.7, 0.8 + seed / 10]))
        store.write(*made_up.run("good", seed, [0.1, 0.2, 0.2, 0.1], env="TextGen-v0", signature="env-b"))
    store.write(*made_up.run("evil\x1b[31m: [x]\n- y: &a *a", 1))
    store.write(made_up.failure("poor", 4))
    for kind in ("word", "byte"):  # two tables of one id
        store.write(*made_up.run("twice", 1, signature=f"env-{kind}", kwargs={"tokenizer": kind}))
    return store


def export(store, out, *words):
    command = ["leaderboard", "export", "--store", str(store.path), "--out", str(out)]
    return main([*command, "--format", "eval-results", *words])


def test_the_library_of_the_hub_reads_every_file_and_loses_nothing(filled, tmp_path):
    assert export(filled, tmp_path / "out", "--hub-dataset", "my-team/bench") == 0
    paths = sorted((tmp_path / "out").glob("*/.eval_results/*.yaml"))
    assert len(paths) == 3
    for path in paths:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = parse_eval_result_entries(data)
        assert eval_result_entries_to_yaml(entries) == data
        assert all(entry.dataset_id == "my-team/bench" for entry in entries)
        assert len({entry.task_id for entry in entries}) == len(entries)
        for entry in entries:
            assert datetime.fromisoformat(entry.date.replace("Z", "+00:00")).tzinfo is not None
            assert entry.notes.isprintable()


def test_values_are_the_scores_of_the_leaderboard(filled, tmp_path):
    assert export(filled, tmp_path / "out", "--hub-dataset", "my-team/bench") == 0
    data = yaml.safe_load((tmp_path / "out" / "good" / ".eval_results" / "llm-envs.yaml").read_text())
    scores = {
        table.env: row.score
        for table in read_leaderboard(filled).tables
        for row in table.rows
        if row.agent == "good"
    }
    assert len(data) == len(scores) == 2
    for entry in data:
        [env] = [env for env in scores if entry["dataset"]["task_id"].startswith(env)]
        assert entry["value"] == scores[env]
        assert "2 training seeds" in entry["notes"]


@pytest.mark.parametrize("words", [[], ["--hub-dataset", "bench"], ["--hub-dataset", "a/b/c"]])
def test_a_benchmark_on_the_hub_must_be_named(filled, tmp_path, words, capsys):
    assert export(filled, tmp_path / "out", *words) == 2
    assert "--hub-dataset" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_hub_dataset_is_for_this_format_only(filled, tmp_path, capsys):
    words = ["leaderboard", "export", "--store", str(filled.path), "--out", str(tmp_path / "a.csv")]
    assert main([*words, "--hub-dataset", "a/b"]) == 2
    assert "eval-results" in capsys.readouterr().err
