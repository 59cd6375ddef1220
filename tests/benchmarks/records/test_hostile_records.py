"""A store with anybody's records: one that cannot be read is named, and hides no other."""

from __future__ import annotations

import json
import random

import made_up
import pytest
from hostile import CURVE, LONG, Lines, changed, good, lines_of, mutation, plant, refitted

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.view import read_leaderboard
from llm_benchmarks.records.plain_rows import is_plain_curve_row, is_plain_episode
from llm_benchmarks.records.record import error_section, new_record
from llm_benchmarks.records.schema import check_schema, record_schema
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError

MUTATIONS = 300

# A path in the record, its episodes or its curve, and what is put there -> what the error names.
RECORD = [
    ("results.mean_reward", float("nan"), "results.mean_reward: NaN"),
    ("results.mean_reward", 1e308, "results.mean_reward: 1e+308"),
    ("results.mean_reward", LONG, "results.mean_reward: an integer of 400 digits"),
    ("results.mean_reward", "0.9", "results.mean_reward: '0.9'"),
    ("results.mean_reward", 0.9, "results.mean_reward: 0.9, but"),
    ("results.std_reward", float("inf"), "results.std_reward: inf"),
    ("results.metrics", "x", "results.metrics: 'x'"),
    ("results.metrics", [1.0], "results.metrics: [1.0]"),
    ("results.metrics", {"success": [1]}, "results.metrics.success"),
    ("results.metrics", {"success": 1e99}, "results.metrics.success: 1e+99"),
    ("results.finish_reasons", {"stop": -1}, "results.finish_reasons.stop: -1"),
    ("results.episodes", 4.0, "results.episodes: 4.0"),
    ("results", None, "results: None"),
    ("cost.environment_steps", 10**400, "cost.environment_steps: an integer of 401 digits"),
    ("cost.environment_steps", 2**60, "cost.environment_steps"),
    ("cost.environment_steps", 1e3, "cost.environment_steps: 1000.0"),
    ("cost.tokens", 2**63, "cost.tokens"),
    ("cost.wall_clock_seconds.training", 1e99, "cost.wall_clock_seconds.training: 1e+99"),
    ("cost.wall_clock_seconds", None, "cost.wall_clock_seconds: None"),
    ("spec.training.reward.spec", {"id": 5}, "spec.training.reward.spec"),
    ("spec.training.reward.spec", [{"weight": 1.0}], "spec.training.reward.spec"),
    ("spec.training.reward.spec", {"id": "bleu", "weight": "much"}, "spec.training.reward.spec"),
    ("spec.training.reward.spec", {"bleu": {"weight": 1}}, "spec.training.reward.spec"),
    ("spec.training.reward.spec", 7, "spec.training.reward.spec"),
    ("spec.training.reward.spec", [], "spec.training.reward.spec"),
    ("spec.evaluation.reward.spec", [["bleu"]], "spec.evaluation.reward.spec"),
    ("facts.metrics", [{"name": 1, "signature": None}], "facts.metrics.0.name: 1"),
    ("spec.training.seed", 1.0, "spec.training.seed: 1.0"),
    ("spec.evaluation.seed", 2**70, "spec.evaluation.seed: an integer beyond 64 bits"),
    ("spec.evaluation.seed", 778, "episode 0: seed"),
    ("spec.agent.tuning_seeds", [True], "spec.agent.tuning_seeds.0: True"),
    ("spec.agent.trials", -1, "spec.agent.trials: -1"),
    ("spec.agent.name", "n" * 5000, "spec.agent.name"),
    ("spec.agent.name", None, "spec.agent.name: None"),
    ("spec.agent.config", [], "spec.agent.config: []"),
    ("spec.agent.config.lr", json.loads("[" * 80 + "]" * 80), "record: nested deeper"),
    ("spec.agent.config.lr", "x" * (1 << 21), "spec.agent.config.lr: a text of 2,097,152 characters"),
    ("spec.agent.config.lr", float("-inf"), "spec.agent.config.lr: -inf"),
    ("spec.environment.id", ["Translation-v0"], "spec.environment.id: ['Translation-v0']"),
    ("spec.environment.signature", "s" * 200_000, "spec.environment.signature"),
    ("spec.environment.kwargs", {str(i): i for i in range(2000)}, "spec.environment.kwargs"),
    ("facts.dataset.sizes", {"test": 3}, "example: 3 is not below 3"),
    ("facts.tokenizer.vocabulary_size", 6, "action_ids: 6 is not below 6"),
    ("spec.evaluation.metrics", "bleu", "spec.evaluation.metrics: 'bleu'"),
    ("spec.training.reward_timing", 3, "spec.training.reward_timing: 3"),
    ("spec.training", [], "spec.training: []"),
    ("spec.evaluation", None, "spec.evaluation: None"),
    ("spec.variant", "v" * 5000, "spec.variant"),
    ("spec.experiment", 1, "spec.experiment: 1"),
    ("files", {"model.json": {"sha256": "0" * 64, "size": 1}}, "model.json: not a plain name"),
    ("files", {"checkpoint/m.json": {"sha256": "0" * 64, "size": 1}}, "checkpoint/m.json: missing"),
    ("identity", "0" * 64, "identity: does not follow"),
    ("status", "interrupted and more", "status"),
    ("schema_version", [1], "schema_version: [1]"),
]
EPISODES = [
    ("1.reward", float("nan"), "episode 1: reward: NaN"),
    ("1.reward", 1e308, "episode 1: reward: 1e+308"),
    ("1.reward", LONG, "episode 1: reward: an integer of 400 digits"),
    ("1.reward", None, "episode 1: reward: None"),
    ("1.metrics", "x", "episode 1: metrics: 'x'"),
    ("1.metrics", {"success": True}, "episode 1: metrics.success: True"),
    ("1.index", 7, "episode 1: index: 7"),
    ("1.seed", 5, "episode 1: seed: 5"),
    ("1.example", 10**6, "episode 1: example: 1000000"),
    ("1.action_ids", [1, 2**40], "episode 1: action_ids"),
    ("1.action_ids", "567", "episode 1: action_ids: '567'"),
    ("1.finish_reason", ["stop"], "episode 1: finish_reason"),
    ("1", [], "episode 1: top level"),
    ("1", b"\xff\xfe", "episode 1: not UTF-8"),
    ("1", b'{"index": 1, "index": 1}', "episode 1: index: appears twice"),
]
CURVES = [
    ("0.timesteps", 1e3, "record: curve.0.timesteps: 1000.0"),
    ("0.eval/mean_reward", "high", "record: curve.0.eval/mean_reward: 'high'"),
    ("0.seconds", -1.0, "record: curve.0.seconds: -1.0"),
    ("0", json.loads("[" * 80 + "]" * 80), "record: nested deeper"),
]
HOSTILE = [
    (file, *case) for file, cases in zip("rec", (RECORD, EPISODES, CURVES), strict=True) for case in cases
]


