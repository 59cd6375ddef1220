import io
import json
import re

import gymnasium as gym
import made_up
import pytest
from hostile import forge
from rich.console import Console

from llm_benchmarks.leaderboard import baselines
from llm_benchmarks.leaderboard.scores import Scores
from llm_benchmarks.leaderboard.statistics import cluster_interval, mean_interval
from llm_benchmarks.leaderboard.tables import leaderboard_table, leaderboard_tables
from llm_benchmarks.leaderboard.view import read_leaderboard, show


def add(store, *arguments, **options):
    return store.write(*made_up.run(*arguments, **options))


def around(mean):
    """Four rewards with this mean, different on every example."""
    return [mean - 0.03, mean - 0.01, mean + 0.01, mean + 0.03]


@pytest.fixture
def anchored(store):
    """Random 0.1, a constant text 0.3, the reference 0.9."""
    for agent, mean in (("random", 0.1), ("constant", 0.3), ("reference", 0.9)):
        add(store, agent, None, around(mean))
    return store


def rows_of(store):
    return {f"{row.agent} {row.label}".strip(): row for row in leaderboard_table(store.records())}


def printed(store, **options):
    out = io.StringIO()
    show(store, console=Console(file=out, width=100), **options)
    return out.getvalue()


def test_rows_are_ranked_by_score(anchored):
    for seed, mean in ((1, 0.58), (2, 0.6), (3, 0.62)):
        add(anchored, "sb3-dqn", seed, around(mean))
    rows = leaderboard_table(anchored.records())
    assert [(row.rank, row.rank_last, row.agent) for row in rows] == [
        (1, 1, "reference"),
        (2, 2, "sb3-dqn"),
        (3, 3, "constant"),
        (4, 4, "random"),
    ]


def test_rows_that_cannot_be_told_apart_share_ranks(anchored):
    for agent, first in (("one", 1), ("the same again", 11)):
        for seed, mean in enumerate((0.58, 0.6, 0.62), start=first):
            add(anchored, agent, seed, around(mean))
    (table,) = leaderboard_tables(anchored.records())
    ranks = {row.agent: (row.rank, row.rank_last) for row in table.rows}
    assert ranks["one"] == ranks["the same again"] == (2, 3)
    assert ranks["constant"] == (4, 4)
    assert table.tie_groups == ((1, 2),)
    assert table.p_values[1][2] == 1.0
    text = printed(anchored)
    assert text.count("2–3") == 2
    assert "ranks: 3 of 4 rows can be told apart from the next one" in text


def test_a_failed_agent_has_no_rank_and_no_comparison(anchored):
    anchored.write(made_up.failure("broken", 1))
    (table,) = leaderboard_tables(anchored.records())
    assert (table.rows[-1].agent, table.rows[-1].rank, table.rows[-1].rank_last) == ("broken", None, None)
    assert len(table.p_values) == 3


def test_the_scale_of_an_environment_of_the_package_does_not_depend_on_the_store(store):
    shipped = next(table for table in baselines.shipped()["tables"] if table["env"] == "Translation-EnZh-v0")
    known = {row["agent"]: row["score"] for row in shipped["rows"]}
    for agent, mean in (("random", 0.3), ("reference", 0.7), ("mine", 0.5)):
        record, rows = made_up.run(agent, None, around(mean), signature=shipped["signature"])
        record["spec"]["evaluation"]["reward"]["signature"] = shipped["reward"]
        store.write(made_up.identified(record), rows)
    expected = (0.5 - known["random"]) / (known["reference"] - known["random"])
    assert rows_of(store)["mine"].normalized == pytest.approx(expected)


