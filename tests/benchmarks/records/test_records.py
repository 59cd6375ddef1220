import copy
import math
import re
from dataclasses import replace

import jsonschema
import made_up
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_baselines.spec import RewardSpec
from llm_benchmarks.records.provenance import collect_provenance, peak_memory_bytes, utc_now
from llm_benchmarks.records.record import check_record, error_section, new_record, seeds_are_disjoint
from llm_benchmarks.records.results import check_results, summarize
from llm_benchmarks.records.schema import former_schema, record_schema
from llm_benchmarks.records.values import RecordError, canonical_json, content_hash
from llm_envs.evaluation import episode_seed


def changed(record, path, value):
    record = copy.deepcopy(record)
    *steps, last = path.split(".")
    place = record
    for step in steps:
        place = place[step]
    place[last] = value
    return record


DONE = {"provenance": made_up.provenance(), "cost": made_up.cost()}


@pytest.mark.parametrize("schema", [record_schema(), former_schema()])
def test_the_schemas_are_valid_json_schemas(schema):
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema_version", 3, "schema_version: 3 is unknown; this release reads 1 and 2"),
        ("schema_version", 2.0, "schema_version: 2.0 is unknown; this release reads 1 and 2"),
        ("status", "done", "status: 'done' is not one of"),
        ("spec.environment.id", 3, "spec.environment.id: 3 is not of type 'string'"),
        ("spec.environment.signature", None, "spec.environment.signature: None is not of type 'string'"),
        (
            "spec.environment.colour",
            "red",
            "spec.environment: Additional properties are not allowed ('colour'",
        ),
        ("spec.agent.track", "magic", "spec.agent.track: 'magic' is not one of"),
        ("spec.agent.trials", -1, "spec.agent.trials: -1 is less than the minimum of 0"),
        ("spec.training.seed", 1.5, "spec.training.seed: 1.5"),
        ("provenance.started_at", "yesterday", "provenance.started_at: 'yesterday' does not match"),
        ("cost.environment_steps", None, "cost.environment_steps: None is not of type 'integer'"),
        ("cost.peak_memory_bytes", math.nan, "cost.peak_memory_bytes: NaN"),
        ("results", None, "results: None is not of type 'object'"),
        ("results.mean_reward", math.inf, "results.mean_reward: inf is not a finite number"),
        ("error", {"type": "E", "message": "", "traceback": ""}, "error: "),
        ("identity", "0" * 64, "identity: does not follow"),
        ("spec.evaluation.seed", 778, "identity: does not follow"),
        ("spec.variant", None, "spec.variant: None is not of type 'string'"),
        ("facts.context_length", 0, "facts.context_length: 0 is less than the minimum of 1"),
    ],
)
def test_a_wrong_field_is_refused_by_name(path, value, message):
    record, _ = made_up.run()
    check_record(record)
    with pytest.raises(RecordError, match=re.escape(f"record: {message}")):
        check_record(changed(record, path, value))


def test_a_correction_is_the_only_section_that_may_be_absent():
    assert record_schema()["properties"].keys() - set(record_schema()["required"]) == {"supersedes"}


@pytest.mark.parametrize("section", sorted(record_schema()["required"]))
def test_every_section_is_required(section):
    record, _ = made_up.run()
    del record[section]
    with pytest.raises(RecordError, match=section):
        check_record(record)


def test_a_failed_run_needs_an_error_and_may_lack_facts():
    record = made_up.failure(signature=None)
    assert record["spec"]["environment"]["signature"] is None
    with pytest.raises(RecordError, match="error: None is not of type 'object'"):
        check_record(changed(record, "error", None))


def test_new_record_names_a_missing_section():
    facts = made_up.facts()
    del facts["tokenizer"]
    with pytest.raises(RecordError, match="record: facts: 'tokenizer' is a required property"):
        new_record(made_up.spec(), facts, status="interrupted", **DONE)


