import copy
import math
import re

import jsonschema
import made_up
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_benchmarks.records.provenance import collect_provenance, peak_memory_bytes, utc_now
from llm_benchmarks.records.record import (
    RecordError,
    canonical_json,
    cell_key,
    check_record,
    check_results,
    content_hash,
    error_section,
    new_record,
    record_schema,
    summarize,
)
from llm_envs.evaluation import episode_seed


def changed(record, path, value):
    record = copy.deepcopy(record)
    *steps, last = path.split(".")
    place = record
    for step in steps:
        place = place[step]
    place[last] = value
    return record


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(record_schema())


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema_version", 2, "schema_version: 2 is unknown; this release reads 1"),
        ("status", "done", "status: 'done' is not one of"),
        ("env.id", 3, "env.id: 3 is not of type 'string'"),
        ("env.signature", None, "env.signature: None is not of type 'string'"),
        ("env.colour", "red", "env: Additional properties are not allowed ('colour'"),
        ("track", "magic", "track: 'magic' is not one of"),
        ("agent.tuning.trials", -1, "agent.tuning.trials: -1 is less than the minimum of 0"),
        ("seeds.training", 1.5, "seeds.training: 1.5"),
        ("provenance.started_at", "yesterday", "provenance.started_at: 'yesterday' does not match"),
        ("cost.environment_steps", None, "cost.environment_steps: None is not of type 'integer'"),
        ("cost.peak_memory_bytes", math.nan, "cost.peak_memory_bytes: NaN"),
        ("results", None, "results: None is not of type 'object'"),
        ("results.mean_reward", math.inf, "results.mean_reward: inf is not a finite number"),
        ("error", {"type": "E", "message": "", "traceback": ""}, "error: "),
        ("cell_key", "0" * 64, "cell_key: does not follow"),
        ("seeds.evaluation", 778, "cell_key: does not follow"),
        ("seeds.disjoint", False, "seeds.disjoint: is not what the seeds say"),
    ],
)
def test_a_wrong_field_is_refused_by_name(path, value, message):
    record, _ = made_up.run()
    check_record(record)
    with pytest.raises(RecordError, match=re.escape(f"record.json: {message}")):
        check_record(changed(record, path, value))


@pytest.mark.parametrize("section", sorted(record_schema()["properties"]))
def test_every_section_is_required(section):
    record, _ = made_up.run()
    del record[section]
    with pytest.raises(RecordError, match=section):
        check_record(record)


def test_a_failed_run_needs_its_error_and_may_lack_what_was_not_found_out():
    record = made_up.failure(signature=None)
    assert record["env"]["signature"] is None
    with pytest.raises(RecordError, match="error: None is not of type 'object'"):
        check_record(changed(record, "error", None))


def test_new_record_names_a_missing_section():
    plan = made_up.plan()
    del plan["decoding"]
    with pytest.raises(RecordError, match="decoding: is missing"):
        new_record(plan, status="completed")
    with pytest.raises(RecordError, match="'cost' is a required property"):
        new_record(made_up.plan(), status="interrupted", provenance=made_up.provenance())


def test_numpy_values_become_json():
    plan = made_up.plan(config={"lr": np.float32(0.5), "layers": (np.int64(2), 3)})
    record = new_record(plan, status="interrupted", provenance=made_up.provenance(), cost=made_up.cost())
    assert record["agent"]["config"] == {"lr": 0.5, "layers": [2, 3]}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"net": object()}, "agent.config.net: object cannot be written as JSON"),
        ({"lr": float("nan")}, "agent.config.lr: NaN"),
        ({"layers": {3: 1}}, "agent.config.layers: key 3 is not a string"),
    ],
)
def test_what_json_cannot_say_is_refused_by_name(config, message):
    with pytest.raises(RecordError, match=message):
        new_record(made_up.plan(config=config), status="interrupted")


def test_seeds_that_serve_twice_are_marked():
    def disjoint(training, evaluation, tuning):
        plan = made_up.plan(seed=training)
        plan["seeds"]["evaluation"] = evaluation
        plan["agent"]["tuning"]["seeds"] = tuning
        done = {"provenance": made_up.provenance(), "cost": made_up.cost()}
        return new_record(plan, status="interrupted", **done)["seeds"]["disjoint"]

    assert disjoint(1, 2, [3])
    assert disjoint(None, 2, [3])
    assert not disjoint(2, 2, [3])
    assert not disjoint(1, 2, [1])
    assert not disjoint(1, 2, [2])