def test_a_row_by_hand(anchored):
    for seed, mean in ((1, 0.5), (2, 0.6), (3, 0.7)):
        add(anchored, "sb3-dqn", seed, around(mean), success=[0.0, 0.0, 1.0, 1.0])
    row = rows_of(anchored)["sb3-dqn"]
    expected = mean_interval([0.5, 0.6, 0.7])
    assert row.score == pytest.approx(0.6)
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high))
    assert row.interval == "t"
    assert (row.seeds, row.runs, row.failed_runs) == (3, 3, 0)
    assert row.normalized == pytest.approx((0.6 - 0.1) / (0.9 - 0.1))
    assert row.metrics == {"success": 0.5}
    assert (row.training_steps, row.training_seconds) == (1000, 60)
    assert row.beats_random == "yes"
    assert row.beats_random_by == "welch"
    assert row.difference_to_random.estimate == pytest.approx(0.5)
    assert row.not_above_constant is False
    assert len(row.records) == 3


def test_agents_without_seeds_have_an_interval_over_examples(anchored):
    row = rows_of(anchored)["random"]
    expected = cluster_interval(around(0.1), range(4))
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high))
    assert (row.interval, row.seeds, row.normalized) == ("cluster t", 0, 0.0)
    assert row.beats_random is None
    assert rows_of(anchored)["reference"].normalized == 1.0
    assert rows_of(anchored)["reference"].beats_random_by == "by example"


def test_a_missing_anchor_leaves_no_normalised_score(store):
    add(store, "random", None, around(0.1))
    add(store, "sb3-dqn", 1, around(0.5))
    row = rows_of(store)["sb3-dqn"]
    assert row.normalized is None
    assert row.not_above_constant is None
    assert row.beats_random == "yes"


def test_scores_are_normalised_by_the_anchors_of_most_episodes(store):
    add(store, "random", None, around(0.1) * 2)
    add(store, "random", None, around(0.4))
    add(store, "reference", None, around(0.9) * 2)
    add(store, "reference", None, around(1.7))
    add(store, "sb3-dqn", 1, around(0.5))
    assert rows_of(store)["sb3-dqn"].normalized == pytest.approx(0.5)


def test_a_single_seed_is_compared_by_example_with_a_note(anchored):
    add(anchored, "sb3-dqn", 1, around(0.5))
    row = rows_of(anchored)["sb3-dqn"]
    assert (row.low, row.high, row.interval, row.seeds) == (None, None, "open", 1)
    assert (row.beats_random, row.beats_random_by) == ("yes", "by example")
    assert "one seed" in row.notes[0]
    assert "one seed" in printed(anchored)


def test_evaluating_a_seed_again_makes_no_second_seed(anchored):
    record, rows = made_up.run("sb3-dqn", 1, around(0.4))
    anchored.write(record, rows)
    record["provenance"]["threads"] = 2
    anchored.write(record, rows)
    row = rows_of(anchored)["sb3-dqn"]
    assert (row.seeds, row.runs, row.interval) == (1, 2, "open")


def test_evaluations_of_one_seed_weigh_by_their_episodes(store):
    add(store, "sb3-dqn", 1, [1.0] * 4)
    add(store, "sb3-dqn", 1, [0.0] * 2)
    add(store, "sb3-dqn", 2, [0.5] * 3)
    assert Scores.of(store.records()).by_seed == {1: pytest.approx(4 / 6), 2: 0.5}


def test_seeds_that_disagree_give_an_unclear_verdict(anchored):
    add(anchored, "sb3-dqn", 1, around(0.05))
    add(anchored, "sb3-dqn", 2, around(0.6))
    add(anchored, "sb3-ppo", 1, around(0.02))
    row = rows_of(anchored)["sb3-dqn"]
    assert row.beats_random == "unclear"
    assert row.not_above_constant is True
    assert rows_of(anchored)["sb3-ppo"].beats_random == "no"
    assert "not above the best constant text" in printed(anchored)


def test_trained_agents_are_paired_by_seed(store):
    for seed, luck in ((1, 0.0), (2, 0.3), (3, 0.5)):
        add(store, "random", seed, around(0.1 + luck))
        add(store, "sb3-dqn", seed, around(0.15 + luck + 0.01 * seed))
    row = rows_of(store)["sb3-dqn"]
    assert row.beats_random_by == "paired by seed"
    assert row.beats_random == "yes"


