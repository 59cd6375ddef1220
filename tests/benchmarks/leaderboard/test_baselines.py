"""The scores that come with the package are those of the committed store, and need no store to be read."""

import json
from pathlib import Path

import made_up
import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.baselines import shipped, to_json, trimmed
from llm_benchmarks.leaderboard.view import read_leaderboard

ROOT = Path(__file__).parents[3]


def test_the_shipped_scores_equal_the_committed_store():
    board = read_leaderboard(ROOT / "benchmarks" / "results")
    assert board.problems == {}
    assert shipped() == json.loads(to_json(trimmed(board.tables)))


def test_export_writes_the_scores_of_a_store_in_short(store, tmp_path, capsys):
    first = store.write(*made_up.run("mine", 1, variant="no warm start"))
    second = store.write(*made_up.run("mine", 2, [0.3, 0.4, 0.5, 0.6], variant="no warm start"))
    store.write(made_up.failure("broken"))
    out = tmp_path / "scores.json"
    assert main(["leaderboard", "export", "--store", str(store.path), "--out", str(out)]) == 0
    assert "written to" in capsys.readouterr().out
    [table] = json.loads(out.read_text())["tables"]
    [row] = table.pop("rows")
    assert table == {
        "env": "Translation-v0",
        "signature": "env-a",
        "dataset": "en-de",
        "split": "test",
        "reward": "sig-default",
    }
    low, high = row.pop("interval")
    assert low < 0.35 < high
    assert row == {
        "agent": "mine",
        "variant": "no warm start",
        "score": 0.35,
        "seeds": 2,
        "steps": 1000.0,
        "records": sorted([first, second]),
    }


def test_baselines_are_shown_without_a_store(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["leaderboard", "baselines", "--env", "TextGen-Tiny-v0"]) == 0
    out = capsys.readouterr().out
    assert "TextGen-Tiny-v0" in out
    assert "sb3_dqn" in out
    assert "Translation-v0" not in out
    assert main(["leaderboard", "baselines", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == shipped()


def test_baselines_of_an_unknown_id_name_the_nearest(capsys):
    assert main(["leaderboard", "baselines", "--env", "TextGen-Tinny-v0"]) == 2
    assert "did you mean 'TextGen-Tiny-v0'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["show"], ["compare", "mine"], ["samples", "--env", "Translation-v0"]])
def test_commands_show_one_experiment(store, command, capsys):
    for agent, experiment in (("mine", "text"), ("theirs", "text"), ("other", "parts")):
        store.write(*made_up.run(agent, 1, experiment=experiment))
    at = ["--store", str(store.path), "--experiment"]
    assert main(["leaderboard", *command, *at, "text"]) == 0
    out = capsys.readouterr().out
    assert "theirs" in out
    assert "other" not in out
    assert main(["leaderboard", *command, *at, "tex"]) == 2
    assert "did you mean 'text'?" in capsys.readouterr().err


def test_curves_are_drawn_of_one_experiment(store, tmp_path, capsys):
    curve = [{"timesteps": n * 10, "seconds": n, "eval/mean_reward": n / 2} for n in (1, 2)]
    for agent, experiment in (("mine", "text"), ("other", "parts")):
        store.write(*made_up.run(agent, 1, curve=curve, experiment=experiment))
    out = tmp_path / "curves.svg"
    words = [
        "leaderboard",
        "curves",
        "--store",
        str(store.path),
        "--env",
        "Translation-v0",
        "--out",
        str(out),
    ]
    assert main([*words, "--experiment", "text"]) == 0
    assert "mine" in out.read_text()
    assert "other" not in out.read_text()


def test_a_first_show_stands_beside_the_rows_of_the_package(tmp_path, capsys):
    line = ["--env", "Translation-v0", "--store", str(tmp_path / "mine")]
    assert main(["evaluate", "--agent", "random", "--episodes", "8", *line]) == 0
    capsys.readouterr()
    assert main(["leaderboard", "show", "--store", str(tmp_path / "mine")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "from the package: reference 1.000" in shown
    assert "token_dqn 0." in shown
    # With another reward the scores cannot be compared.
    assert (
        main(
            [
                "evaluate",
                "--agent",
                "random",
                "--episodes",
                "8",
                "--reward",
                "chrf",
                *line[:2],
                "--store",
                str(tmp_path / "other"),
            ]
        )
        == 0
    )
    capsys.readouterr()
    assert main(["leaderboard", "show", "--store", str(tmp_path / "other")]) == 0
    assert "from the package" not in capsys.readouterr().out
