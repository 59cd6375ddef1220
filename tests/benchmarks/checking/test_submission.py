"""`llm-envs check --submission` says what a folder of records lacks to become rows."""

from __future__ import annotations

import json
import shutil

import forgery
import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation
from llm_envs.foreign import allowing_code

TINY = "TextGen-Tiny-v0"
OWN = "faulty_agents:Counting"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A submission of an agent of somebody's own, five seeds with their checkpoints, and an anchor."""
    store = RecordStore(tmp_path_factory.mktemp("submission") / "store")
    for seed in range(5):
        cell = Cell(env=TINY, agent=OWN, seed=seed, total_timesteps=20, trials=1)
        run_cell(cell, store, keep_checkpoint=True)
    run_cell(Cell(env=TINY, agent="random"), store)
    return store.path


@pytest.fixture
def submission(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "handed in")


def results(folder, capsys, *options):
    capsys.readouterr()
    status = main(["check", "--submission", str(folder), "--json", "--allow-code", OWN, *options])
    report = json.loads(capsys.readouterr().out)
    assert report["kind"] == "submission"
    assert status == (0 if report["holds"] else 1)
    return {check["check"]: check for check in report["checks"]}


def failing(found):
    return [name for name, check in found.items() if check["result"] == "fails"]


def trained(folder):
    return [r for r in RecordStore(folder).records() if r.spec.training is not None]


def test_a_whole_submission_lacks_nothing(submission, capsys):
    found = results(submission, capsys)
    assert {check["result"] for check in found.values()} == {"holds"}
    assert "100% of the texts" in found["re-evaluated"]["detail"]


def test_a_missing_checkpoint_is_named(submission, capsys):
    record = trained(submission)[0]
    shutil.rmtree(submission / f"{record.id}.checkpoint")
    found = results(submission, capsys)
    assert failing(found) == ["records"]  # a listed file is missing
    assert record.id[:12] in found["records"]["detail"]


def test_a_record_without_a_checkpoint_is_named_and_a_trained_folder_supplies_it(tmp_path, capsys):
    folder, agent = tmp_path / "handed in", tmp_path / "agent"
    train = [
        "train",
        "--env",
        TINY,
        "--agent",
        OWN,
        "--total-timesteps",
        "20",
        "--seed",
        "3",
        "--out",
        str(agent),
    ]
    assert main(train) == 0
    assert (
        main(["evaluate", "--env", TINY, "--agent", str(agent), "--allow-code", OWN, "--store", str(folder)])
        == 0
    )
    found = results(folder, capsys)
    assert failing(found) == ["checkpoints"]
    assert "neither beside it nor under checkpoints/" in found["checkpoints"]["detail"]
    assert found["re-evaluated"]["result"] == "does not apply"
    shutil.copytree(agent, folder / "checkpoints" / "seed 3")
    found = results(folder, capsys)
    assert failing(found) == []
    assert found["re-evaluated"]["result"] == "holds"
    assert found["seeds"]["result"] == found["trials"]["result"] == "note"


def test_code_that_is_not_allowed_is_not_run(submission, capsys):
    capsys.readouterr()
    assert main(["check", "--submission", str(submission), "--json"]) == 1
    checks = {check["check"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert failing(checks) == ["re-evaluated"]
    assert f"--allow-code {OWN}" in checks["re-evaluated"]["detail"]


def test_a_forged_score_is_named(submission, capsys):
    record = trained(submission)[0]
    parts = forgery.parts_of(submission, record.id)
    parts.rows[3]["reward"] += 0.5
    (submission / f"{record.id}.jsonl.gz").unlink()
    planted = forgery.plant(submission, parts)
    (submission / f"{record.id}.checkpoint").rename(submission / f"{planted}.checkpoint")
    found = results(submission, capsys)
    assert failing(found) == ["rescored"]
    assert "episode 3" in found["rescored"]["detail"]


@pytest.mark.parametrize(
    ("cell", "check"),
    [
        ({"evaluation": Evaluation(episodes=5)}, "replayed"),
        ({"evaluation": Evaluation(seed=77)}, "replayed"),
        ({"evaluation": Evaluation(split="validation")}, "evaluation"),
        ({"env_kwargs": {"max_new_tokens": 0}}, "completed"),
    ],
)
def test_an_evaluation_that_no_row_has_is_named(submission, capsys, cell, check):
    with allowing_code([OWN]):
        run_cell(
            Cell(env=TINY, agent=OWN, seed=9, total_timesteps=20, **cell),
            RecordStore(submission),
            keep_checkpoint=True,
        )
    assert failing(results(submission, capsys))[0] == check


def test_a_name_of_the_package_belongs_to_its_code(submission, capsys):
    parts = forgery.parts_of(submission, trained(submission)[0].id)
    parts.record["spec"]["agent"] |= {"name": "token_dqn", "entry_point": "my_agent:make_agent"}
    parts.record["files"] = {}
    forgery.plant(submission, parts)
    assert "names" in failing(results(submission, capsys))


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_records_is_no_submission(tmp_path, capsys, name):
    (tmp_path / "empty").mkdir()
    status = main(["check", "--submission", str(tmp_path / name)])
    printed = capsys.readouterr()
    assert (status, "there is no folder" in printed.err) in ((2, True), (1, False))
    assert status == 2 or "there is no record" in printed.out


def test_a_correction_of_what_the_folder_does_not_hold_is_told(submission, capsys):
    store = RecordStore(submission)
    new = trained(submission)[0]
    data = {**new.data, "supersedes": {"records": ["ab" * 32], "reason": "better"}}
    store.write(data, new.episodes(), new.files())
    [check] = [found for name, found in results(submission, capsys).items() if name == "corrections"]
    assert check["result"] == "note"
    assert "abababababab" in check["detail"]
    assert "--accept-corrections" in check["detail"]