def test_every_configuration_of_an_agent_has_its_own_row(anchored):
    net = {"layers": 2}
    add(anchored, "sb3-dqn", 1, around(0.5), config={"lr": 0.1, "net": net, "seed": 1})
    add(anchored, "sb3-dqn", 2, around(0.5), config={"lr": 0.1, "net": net, "seed": 2})
    add(anchored, "sb3-dqn", 1, around(0.4), config={"lr": 0.2, "net": net})
    add(anchored, "sb3-dqn", 1, around(0.45), config={"lr": 0.1, "net": net}, steps=5000)
    add(anchored, "sb3-dqn", 1, around(0.35), config={"lr": 0.1, "net": net}, reward="bleu")
    rows = rows_of(anchored)
    assert set(rows) - {"random", "constant", "reference"} == {
        "sb3-dqn reward=default steps=1000 lr=0.1",
        "sb3-dqn reward=default steps=1000 lr=0.2",
        "sb3-dqn reward=default steps=5000 lr=0.1",
        "sb3-dqn reward=bleu steps=1000 lr=0.1",
    }
    assert rows["sb3-dqn reward=default steps=1000 lr=0.1"].seeds == 2


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("evaluation", "deterministic", False),
        ("evaluation", "decoding", {"temperature": 0.5}),
        ("agent", "base_model", {"name": "gpt2", "hash": None}),
        ("agent", "trials", 50),
    ],
)
def test_other_decoding_base_model_or_trials_give_another_row(store, section, name, value):
    add(store, "sb3-dqn", 1, around(0.5))
    record, rows = made_up.run("sb3-dqn", 2, around(0.9))
    record["spec"][section][name] = value
    store.write(made_up.identified(record), rows)
    found = leaderboard_table(store.records())
    assert sorted(row.score for row in found) == pytest.approx([0.5, 0.9])
    assert {row.seeds for row in found} == {1}


def test_every_label_has_the_rows_value_of_a_differing_option(anchored):
    for steps in (1000, 5000):
        add(anchored, "sb3-dqn", 1, around(0.5), steps=steps)
    assert {"sb3-dqn steps=1000", "sb3-dqn steps=5000"} <= set(rows_of(anchored))


def test_rows_are_labelled_by_the_variant_of_their_runs(anchored):
    for seed in (1, 2):
        add(anchored, "sb3-dqn", seed, around(0.5), variant="no warm start")
        add(anchored, "sb3-dqn", seed, around(0.4), config={"lr": 0.2})
    add(anchored, "sb3-ppo", 1, around(0.4), variant="alone")
    rows = rows_of(anchored)
    assert {"sb3-dqn no warm start", "sb3-dqn lr=0.2", "sb3-ppo alone"} <= set(rows)
    assert rows["sb3-dqn no warm start"].seeds == 2


def test_two_names_of_one_configuration_are_one_row(anchored):
    add(anchored, "sb3-dqn", 1, around(0.5), variant="a")
    add(anchored, "sb3-dqn", 2, around(0.5), variant="b")
    assert rows_of(anchored)["sb3-dqn a, b"].seeds == 2


def test_equal_variants_of_two_configurations_get_distinct_labels(anchored):
    for steps in (1000, 5000):
        add(anchored, "sb3-dqn", 1, around(0.5), steps=steps, variant="a")
    labels = [row.label for row in leaderboard_table(anchored.records()) if row.agent == "sb3-dqn"]
    assert len(set(labels)) == 2
    assert all(re.fullmatch("a #[0-9a-f]{6}", label) for label in labels)


def test_an_experiment_is_shown_with_the_anchors_of_its_tables(anchored):
    add(anchored, "sb3-dqn", 1, around(0.5), experiment="text")
    add(anchored, "sb3-ppo", 1, around(0.4), experiment="parts")
    add(anchored, "sb3-ppo", 1, around(0.4), env="Dialogue-v0", experiment="parts")
    [table] = read_leaderboard(anchored, experiment="text").tables
    assert {row.agent for row in table.rows} == {"random", "constant", "reference", "sb3-dqn"}
    assert {row.agent: row.experiments for row in table.rows}["sb3-dqn"] == ("text",)
    whole = rows_of_env(anchored, "Translation-v0")
    assert {row.agent: row for row in table.rows}["sb3-dqn"].normalized == whole["sb3-dqn"].normalized
    assert "sb3-ppo" not in printed(anchored, experiment="text")
    with pytest.raises(ValueError, match=r"experiment 'texts'.*did you mean 'text'.*there are parts, text"):
        read_leaderboard(anchored, experiment="texts")