def hostile(file: str, path: str, value: object, seed: int) -> Lines:
    record, rows = made_up.run("hostile", seed, curve=json.loads(json.dumps(CURVE)))
    changed({"r": record, "e": rows, "c": record["curve"]}[file], path, value)
    if file == "r" and not path.startswith(("results", "identity")):
        record, rows = refitted(record, rows)
    return lines_of(record, rows)


@pytest.fixture
def anchored(store):
    """Three good agents, one of which trained."""
    for agent, seed, mean in (("random", None, 0.1), ("reference", None, 0.9), ("good-agent", 1, 0.5)):
        record, rows = made_up.run(agent, seed, [mean - 0.02, mean, mean, mean + 0.02])
        plant(store.path, good(record, rows))
    return store


def named(err: str) -> dict[str, str]:
    """Beginning of id -> problem, of the lines on standard error; there are no other lines."""
    lines = err.splitlines()
    assert all(line.startswith("unreadable record ") for line in lines)
    found = [line.removeprefix("unreadable record ").split(": ", 1) for line in lines]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_every_hand_made_record_is_named_and_hides_no_other(anchored, tmp_path, capsys):
    assert len(HOSTILE) >= 60
    expected = {
        plant(anchored.path, hostile(file, path, value, seed=100 + i)): message
        for i, (file, path, value, message) in enumerate(HOSTILE)
    }
    for command in (["show"], ["show", "--json"], ["compare", "good-agent"]):
        assert main(["leaderboard", *command, "--store", str(anchored.path)]) == 1
        out, err = capsys.readouterr()
        assert "good-agent" in out
        assert "reference" in out
        problems = named(err)
        assert problems.keys() == {id[:12] for id in expected}
        wrong = {
            message: problems[id[:12]] for id, message in expected.items() if message not in problems[id[:12]]
        }
        assert wrong == {}
    assert json.loads(main_json(anchored, capsys))["problems"].keys() == expected.keys()
    assert main(["leaderboard", "compare", "hostile", "--store", str(anchored.path)]) == 2
    *lines, last = capsys.readouterr().err.splitlines()
    assert len(lines) == len(expected)
    assert last.startswith("llm-envs: no completed runs of 'hostile'")
    picture = tmp_path / "curves.svg"
    curves = ["leaderboard", "curves", "--env", "Translation-v0", "--out", str(picture)]
    assert main([*curves, "--store", str(anchored.path)]) == 1
    assert named(capsys.readouterr().err).keys() == {id[:12] for id in expected}
    assert picture.stat().st_size > 1000


