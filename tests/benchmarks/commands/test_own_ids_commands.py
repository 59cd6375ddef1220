"""An id of one's own on the command line: "module:Id-v0" makes it, tables and records say "Id-v0"."""

from __future__ import annotations

import io
import json
import sys
from functools import partial
from pathlib import Path

import gymnasium as gym
import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.rewards import degenerate

OWN = """
import gymnasium, llm_envs
data = {"dataset": "file:mine.csv", "max_prompt_tokens": 8, "max_new_tokens": 6}
llm_envs.register_env("MyDeEn-v0", "translation", **data)
gymnasium.register(id="TheirDeEn-v0", entry_point="llm_envs.envs.translation:TranslationEnv", kwargs=data)
"""
IDS = ["their_envs:MyDeEn-v0", "their_envs:TheirDeEn-v0"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    words = ("one", "two", "three", "four", "five", "six", "seven")
    pairs = [f"{a} {b},{b} {a}" for a in words for b in words if a != b]
    (tmp_path / "mine.csv").write_text("source,references\n" + "\n".join(pairs) + "\n")
    (tmp_path / "their_envs.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(gym.registry)
    yield
    gym.registry.clear()
    gym.registry.update(before)


def saved_spec():
    return json.loads(Path("dqn/training.json").read_text())["spec"]


def run(capsys, *words):
    status = main(words)
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize("env", IDS)
def test_an_own_id_is_trained_evaluated_and_shown(capsys, env):
    name = env.partition(":")[2]
    options = ("--set", "eval_freq=0", "--set", "learning_starts=50", "--total-timesteps", "100")
    status, _, err = run(capsys, "train", "--env", env, "--agent", "sb3_dqn", "--out", "dqn", *options)
    assert (status, saved_spec()["environment"]["id"]) == (0, name), err
    for agent in ("dqn", "random"):
        words = ("evaluate", "--env", env, "--agent", agent, "--store", "store", "--json")
        status, out, err = run(capsys, *words)
        assert status == 0, err
        assert json.loads(out)["env"] == name
    for asked in (env, name):
        out = run(capsys, "leaderboard", "show", "--store", "store", "--env", asked, "--json")[1]
        (table,) = json.loads(out)["tables"]
        assert table["env"] == name
        assert {row["agent"] for row in table["rows"]} == {"sb3_dqn", "random"}
    assert "no records" in run(capsys, "leaderboard", "show", "--store", "store", "--env", "Other-v0")[1]
    status, _, err = run(capsys, "evaluate", "--env", IDS[0] if env == IDS[1] else IDS[1], *words[3:])
    assert status == 0, err  # `random` plays either


def test_an_own_id_works_with_degenerate_pages_and_play(capsys, monkeypatch):
    monkeypatch.setattr(degenerate, "run", partial(degenerate.run, search_tokens=100))
    status, out, err = run(capsys, "degenerate", *IDS, "--json")
    assert status in (0, 1), err
    for lines in json.loads(out).values():
        assert lines[0]["score"] == pytest.approx(1.0)
    assert run(capsys, "pages", IDS[0], "--out", "pages", "--search-tokens", "100")[0] == 0
    assert Path("pages/MyDeEn-v0.md").read_text().startswith("# MyDeEn-v0\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("/reference\n/end\n"))
    assert "ended by stop" in run(capsys, "play", IDS[1])[1]


def test_a_suite_can_name_an_own_id(capsys):
    Path("suite.toml").write_text(f'[[cells]]\nenvs = ["{IDS[0]}"]\nagents = ["reference"]\n')
    for told in ("1 done, 0 in the store before", "0 done, 1 in the store before"):
        status, out, _ = run(capsys, "benchmark", "suite.toml", "--store", "store")
        assert status == 0
        assert told in out


def test_export_needs_the_own_id(capsys):
    options = ("--set", "model=nano", "--set", "warm_start=false", "--total-timesteps", "20")
    assert run(capsys, "train", "--env", IDS[0], "--agent", "token_dqn", "--out", "out", *options)[0] == 0
    status, _, err = run(capsys, "export", "--agent", "out", "--out", "exported")
    assert status == 2
    assert "--env module:ID" in err
    status, _, err = run(capsys, "export", "--agent", "out", "--out", "exported", "--env", IDS[1])
    assert (status, "was trained on 'MyDeEn-v0'" in err) == (2, True)
    assert run(capsys, "export", "--agent", "out", "--out", "exported", "--env", IDS[0])[0] == 0


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ("no_such_module:MyDeEn-v0", "no module 'no_such_module'"),
        ("their_envs:MyDeEm-v0", "unknown environment 'their_envs:MyDeEm-v0'; did you mean 'MyDeEn-v0'"),
        ("MyDeEn-v0", "'module:Id-v0'"),
    ],
)
def test_the_error_for_an_unknown_id_names_the_remedy(capsys, env, message):
    status, _, err = run(capsys, "evaluate", "--env", env, "--agent", "random", "--store", "store")
    assert status == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_an_id_keeps_the_reward_it_was_registered_with(capsys, monkeypatch):
    own = OWN + 'data |= {"reward": {"bleu": 1.0, "exact_match": 2.0}}\n'
    own += 'llm_envs.register_env("Rewarded-v0", "translation", **data)\n'
    Path("rewarded_envs.py").write_text(own.replace("MyDeEn", "Mine").replace("TheirDeEn", "Theirs"))
    env = "rewarded_envs:Rewarded-v0"
    words = ("evaluate", "--env", env, "--agent", "reference", "--store", "store", "--json")
    status, out, err = run(capsys, *words)
    assert status == 0, err
    assert json.loads(out)["results"]["mean_reward"] == 3.0
    options = ("--set", "eval_freq=0", "--set", "learning_starts=50", "--total-timesteps", "100")
    assert run(capsys, "train", "--env", env, "--agent", "sb3_dqn", "--out", "dqn", *options)[0] == 0
    assert "exact_match" in saved_spec()["training"]["reward"]["signature"]
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n\n/quit\n"))
    assert "exact_match" in run(capsys, "play", env)[1]
    words = (
        "evaluate",
        "--env",
        env,
        "--agent",
        "reference",
        "--store",
        "store",
        "--json",
        "--reward",
        "bleu",
    )
    assert json.loads(run(capsys, *words)[1])["results"]["mean_reward"] == 1.0