def test_cell_key_follows_what_is_asked_for_only():
    key = cell_key(made_up.plan())
    assert cell_key(made_up.run()[0]) == key
    assert cell_key(made_up.failure()) == key
    for other in (
        made_up.plan(seed=2),
        made_up.plan(agent="sb3-ppo"),
        made_up.plan(config={"lr": 0.002}),
        made_up.plan(reward="bleu"),
        made_up.plan(steps=2000),
        made_up.plan(signature="env-b"),
        made_up.plan(kwargs={"dataset": "en-zh"}),
        made_up.plan(split="validation"),
        made_up.plan(n=8),
        changed(made_up.plan(), "track", "pretrained"),
        changed(made_up.plan(), "seeds.evaluation", 778),
        changed(made_up.plan(), "reward.evaluation", {"spec": "bleu", "signature": "sig-bleu"}),
        changed(made_up.plan(), "decoding.deterministic", False),
        changed(made_up.plan(), "decoding.options", {"temperature": 0.5}),
    ):
        assert cell_key(other) != key
    for path, value in (("decoding.num_envs", 99), ("agent.parameters", 5), ("dataset.hash", None)):
        assert cell_key(changed(made_up.plan(), path, value)) == key


def test_summary_by_hand():
    rows = made_up.episodes([0.0, 1.0, 2.0], success=[1.0, 0.0, None])
    assert summarize(rows) == {
        "episodes": 3,
        "mean_reward": 1.0,
        "std_reward": 1.0,
        "metrics": {"success": 0.5},
        "finish_reasons": {"length": 2, "stop": 1},
        "mean_length": 3.0,
    }
    assert summarize([]) is None


def test_results_must_be_those_of_the_episodes():
    record, rows = made_up.run()
    check_results(record, rows)
    assert record["results"]["mean_reward"] == 0.25
    check_results(changed(record, "results.mean_reward", 0.25 + 1e-12), rows)
    with pytest.raises(RecordError, match=r"results.mean_reward: 0\.2501, but episodes.jsonl gives 0.25"):
        check_results(changed(record, "results.mean_reward", 0.2501), rows)
    with pytest.raises(RecordError, match=r"results.mean_reward: 0\.9, but episodes.jsonl gives"):
        check_results(changed(record, "results.mean_reward", 0.9), rows)
    with pytest.raises(RecordError, match="line 1: index: 1, expected 0"):
        check_results(record, rows[1:])
    with pytest.raises(RecordError, match=r"episodes.jsonl: is empty"):
        check_results(record, [])


def test_episodes_must_have_been_played_with_the_records_evaluation_seed():
    record, rows = made_up.run()
    wanted = episode_seed(777, 2)
    assert rows[2]["seed"] == wanted
    rows[2]["seed"] = wanted + 1
    message = f"line 3: seed: {wanted + 1}, expected {wanted}, that of episode 2 under seeds.evaluation 777"
    with pytest.raises(RecordError, match=f"episodes.jsonl {message}"):
        check_results(record, rows)
    record, rows = made_up.run()
    with pytest.raises(RecordError, match=r"line 1: seed: .* under seeds.evaluation 778"):
        check_results(changed(record, "seeds.evaluation", 778), rows)


def test_canonical_json_does_not_depend_on_order():
    assert canonical_json({"b": 1, "a": (2,)}) == b'{"a":[2],"b":1}'
    assert content_hash({"b": 1, "a": [2]}) == content_hash({"a": [2], "b": 1})


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.floats(0, 1)), max_size=5))
def test_equal_values_have_equal_hashes(value):
    assert content_hash(value) == content_hash(dict(reversed(value.items())))


def test_error_section_of_an_exception():
    try:
        raise RuntimeError("out of luck")
    except RuntimeError as error:
        section = error_section(error)
    assert (section["type"], section["message"]) == ("RuntimeError", "out of luck")
    assert "test_error_section_of_an_exception" in section["traceback"]


def test_collected_provenance_is_what_the_schema_asks_for():
    found = collect_provenance(started_at=utc_now(), packages=("pytest", "no-such-package"))
    record = {**made_up.run()[0], "provenance": found}
    check_record(record)
    assert "pytest" in found["packages"]
    assert "no-such-package" not in found["packages"]
    assert found["started_at"] <= found["finished_at"]
    assert peak_memory_bytes() > 1_000_000