def main_json(store: RecordStore, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["leaderboard", "show", "--json", "--store", str(store.path)]) == 1
    return capsys.readouterr().out


def test_every_mutated_record_is_read_or_named(anchored, capsys):
    rng = random.Random(25)
    planted = {plant(anchored.path, mutation(rng, seed)) for seed in range(2, 2 + MUTATIONS)}
    assert len(planted) == MUTATIONS
    problems: dict[str, str] = {}
    read = {record.id for record in anchored.records(problems)}
    assert planted <= read | problems.keys()
    assert not read & problems.keys()
    assert len(problems) > MUTATIONS / 2
    assert main(["leaderboard", "show", "--store", str(anchored.path)]) == 1
    out, err = capsys.readouterr()
    assert "good-agent" in out
    assert named(err).keys() == {id[:12] for id in problems}
    assert main(["leaderboard", "compare", "good-agent", "--store", str(anchored.path)]) == 1
    assert named(capsys.readouterr().err).keys() == {id[:12] for id in problems}


def test_pages_name_unreadable_records_and_show_the_others(anchored, tmp_path, capsys):
    record, rows = made_up.run("good-agent", 1, env="TextGen-Tiny-v0")
    plant(anchored.path, good(record, rows))
    bad = plant(anchored.path, hostile("e", "1.metrics", "x", seed=2))
    out = tmp_path / "pages"
    command = ["pages", "TextGen-Tiny-v0", "--out", str(out), "--search-tokens", "50"]
    assert main([*command, "--store", str(anchored.path)]) == 1
    assert named(capsys.readouterr().err).keys() == {bad[:12]}
    assert "good-agent" in (out / "TextGen-Tiny-v0.md").read_text()


def test_an_unreadable_record_does_not_complete_a_cell(store):
    record, rows = made_up.run()
    rows[1]["metrics"] = "x"
    id = plant(store.path, lines_of(record, rows))
    problems: dict[str, str] = {}
    assert store.find(record["identity"], problems=problems) == []
    assert problems == {id: "episode 1: metrics: 'x' is not of type 'object'"}


def test_a_suite_names_an_unreadable_record_and_runs_its_cell(tmp_path, capsys):
    suite, place = tmp_path / "s.toml", tmp_path / "store"
    suite.write_text(
        '[evaluation]\nepisodes = 3\n[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\n'
    )
    command = ["benchmark", str(suite), "--store", str(place)]
    assert main(command) == 0
    [first] = RecordStore(place).records()
    rows = first.episodes()
    rows[1]["text"] = 5
    bad = plant(place, lines_of(first.data, rows))
    (place / f"{first.id}.jsonl.gz").rename(tmp_path / "away")
    capsys.readouterr()
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert named(err).keys() == {bad[:12]}
    assert "1 done, 0 in the store before" in out