def rows_of_env(store, env):
    return {row.agent: row for row in leaderboard_table(store.records(), env)}


def test_equal_labels_get_distinct_suffixes(store):
    for value in (1, 2):
        config = {"a": value, "b": value, "c": value, "d": 0}
        add(store, "sb3-dqn", 1, around(0.5), config=config)
        add(store, "sb3-dqn", 1, around(0.6), config={**config, "d": 1})
    labels = [row.label for row in leaderboard_table(store.records())]
    assert len(set(labels)) == 4
    assert all("+1 more" in label for label in labels)


@pytest.mark.parametrize(
    ("reward", "label"),
    [
        ("bleu", "bleu"),
        ({"sentiment": 1.0, "length_penalty": -0.2}, "sentiment-0.2*length_penalty"),
        ([{"id": "bleu", "max_order": 2, "weight": 10.0}, {"id": "mine:Praise"}], "10*bleu+Praise"),
        ({"id": "bleu", "max_order": 2}, "bleu"),
    ],
)
def test_a_label_shows_a_reward_once_as_a_sum(store, reward, label):
    add(store, "sb3-dqn", 1, around(0.5), config={"reward": "default"})
    add(store, "sb3-dqn", 1, around(0.5), config={"reward": reward}, reward=reward)
    assert f"sb3-dqn reward={label}" in rows_of(store)


def test_a_long_label_names_the_data_first(store):
    for fraction in (0.3, 1.0):
        config = dict.fromkeys("abcd", fraction) | {"supervised": {"train_fraction": fraction}}
        add(store, "token_dqn", 1, around(0.5), config=config)
    labels = " ".join(row.label for row in leaderboard_table(store.records()))
    assert "supervised.train_fraction=0.3 " in labels
    assert "supervised.train_fraction=1 " in labels


def test_incomparable_scores_have_separate_tables(anchored):
    add(anchored, "sb3-dqn", 1, around(0.5), signature="env-b", kwargs={"max_new_tokens": 9})
    add(anchored, "sb3-dqn", 1, around(0.6), split="validation")
    tables = leaderboard_tables(anchored.records())
    assert [sorted(row.agent for row in table.rows) for table in tables] == [
        ["constant", "random", "reference"],
        ["sb3-dqn"],
        ["sb3-dqn"],
    ]
    assert {"kwargs.max_new_tokens": 9, "split": "test"} in [dict(t.differences) for t in tables]
    with pytest.raises(ValueError, match=r"3 tables cannot be compared.*max_new_tokens"):
        leaderboard_table(anchored.records())
    text = printed(anchored)
    assert "kwargs.max_new_tokens: 9" in text
    assert "split: validation" in text


def test_an_early_failure_has_its_own_table_if_several_are_possible(anchored):
    add(anchored, "sb3-dqn", 1, around(0.5), signature="env-b", kwargs={"max_new_tokens": 9})
    anchored.write(made_up.failure("sb3-ppo", 1, signature=None))
    tables = leaderboard_tables(anchored.records())
    assert sorted(sorted(row.agent for row in table.rows) for table in tables) == [
        ["constant", "random", "reference"],
        ["sb3-dqn"],
        ["sb3-ppo"],
    ]


def test_an_unexplained_difference_of_signatures_is_named(store):
    add(store, "sb3-dqn", 1, signature="env-a")
    add(store, "sb3-dqn", 1, signature="env-b")
    tables = leaderboard_tables(store.records())
    assert [dict(table.differences) for table in tables] == [
        {"signature": "env-a"},
        {"signature": "env-b"},
    ]


