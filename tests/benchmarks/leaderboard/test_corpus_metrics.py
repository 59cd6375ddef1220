"""Metrics of a whole evaluation in records, tables and suites; `evaluate --reward` and `--metrics`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sacrebleu
from evaluate_scripts import corpus_bleu, corpus_chrf, lengths
from made_up import cost, episodes, facts, provenance, spec

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.view import read_leaderboard
from llm_benchmarks.records.record import check_record, new_record
from llm_benchmarks.records.results import check_results, summarize
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation, SuiteError
from llm_benchmarks.run.suite import load_suite

ENV = "Translation-v0"
WORDS = ["evaluate", "--env", ENV, "--agent", "random", "--store", "store", "--episodes", "12"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_record_holds_metrics_of_the_whole_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bleu, chrf = corpus_bleu(tmp_path), {"id": corpus_chrf(tmp_path), "name": "chrF", "key": "score"}
    words = [*WORDS, "--metrics", "default", "--metrics", json.dumps([chrf]), "--metrics", bleu]
    assert main([*words, "--reward", '{"id": "bleu", "max_order": 2}', "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    record = RecordStore("store").read(output["record"])
    rows = record.episodes()
    texts = [row["text"] for row in rows]
    assert record.evaluation.metrics == ["default", chrf, bleu]
    assert record.evaluation.reward.spec == {"id": "bleu", "max_order": 2}
    metrics = {metric["name"]: metric for metric in record.facts["metrics"]}
    assert list(metrics) == ["chrf", "exact_match", "chrF", "evaluate:corpus_bleu"]
    assert [metric.get("level") for metric in metrics.values()] == [None, None, "corpus", "corpus"]
    assert metrics["exact_match"]["signature"].startswith("exact_match|")
    assert metrics["chrF"]["signature"].startswith("evaluate:corpus_chrf|key:score|content:")
    assert "|evaluate 0.4" in metrics["chrF"]["signature"]
    assert "evaluate" in record.provenance["packages"]
    import gymnasium as gym

    task = gym.make(ENV, split="test").unwrapped.task  # type: ignore[attr-defined]
    streams = [[task.examples[row["example"]].references[0] for row in rows]]
    results = output["results"]["metrics"]
    assert results["chrF"] == pytest.approx(sacrebleu.corpus_chrf(texts, streams).score, abs=1e-9)
    assert results["evaluate:corpus_bleu"] == pytest.approx(
        sacrebleu.corpus_bleu(texts, streams).score, abs=1e-9
    )
    assert results["chrF"] > 0.0
    (table,) = read_leaderboard("store").tables
    assert table.main_metrics == ("chrf", "exact_match", "chrF")
    assert table.rows[0].metrics["chrF"] == results["chrF"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--metrics", '{"id": "BLEU", "key": "sacre"}'],
            "has no 'sacre'; key= one of 'score', 'precisions'",
        ),
        (["--reward", '{"id": "BLEU", "key": "sacre"}'], "has no 'sacre'; key= one of 'score', 'precisions'"),
        (["--metrics", '["bleu"'], "--metrics '[\"bleu\"' is no JSON"),
        (["--metrics", '{"id": "bleu", "weight": "x"}'], "the weight of reward 'bleu' is a finite number"),
        (["--metrics", "blue"], "unknown reward 'blue'; did you mean 'bleu'?"),
        (["--metrics", "evaluate:./none"], "there is no folder './none'"),
        (["--reward", "evaluate:./none"], "there is no folder './none'"),
    ],
)
def test_an_invalid_corpus_metric_is_refused_before_anything_is_played(
    tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bleu = corpus_bleu(tmp_path)
    assert main([*WORDS, *(word.replace("BLEU", bleu) for word in options)]) == 2
    assert message in capsys.readouterr().err
    assert not Path("store").exists()


def made(
    seed: int, value: float, signature: str = "evaluate:corpus_bleu|v1", metrics: object = "default"
) -> tuple[dict, list]:
    rows = episodes([0.1, 0.2, 0.3, 0.4], chrf=[0.5] * 4)
    run = spec(seed=seed)
    assert run.evaluation is not None
    run = replace(run, evaluation=replace(run.evaluation, metrics=metrics))
    found = facts() | {
        "metrics": [
            {"name": "chrf", "signature": "c"},
            {"name": "corpus_bleu", "signature": signature, "level": "corpus"},
        ]
    }
    results = summarize(rows, {"corpus_bleu": value})
    done = new_record(run, found, status="completed", provenance=provenance(), cost=cost(), results=results)
    return done, rows


def test_corpus_metrics_are_exempt_from_the_check_against_episodes() -> None:
    record, rows = made(1, 31.5)
    check_results(record, rows)
    assert record["results"]["metrics"] == {"chrf": 0.5, "corpus_bleu": 31.5}
    for metrics, message in (
        ({"chrf": 0.5}, "the corpus metric 'corpus_bleu' is missing"),
        ({"chrf": 0.6, "corpus_bleu": 31.5}, "results.metrics.chrf: 0.6"),
        ({"chrf": 0.5, "corpus_bleu": 31.5, "more": 1.0}, "results.metrics.more: 1.0"),
    ):
        with pytest.raises(RecordError, match=message):
            check_results({**record, "results": {**record["results"], "metrics": metrics}}, rows)
    rows[0]["metrics"]["corpus_bleu"] = 3.0
    with pytest.raises(RecordError, match="'corpus_bleu' is a corpus metric, but episodes have it"):
        check_results(record, rows)
    record["facts"]["metrics"][0]["level"] = "episode"
    with pytest.raises(RecordError, match=r"facts.metrics.0.level: 'corpus' was expected"):
        check_record(record)


def test_tables_average_corpus_metrics_over_seeds(store: RecordStore) -> None:
    for seed, value in ((1, 30.0), (2, 33.0)):
        store.write(*made(seed, value))
    (table,) = read_leaderboard(store).tables
    assert table.main_metrics == ("chrf", "corpus_bleu")
    assert table.rows[0].metrics == {"chrf": 0.5, "corpus_bleu": 31.5}
    store.write(*made(3, 0.5, "evaluate:corpus_bleu|key:brevity_penalty|v1"))
    (table,) = read_leaderboard(store).tables
    assert table.rows[0].metrics == {"chrf": 0.5}
    assert "its runs computed corpus_bleu in different ways, so no mean is shown" in table.rows[0].notes


def test_runs_with_other_metrics_are_other_cells(store: RecordStore) -> None:
    record, rows = made(1, 30.0)
    other, _ = made(1, 30.0, metrics=["chrf", {"id": "evaluate:./corpus_bleu"}])
    assert other["identity"] != record["identity"]
    store.write(other, rows)
    assert store.find(other["identity"])
    assert not store.find(record["identity"])


def test_a_suite_names_metrics(tmp_path: Path) -> None:
    name = lengths(tmp_path)
    Path("suite.toml").write_text(
        f'[evaluation]\nepisodes = 3\nmetrics = ["default", {{id = "{name}", key = "lengths"}}]\n'
        '[run]\nprocesses = 1\n[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\n'
    )
    (cell,) = load_suite("suite.toml").cells
    assert cell.own_code() == [name]
    assert Cell.from_dict(json.loads(json.dumps(cell.to_dict()))) == cell
    assert run_cell(cell, RecordStore("store")).status == "completed"
    (record,) = RecordStore("store").records()
    lengths_of = [len(row["text"]) for row in record.episodes()]
    assert record.results["metrics"]["evaluate:lengths"] == pytest.approx(sum(lengths_of) / 3)


@pytest.mark.parametrize("metrics", ["chrf", {"chrf": 1.0}, [{"name": "no id"}], [len]])
def test_metrics_of_a_wrong_form_are_refused(metrics: object) -> None:
    with pytest.raises((ValueError, SuiteError), match="metrics"):
        Evaluation(metrics=metrics)
