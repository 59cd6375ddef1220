"""`llm-envs rewards compare` trains on each design, scores every text by all, and repeats no training."""

from __future__ import annotations

import json

import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.rewards.comparison.designs import read_designs, read_named
from llm_benchmarks.rewards.comparison.plan import Plan as ComparisonPlan
from llm_benchmarks.rewards.comparison.plan import held_out, make_suite, task_of

TINY = ["--env", "Translation-v0", "--agent", "rloo", "--seeds", "1", "--total-timesteps", "240",
        "--set", "model=nano", "--set", "n_envs=8", "--set", "n_eval_episodes=4",
        "--set", "warm_start=false"]  # fmt: skip
DESIGNS = ["precision=chrf(beta=0.01)", "default"]


def compare(*words):
    return main(["rewards", "compare", *words])


def plan_of(*designs, **changes):
    return ComparisonPlan(
        env="Translation-v0", agent="rloo", designs=tuple(read_designs(designs)), seeds=(0,), **changes
    )


def test_it_trains_scores_and_goes_on_where_it_stopped(tmp_path, capsys):
    out = tmp_path / "out"
    assert compare(*DESIGNS, *TINY, "--metric", "token_f1", "--out", str(out), "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data["matrix"]) == ["precision", "default"]
    assert [column["name"] for column in data["columns"]] == [
        "precision",
        "default",
        "chrf",
        "exact_match",
        "token_f1",
    ]
    store = RecordStore(out / "records")
    records = store.records()
    assert {record.spec.experiment for record in records} == {"reward designs on Translation-v0"}
    assert len(records) == 2
    for record in records:  # the environment's default reward scores the texts that either design wrote
        run = next(run for run in data["runs"] if run["record"] == record.id)
        assert run["means"]["default"] == pytest.approx(record.results["mean_reward"])
        assert run["curve"]
        assert set(run["curve"][-1]["values"]) == {column["name"] for column in data["columns"]}
        assert run["curve"][-1]["sqrt_kl"] is not None
    assert (out / "comparison.html").exists()

    again = ["third=bleu(max_order=1)", *DESIGNS]
    assert compare(*again, *TINY, "--out", str(out)) == 0
    said = capsys.readouterr()
    assert "1 done, 2 in the store before" in said.out
    assert "third: chrf" in said.out


def test_a_suite_has_every_design_with_every_seed_and_measures_everything_while_training():
    plan = plan_of(*DESIGNS, total_timesteps=1200, metrics=(read_named("f1=token_f1", "--metric"),))
    suite = make_suite(plan, task_of(plan))
    assert [cell.variant for cell in suite.cells] == ["trained on precision", "trained on default"]
    names = [metric["name"] for metric in suite.cells[0].config["eval_metrics"]]
    assert names == ["design/precision", "design/default", "held out/f1"]
    assert suite.cells[0].config["eval_freq"] == 100


def test_what_is_a_design_is_not_held_out():
    plan = plan_of("chrf", "precision=chrf(beta=0.01)")
    assert [one.name for one in held_out(plan, task_of(plan))] == ["default", "exact_match"]
    plan = plan_of("bleu", "mine=chrf")
    assert [one.name for one in held_out(plan, task_of(plan))] == ["exact_match"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bleu"], "a comparison needs at least two designs"),
        (["bleu", "default"], "the designs 'bleu' and 'default' are the same reward"),
        (["bleu", "blue"], "did you mean 'bleu'"),
        (["bleu", "chrf", "--agent", "random"], "does not train"),
        (["bleu", "chrf", "--env", "Translation-v9"], "Translation-v9"),
        (["bleu", "chrf", "--metric", "chrf=token_f1"], "both named 'chrf'"),
        (["bleu", "chrf", "--set", "learning_rate=-1"], "learning_rate"),
        (["bleu", "x=unit_tests"], "unit_tests"),
    ],
)
def test_bad_input_is_named_before_any_work(words, message, tmp_path, capsys):
    given = [] if "--env" in words else ["--env", "Translation-v0"]
    assert compare(*words, *given, "--total-timesteps", "60", "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr().err
    assert message in said
    assert not (tmp_path / "out").exists()