def test_numpy_values_become_json():
    spec = made_up.spec(config={"lr": np.float32(0.5), "layers": (np.int64(2), 3)})
    record = new_record(spec, made_up.facts(), status="interrupted", **DONE)
    assert record["spec"]["agent"]["config"] == {"lr": 0.5, "layers": [2, 3]}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"net": object()}, "spec.agent.config.net: object cannot be written as JSON"),
        ({"lr": float("nan")}, "spec.agent.config.lr: NaN"),
        ({"layers": {3: 1}}, "spec.agent.config.layers: key 3 is not a string"),
    ],
)
def test_values_that_json_cannot_hold_are_refused_by_name(config, message):
    with pytest.raises(RecordError, match=message):
        new_record(made_up.spec(config=config), made_up.facts(), status="interrupted", **DONE)


def test_shared_seeds_are_detected():
    def disjoint(training, evaluation, tuning):
        spec = made_up.spec(seed=training)
        agent = replace(spec.agent, tuning_seeds=tuple(tuning))
        return seeds_are_disjoint(
            replace(spec, agent=agent, evaluation=replace(spec.evaluation, seed=evaluation))
        )

    assert disjoint(1, 2, [3])
    assert disjoint(None, 2, [3])
    assert not disjoint(2, 2, [3])
    assert not disjoint(1, 2, [1])
    assert not disjoint(1, 2, [2])


def test_the_identity_depends_only_on_the_spec():
    spec = made_up.spec()
    identity = spec.identity()

    def judged(**changes):
        return replace(spec, evaluation=replace(spec.evaluation, **changes))

    assert made_up.run()[0]["identity"] == identity
    assert made_up.failure()["identity"] == identity
    for other in (
        made_up.spec(seed=2),
        made_up.spec(agent="sb3-ppo"),
        made_up.spec(config={"lr": 0.002}),
        made_up.spec(reward="bleu"),
        made_up.spec(steps=2000),
        made_up.spec(signature="env-b"),
        made_up.spec(kwargs={"dataset": "en-zh"}),
        made_up.spec(split="validation"),
        made_up.spec(n=8),
        replace(spec, agent=replace(spec.agent, track="pretrained")),
        judged(seed=778),
        judged(reward=RewardSpec(spec="bleu", signature="sig-bleu")),
        judged(deterministic=False),
        judged(decoding={"temperature": 0.5}),
    ):
        assert other.identity() != identity
    for same in (made_up.spec(experiment="text"), made_up.spec(variant="no warm start"), judged(num_envs=99)):
        assert same.identity() == identity


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


def test_results_must_follow_from_the_episodes():
    record, rows = made_up.run()
    check_results(record, rows)
    assert record["results"]["mean_reward"] == 0.25
    check_results(changed(record, "results.mean_reward", 0.25 + 1e-12), rows)
    with pytest.raises(RecordError, match=r"results.mean_reward: 0\.2501, but the episodes give 0.25"):
        check_results(changed(record, "results.mean_reward", 0.2501), rows)
    with pytest.raises(RecordError, match=r"results.mean_reward: 0\.9, but the episodes give"):
        check_results(changed(record, "results.mean_reward", 0.9), rows)
    with pytest.raises(RecordError, match="episode 0: index: 1, expected 0"):
        check_results(record, rows[1:])
    with pytest.raises(RecordError, match="results: the record has results but no episodes"):
        check_results(record, [])


def test_episode_seeds_must_follow_from_the_evaluation_seed():
    record, rows = made_up.run()
    expected = episode_seed(777, 2)
    assert rows[2]["seed"] == expected
    rows[2]["seed"] = expected + 1
    message = (
        f"episode 2: seed: {expected + 1}, expected {expected}, "
        "that of episode 2 under spec.evaluation.seed 777"
    )
    with pytest.raises(RecordError, match=message):
        check_results(record, rows)
    record, rows = made_up.run()
    with pytest.raises(RecordError, match=r"episode 0: seed: .* under spec.evaluation.seed 778"):
        check_results(changed(record, "spec.evaluation.seed", 778), rows)


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


def test_collected_provenance_is_valid_by_the_schema():
    found = collect_provenance(started_at=utc_now(), packages=("pytest", "no-such-package"))
    record = {**made_up.run()[0], "provenance": found}
    check_record(record)
    assert "pytest" in found["packages"]
    assert "no-such-package" not in found["packages"]
    assert found["started_at"] <= found["finished_at"]
    assert peak_memory_bytes() > 1_000_000
