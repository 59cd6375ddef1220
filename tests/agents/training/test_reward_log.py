"""The log of a training has each reward component, and texts that cannot act on a terminal or a page."""

from __future__ import annotations

import csv
import json
import sys
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from made_up_outcomes import outcome
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.algorithms.rloo import RLOO
from llm_baselines.registry import factory_of
from llm_baselines.training.reward_statistics import component_statistics, labels, log_values
from llm_baselines.training.sample_table import SAMPLES, SampleTable
from llm_envs import vectorize

SPEC = [{"id": "bleu", "weight": 2.0}, {"id": "length_penalty", "weight": -0.5}]
QUICK = {"warm_start": False, "n_envs": 8, "eval_freq": 0, "reward": SPEC, "reward_warnings": False}


def logged(folder):
    """The values of each log line, and the sampled texts."""
    [place] = (folder / "logs").iterdir()
    lines = [json.loads(line) for line in (place / "progress.json").read_text().splitlines()]
    samples = [json.loads(line) for line in (place / "samples.jsonl").read_text().splitlines()]
    return lines, samples, place


def test_statistics_are_those_of_numpy_and_shares_count_weights():
    rng = np.random.default_rng(0)
    values = rng.random((20, 2))
    outcomes = [outcome(bleu=a, length=b) for a, b in values.tolist()]
    statistics = component_statistics(outcomes, {"bleu": 2.0, "length": -0.5})
    spreads = values.std(axis=0, ddof=1)
    for column, (name, weight) in enumerate({"bleu": 2.0, "length": 0.5}.items()):
        one = statistics[name]
        assert one.mean == pytest.approx(values[:, column].mean())
        assert one.std == pytest.approx(spreads[column])
        assert one.share == pytest.approx(weight * spreads[column] / (spreads @ [2.0, 0.5]))


def test_parts_of_a_composition_have_no_share():
    outcomes = [outcome(**{"product": float(i), "product/bleu": float(i)}) for i in range(4)]
    values = log_values(component_statistics(outcomes, {"product": 1.0}), None)
    assert values["reward/product/share"] == 1.0
    assert "reward/product/bleu/mean" in values
    assert "reward/product/bleu/share" not in values


def test_long_and_hostile_names_become_short_and_differ():
    names = ["x" * 40 + "a", "x" * 40 + "b", "a\x1b[31m"]
    short = labels(names)
    assert len(set(short)) == 3
    assert all(len(name) <= 24 for name in short[:2])
    assert "\x1b" not in short[2]


@pytest.mark.parametrize("algorithm", [TokenDQN, RLOO])
def test_every_log_line_has_mean_spread_and_share_of_each_component(algorithm, tmp_path):
    agent = algorithm("nano", "Translation-v0", seed=1, log_samples=2, **QUICK)
    agent.learn(400, log_interval=1, run_folder=tmp_path)
    lines, samples, _ = logged(tmp_path)
    for line in (line for line in lines if "rollout/ep_rew_mean" in line):
        shares = [line[f"reward/{name}/share"] for name in ("bleu", "length_penalty")]
        assert sum(shares) == pytest.approx(1.0)
        assert 0.0 <= line["reward/bleu/mean"] <= 1.0
        assert line["reward/length_penalty/std"] >= 0.0
        assert 0.0 <= line["reward/collapsed_groups"] <= 1.0
    assert len({row["timesteps"] for row in samples}) >= 2
    score = llm_envs.make_reward(SPEC)
    for row in samples:
        assert row["reward"] == pytest.approx(2.0 * row["bleu"] - 0.5 * row["length_penalty"])
    assert score.weights == {"bleu": 2.0, "length_penalty": -0.5}


def test_the_mean_of_a_round_is_that_of_its_episodes(tmp_path):
    agent = RLOO("nano", "Translation-v0", seed=1, **QUICK)
    agent.learn(8, log_interval=1, run_folder=tmp_path)  # one round
    [line] = [line for line in logged(tmp_path)[0] if "reward/bleu/mean" in line]
    total = 2.0 * line["reward/bleu/mean"] - 0.5 * line["reward/length_penalty/mean"]
    assert line["rollout/ep_rew_mean"] == pytest.approx(total, abs=1e-6)


def test_an_agent_of_stable_baselines3_logs_them_too(tmp_path):
    agent = factory_of("sb3_dqn")(
        gym.make("Translation-v0"), 1, eval_freq=1000, n_eval_episodes=4, reward=SPEC, log_samples=1
    )
    agent.learn(3000, run_folder=tmp_path)
    lines, samples, _ = logged(tmp_path)
    shares = [
        (line["reward/bleu/share"], line["reward/length_penalty/share"])
        for line in lines
        if "reward/bleu/share" in line
    ]
    assert shares
    assert all(sum(pair) == pytest.approx(1.0) for pair in shares)
    assert {"bleu", "length_penalty", "source", "text", "reward"} <= set(samples[0])