def test_a_reward_that_is_not_the_ids_own_is_named_above_its_table(store):
    record, rows = made_up.run("sb3-dqn", 1)
    record["spec"]["evaluation"]["reward"] = {"spec": "rhymes", "signature": "rhymes|v1"}
    store.write(made_up.identified(record), rows)
    (table,) = leaderboard_tables(store.records())
    assert dict(table.differences) == {"reward": "rhymes"}
    assert "reward: rhymes" in printed(store)


def test_environments_have_separate_tables_and_are_chosen_by_id(anchored):
    add(anchored, "sb3-dqn", 1, around(0.5), env="Dialogue-v0")
    assert [table.env for table in leaderboard_tables(anchored.records())] == [
        "Dialogue-v0",
        "Translation-v0",
    ]
    [row] = leaderboard_table(anchored.records(), env="Dialogue-v0")
    assert row.normalized is None
    assert "Translation-v0" not in printed(anchored, env="Dialogue-v0")
    assert "no records of TextGen-v0" in printed(anchored, env="TextGen-v0")


def test_failed_runs_are_shown(anchored):
    add(anchored, "sb3-dqn", 1, around(0.5))
    anchored.write(made_up.failure("sb3-dqn", 2))
    anchored.write(made_up.failure("sb3-dqn", 3, signature=None))
    anchored.write(made_up.failure("sb3-ppo", 1))
    rows = rows_of(anchored)
    assert (rows["sb3-dqn"].seeds, rows["sb3-dqn"].failed_runs) == (1, 2)
    ppo = rows["sb3-ppo"]
    assert (ppo.rank, ppo.score, ppo.failed_runs, ppo.beats_random) == (None, None, 1, None)
    assert re.search(r"sb3-ppo .* 1 -", printed(anchored))


def test_episodes_of_an_interrupted_run_give_no_score(anchored):
    record, rows = made_up.run("sb3-dqn", 1, around(0.8))
    record["status"] = "interrupted"
    anchored.write(record, rows)
    row = rows_of(anchored)["sb3-dqn"]
    assert (row.rank, row.score, row.runs, row.failed_runs) == (None, None, 0, 1)
    add(anchored, "sb3-dqn", 2, around(0.5))
    assert rows_of(anchored)["sb3-dqn"].score == pytest.approx(0.5)


def test_a_repeated_run_no_longer_counts_as_failed(anchored):
    anchored.write(made_up.failure("sb3-dqn", 1))
    add(anchored, "sb3-dqn", 1, around(0.5))
    row = rows_of(anchored)["sb3-dqn"]
    assert (row.failed_runs, row.retried_runs) == (0, 1)


def test_a_repeated_early_failure_no_longer_counts_as_failed(anchored):
    anchored.write(made_up.failure("sb3-dqn", 1, signature=None, n=None))
    add(anchored, "sb3-dqn", 1, around(0.5))
    row = rows_of(anchored)["sb3-dqn"]
    assert (row.seeds, row.failed_runs, row.retried_runs) == (1, 0, 1)


def test_another_reward_timing_gives_another_row(anchored):
    add(anchored, "sb3-dqn", 1, around(0.5))
    add(anchored, "sb3-dqn", 1, around(0.9), kwargs={"reward_timing": "dense"})
    shown = printed(anchored)
    assert "reward_timing=dense" in shown


def test_a_reward_that_others_cannot_verify_gets_a_note(anchored):
    add(anchored, "sb3-dqn", 1, around(0.5), reward=None)
    assert any("callable" in note for note in rows_of(anchored)["sb3-dqn"].notes)


def test_json_has_the_numbers_of_the_table(anchored):
    for seed in (1, 2, 3):
        add(anchored, "sb3-dqn", seed, around(0.5 + seed / 100))
    anchored.write(made_up.failure("sb3-ppo", 1))
    board = json.loads(printed(anchored, json=True))
    assert board["problems"] == {}
    [table] = board["tables"]
    text = printed(anchored)
    lines = [line.split() for line in text.splitlines() if "[0." in line]
    scored = [row for row in table["rows"] if row["score"] is not None]
    assert len(lines) == len(scored) == 4
    for line, row in zip(lines, scored, strict=True):
        assert line[0] == row["agent"]
        joined = " ".join(line)
        assert f"{row['score']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" in joined
        assert f"{row['normalized']:.2f}" in line
    assert [row["agent"] for row in table["rows"]][-1] == "sb3-ppo"