EXTREMES = [1e30, -1e30, 5e-324, -5e-324, 1e-160, 0.0, 1.0]


@pytest.mark.parametrize("seeds", [1, 3, 21])
def test_extreme_rewards_break_no_statistic(store, seeds, capsys):
    rng = random.Random(seeds)
    for agent in ("random", "constant", "reference", "tiny-a", "tiny-b", "huge"):
        pool = [5e-324, 1e-160, 0.0] if agent.startswith("tiny") else EXTREMES
        trained = agent.startswith(("tiny", "huge"))
        for seed in range(seeds) if trained else [None]:
            record, rows = made_up.run(agent, seed, [rng.choice(pool) for _ in range(4)])
            plant(store.path, good(record, rows))
    assert main(["leaderboard", "show", "--store", str(store.path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 100
    assert all(agent in out for agent in ("random", "reference", "tiny-a", "huge"))
    assert main(["leaderboard", "show", "--json", "--store", str(store.path)]) == 0
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert main(["leaderboard", "compare", "huge", "--store", str(store.path)]) == 0


def test_a_failed_record_shows_its_invalid_specification(store):
    for spec in ({"bleu": "much"}, [{"id": "bleu", "weight": "much"}], 5, [[]], {"id": {"id": 1}}):
        record = made_up.failure("a", 1)
        record["spec"]["training"]["reward"] = {"spec": spec, "signature": None}
        plant(store.path, good(refitted(record, [])[0], []))
    board = read_leaderboard(store)
    assert board.problems == {}
    assert sum(row.failed_runs for table in board.tables for row in table.rows) == 5


BOUNDS = [0, 1, -1, 2**53, 2**53 + 1, 1e30, 1.1e30, -1e30, -1.1e30, 1e12, 1.1e12, True, None, "x", 2.0, []]


@pytest.mark.parametrize("part", ["episode", "curve_row"])
def test_every_row_that_passes_the_fast_check_is_valid(part, monkeypatch):
    monkeypatch.setattr("llm_benchmarks.records.schema.PLAIN", {})
    plain = {"episode": is_plain_episode, "curve_row": is_plain_curve_row}[part]
    good_row = made_up.run()[1][0] if part == "episode" else CURVE[0]
    assert plain(good_row)
    names = (
        [*good_row, "reward_components.bleu", "metrics.success", "action_ids.1"]
        if part == "episode"
        else good_row
    )
    answers = set()
    for name in names:
        for value in BOUNDS:
            row = json.loads(json.dumps(good_row))
            changed(row, name, value)
            answers.add(plain(row))
            if plain(row):
                check_schema(row, part, "row")
        if "." not in name:
            row.pop(name)
            assert plain(row) == (name not in record_schema()["$defs"][part]["required"])
    assert answers == {True, False}


def test_errors_of_any_length_can_be_recorded():
    error = error_section(ValueError("x" * 5_000_000))
    done = {"provenance": made_up.provenance(), "cost": made_up.cost()}
    record = new_record(made_up.spec(), made_up.facts(), status="failed", error=error, **done)
    assert record["error"] is not None
    assert len(record["error"]["message"]) == 100_000


def test_a_record_too_large_to_read_is_not_written(store, monkeypatch):
    record, rows = made_up.run()
    with monkeypatch.context() as patch:
        patch.setattr("llm_benchmarks.records.record_file.MAX_BYTES", 100)
        with pytest.raises(RecordError, match=r"record: has [\d,]+ bytes; at most 100 are read"):
            store.write(record, rows)
    rows[0]["reward"] = 1e40
    with pytest.raises(RecordError, match=r"episode 0: reward: 1e\+40"):
        store.write(record, rows)