def test_tensorboard_shows_the_texts_and_tables_of_numbers_do_not(tmp_path):
    TokenDQN("nano", "Translation-v0", seed=1, log_samples=1, **QUICK).learn(
        200, log_interval=1, run_folder=tmp_path
    )
    lines, _, place = logged(tmp_path)
    events = EventAccumulator(str(place)).Reload()
    assert f"{SAMPLES}/text_summary" in events.Tags()["tensors"]
    assert not any(SAMPLES in line for line in lines)
    with (place / "progress.csv").open() as file:
        assert SAMPLES not in next(csv.reader(file))


def test_the_console_shows_samples_between_its_tables(capsys):
    TokenDQN("nano", "Translation-v0", seed=1, log_samples=1, verbose=1, **QUICK).learn(100, log_interval=1)
    said = capsys.readouterr().out
    assert "samples, best first:" in said
    assert "reward/" in said


def test_no_table_is_made_where_none_is_wanted(tmp_path):
    TokenDQN("nano", "Translation-v0", seed=1, log_samples=0, **QUICK).learn(200, run_folder=tmp_path)
    [place] = (tmp_path / "logs").iterdir()
    assert not (place / "samples.jsonl").exists()


def test_texts_cannot_act_on_a_terminal_or_as_markup():
    hostile = "\x1b[31mred\x1b[0m\n| cell | <img src=x onerror=alert(1)> [link](http://x) `code` \u202e"
    table = SampleTable.of([outcome(hostile, source=hostile, r=1.0)])
    for text in (str(table), table.in_terminal()):
        assert "\x1b" not in text
        assert "\u202e" not in text
    line = str(table).splitlines()[2]
    assert "<img" not in line
    assert "](" not in line
    assert line.count(" | ") == 3  # four cells: every pipe of the text is escaped


def test_the_best_and_the_worst_text_of_a_round_are_shown():
    table = SampleTable.of([outcome(f"text {i}", r=float(i)) for i in range(9)])
    assert [row[0] for row in table.rows] == [8.0, 5.0, 3.0, 0.0]
    assert len(SampleTable.of([outcome(r=1.0)]).rows) == 1


def test_environments_of_others_that_tell_no_outcome_still_train():
    class Silent(gym.Wrapper):
        def step(self, action):
            observation, reward, terminated, truncated, _ = self.env.step(action)
            return observation, reward, terminated, truncated, {"outcome": "of another form"}

    options = {name: value for name, value in QUICK.items() if name != "reward"}
    agent = TokenDQN("nano", Silent(gym.make("Translation-v0")), seed=1, **options).learn(60)
    assert agent.num_timesteps >= 60
    rows = vectorize(gym.make("Translation-v0"), 4)
    assert TokenDQN("nano", rows, seed=1, **options).learn(60).num_timesteps >= 60


def fake_tracker(monkeypatch, name):
    calls = []
    library = SimpleNamespace(
        init=lambda **kwargs: calls.append(("init", kwargs)),
        log=lambda values, step: calls.append(("log", step, values)),
        finish=lambda: calls.append(("finish",)),
        Table=lambda dataframe: ("table", dataframe),
    )
    monkeypatch.setitem(sys.modules, name, library)
    return library, calls


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_a_tracker_gets_numbers_and_the_table(name, monkeypatch):
    _, calls = fake_tracker(monkeypatch, name)
    TokenDQN("nano", "Translation-v0", seed=1, log_samples=1, report_to=name, **QUICK).learn(
        100, log_interval=1
    )
    assert calls[0] == ("init", {"project": "llm-envs", "name": "token_dqn"})
    assert calls[-1] == ("finish",)
    _, step, values = calls[1]
    assert step > 0
    assert isinstance(values["reward/bleu/mean"], float)
    kind, frame = values[SAMPLES]
    assert kind == "table"
    assert list(frame.columns) == ["reward", "bleu", "length_penalty", "source", "text"]


def test_a_run_that_is_open_already_gets_the_log_and_stays_open(monkeypatch):
    library, calls = fake_tracker(monkeypatch, "wandb")
    library.run = object()
    TokenDQN("nano", "Translation-v0", seed=1, report_to="wandb", **QUICK).learn(60, log_interval=1)
    assert {call[0] for call in calls} == {"log"}


def test_a_tracker_that_is_unknown_or_not_installed_is_named(monkeypatch):
    with pytest.raises(ValueError, match="unknown report_to='mlflow'; there are 'wandb' and 'trackio'"):
        TokenDQN("nano", "Translation-v0", seed=1, report_to="mlflow")
    monkeypatch.setitem(sys.modules, "wandb", None)
    agent = TokenDQN("nano", "Translation-v0", seed=1, report_to="wandb", **QUICK)
    with pytest.raises(ValueError, match="pip install wandb"):
        agent.learn(60)
