"""Paired differences between rows of a table, and curves."""

from __future__ import annotations

import json

import made_up
import pytest
from hostile import forge
from typer.testing import CliRunner

from llm_benchmarks.commands.app import commands
from llm_benchmarks.leaderboard.compare import compare
from llm_benchmarks.leaderboard.statistics import (
    cluster_interval,
    mean_interval,
    paired_difference,
    welch_difference,
)


def add(store, agent, seed, mean, curve=()):
    rewards = [mean - 0.03, mean - 0.01, mean + 0.01, mean + 0.03]
    return store.write(*made_up.run(agent, seed, rewards, curve=curve))


@pytest.fixture
def two(store):
    for seed, (mine, theirs) in enumerate([(0.6, 0.5), (0.8, 0.6), (0.7, 0.55)], start=1):
        for agent, mean in (("mine", mine), ("theirs", theirs)):
            curve = [
                {"timesteps": n * 10, "seconds": n + seed, "eval/mean_reward": mean * n / 2} for n in (1, 2)
            ]
            add(store, agent, seed, mean, curve)
    return store


def test_trained_agents_are_paired_by_seed(two):
    (one,) = compare(two, "mine")
    by_hand = paired_difference([0.6, 0.8, 0.7], [0.5, 0.6, 0.55], [1, 2, 3])
    assert one.judged == "paired by seed"
    assert one.difference.estimate == pytest.approx(0.15)
    assert (one.difference.low, one.difference.high) == pytest.approx((by_hand.low, by_hand.high))
    assert (one.score, one.other_score) == pytest.approx((0.7, 0.55))


def test_the_reverse_comparison_is_worse(two):
    done = CliRunner().invoke(commands, ["leaderboard", "compare", "theirs", "--store", str(two.path)])
    assert done.exit_code == 0
    assert "worse" in done.stdout
    assert "-0.150 [-0.274, -0.026]" in done.stdout
    found = CliRunner().invoke(
        commands, ["leaderboard", "compare", "theirs", "--store", str(two.path), "--json"]
    )
    assert json.loads(found.stdout)[0]["difference"]["estimate"] == pytest.approx(-0.15)


def test_seeds_count_on_either_side(store):
    for seed, mean in enumerate((0.3, 0.5, 0.7), start=1):
        add(store, "trained", seed, mean)
    record, rows = made_up.run("still", None, [0.4, 0.4, 0.4, 0.45])
    store.write(record, rows)
    there, back = compare(store, "trained")[0], compare(store, "still")[0]
    assert there.judged == back.judged == "welch"
    assert (there.difference.low, there.difference.high) == pytest.approx(
        (-back.difference.high, -back.difference.low)
    )


def test_different_seeds_are_not_paired(store):
    mine, theirs = [0.5, 0.6, 0.9], [0.3, 0.5]
    for agent, means in (("mine", mine), ("theirs", theirs)):
        for seed, mean in enumerate(means, start=1):
            add(store, agent, seed, mean)
    (one,) = compare(store, "mine")
    expected = welch_difference(mean_interval(mine), mean_interval(theirs))
    assert one.judged == "welch"
    assert (one.difference.low, one.difference.high) == pytest.approx((expected.low, expected.high))


def test_a_single_seed_against_several_uses_its_spread_over_examples(store):
    for seed, mean in enumerate((0.5, 0.6, 0.7), start=1):
        add(store, "mine", seed, mean)
    id = add(store, "theirs", 9, 0.1)
    rewards = [row["reward"] for row in store.read(id).episodes()]
    (one,) = compare(store, "mine")
    expected = welch_difference(mean_interval([0.5, 0.6, 0.7]), cluster_interval(rewards, range(4)))
    assert one.judged == "welch"
    assert (one.difference.low, one.difference.high) == pytest.approx((expected.low, expected.high))


def test_other_configurations_of_the_agent_are_compared_too(two):
    for seed in (1, 2, 3):
        record, rows = made_up.run("mine", seed, [0.4, 0.4, 0.4, 0.4 + seed / 100], config={"replay": 0})
        two.write(record, rows)
    by_names = {(one.agent, one.other): one for one in compare(two, "mine")}
    assert by_names.keys() == {
        ("mine lr=0.001", "theirs"),
        ("mine replay=0", "theirs"),
        ("mine lr=0.001", "mine replay=0"),
        ("mine replay=0", "mine lr=0.001"),
    }
    assert all(one.judged == "paired by seed" for one in by_names.values())


def test_an_impossible_comparison_is_an_error(two):
    with pytest.raises(ValueError, match="no completed runs of 'mime'"):
        compare(two, "mime")


def test_unreadable_records_are_named(two, tmp_path):
    id = add(two, "theirs", 4, 0.5)
    path = two.path / f"{id}.jsonl.gz"
    path.write_bytes(path.read_bytes() + b" ")
    options = ["--store", str(two.path)]
    for command in (
        ["leaderboard", "compare", "mine", *options],
        ["leaderboard", "curves", *options, "--env", "Translation-v0", "--out", str(tmp_path / "c.svg")],
    ):
        done = CliRunner().invoke(commands, command)
        assert done.exit_code == 1
        assert f"unreadable record {id[:12]}: {id}.jsonl.gz: altered" in done.stderr


def test_results_that_contradict_the_episodes_are_named_and_not_compared(two):
    id = add(two, "theirs", 4, 0.4)
    forged = forge(two.path, id, b'"mean_reward": 0.4', b'"mean_reward": 9.4')
    problems = {}
    (one,) = compare(two, "mine", problems=problems)
    assert list(problems) == [forged]
    assert "results.mean_reward: 9.4, but the episodes give" in problems[forged]
    assert (one.judged, one.other_score) == ("paired by seed", pytest.approx(0.55))


def test_tables_of_one_environment_have_distinct_titles(two):
    for agent, mean in (("mine", 0.2), ("theirs", 0.1)):
        two.write(*made_up.run(agent, 1, [mean, mean + 0.1], split="validation"))
    assert len({one.table for one in compare(two, "mine")}) == 2