def test_a_table_fits_in_a_hundred_columns(anchored):
    name = "somebodys_package.agents:QuiteALongName"
    for steps in (10_000, 2_000_000):
        add(anchored, name, 1, around(0.5), steps=steps, config={"gamma": 1.0, "net": {"a": 2}})
        add(anchored, name, 2, around(-0.5), steps=steps, config={"gamma": 1.0, "net": {"a": 2}})
    text = printed(anchored)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "[-" in text
    assert "..." not in text
    assert "…" not in text


def test_the_training_of_the_rows_is_shown_below_the_table(anchored):
    tuned = [{"id": "bleu", "weight": 10}, {"id": "chrf", "weight": 5}]
    dense = {"reward": tuned, "reward_timing": "dense", "gamma": 0.6}
    add(anchored, "sb3_dqn", 1, around(0.5), reward=tuned, config=dense)
    add(anchored, "sb3_ppo", 1, around(0.5), config={})
    add(anchored, "rloo", 1, around(0.6), config={"a": 1})
    add(anchored, "rloo", 1, around(0.4), config={"a": 2}, reward="chrf")
    lines = [line.strip() for line in printed(anchored).splitlines() if "trained on" in line]
    assert lines == [
        "rloo reward=default a=1, sb3_ppo: trained on the environment's default reward, paid at the end",
        "sb3_dqn: trained on 10*bleu+5*chrf, dense, discount 0.6",
        "rloo reward=chrf a=2: trained on chrf, paid at the end",
    ]
    [table] = json.loads(printed(anchored, json=True))["tables"]
    trained_on = {row["agent"]: row["trained_on"] for row in table["rows"]}
    assert trained_on["sb3_dqn"] == {"reward": "10*bleu+5*chrf, dense, discount 0.6"}
    assert trained_on["random"] == {}


def test_unreadable_records_are_named_and_the_others_shown(anchored, capsys):
    bad = add(anchored, "sb3-dqn", 1, around(0.5))
    (anchored.path / f"{bad}.jsonl.gz").write_bytes(b"")
    text = printed(anchored)
    problem = f"{bad}.jsonl.gz: altered: cut short"
    assert capsys.readouterr().err == f"unreadable record {bad[:12]}: {problem}\n"
    assert "reference" in text
    assert read_leaderboard(anchored.path).problems == {bad: problem}


def test_a_record_with_forged_episodes_is_left_out(anchored):
    bad = add(anchored, "sb3-dqn", 1, around(0.5))
    forged = forge(anchored.path, bad, b'"reward": 0.4', b"!")
    board = read_leaderboard(anchored)
    assert list(board.problems) == [forged]
    assert len(board.tables[0].rows) == 3


def test_the_reward_above_a_table_is_the_line_that_one_types(store):
    record, rows = made_up.run("sb3-dqn", 1)
    spec = [{"id": "my_rewards:rhymes", "weight": 1.0, "letters": 3}]
    record["spec"]["evaluation"]["reward"] = {"spec": spec, "signature": "rhymes|letters:3|v1"}
    store.write(made_up.identified(record), rows)
    add(store, "sb3-dqn", 1)
    tables = leaderboard_tables(store.records())
    assert {table.differences["reward"] for table in tables} == {"default", "my_rewards:rhymes(letters=3)"}
    assert all(set(table.differences) == {"reward"} for table in tables)


def test_arguments_that_were_spelled_out_do_not_tell_tables_apart(store):
    defaults = gym.spec("Translation-v0").kwargs
    add(store, "sb3-dqn", 1, kwargs=defaults)
    add(store, "sb3-dqn", 1, split="validation")
    tables = leaderboard_tables(store.records())
    assert [dict(table.differences) for table in tables] == [{"split": "test"}, {"split": "validation"}]
