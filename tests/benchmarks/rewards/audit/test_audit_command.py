"""The command: its exit statuses, JSON, page, own rewards, own data, and that the same seed says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from llm_baselines.registry import make_agent
from llm_benchmarks.commands.app import main

LINE = ("rewards", "audit")
TINY = ("--env", "TextGen-Tiny-v0", "--budget", "short")


def outcome(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main([*LINE, *words, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in found.items() if "seconds" not in key}
    return {**rest, "behaviour": {**found["behaviour"], "milliseconds": None}}


def test_status_is_0_if_the_reward_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LINE, "default", *TINY]) == 0
    said = capsys.readouterr().out
    assert "holds: no text without merit" in said
    for part in ("references with edits", "best of n texts", "Spearman", "see relevance"):
        assert part in said


def test_narrow_terminals_show_the_texts_below_their_numbers_and_the_page_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*LINE, "distinct", *TINY, "--out", str(tmp_path / "page.html")]) == 1
    said = capsys.readouterr().out
    assert "-> knows train texts; most rewarded: " in said
    assert "not shown for lack of width" not in said
    assert "page.html: open it in a browser" in said


def test_status_is_1_on_an_exploit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LINE, "distinct", *TINY]) == 1
    assert "exploited: " in capsys.readouterr().out


def test_same_seed_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("bleu", "--env", "Translation-v0", "--budget", "short", "--seed", "3")
    first, second = outcome(capsys, *words), outcome(capsys, *words)
    assert without_times(first) == without_times(second)
    other = outcome(capsys, *words[:-1], "4")
    assert without_times(first) != without_times(other)


def test_json_has_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcome(capsys, "default", *TINY)
    assert found["verdict"] == "holds"
    assert {attack["grade"] for attack in found["attacks"]} == {"no exploit"}
    assert found["best_of_n"]["n"] == [1, 2, 4, 8]
    assert found["behaviour"]["dense_equals_terminal"] is True
    assert all(one["levels"] for one in found["corruptions"])


def test_own_reward_on_own_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        {"question": f"what is {a} and {b}?", "answer": f"the sum of {a} and {b} is {a + b} in all"}
        for a in range(2, 12)
        for b in range(20, 26)
    ]
    Path("sums.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("my_sums.py").write_text(
        "def right(episode):\n"
        "    return float(episode.text == episode.references[0])\n"
        "def lenient(episode):\n"
        "    return float('sum' in episode.text)\n",
        encoding="utf-8",
    )
    columns = 'columns={"source": "question", "references": ["answer"]}'
    data = (
        "--dataset",
        "file:sums.jsonl",
        "--env-set",
        columns,
        "--env",
        "Translation-v0",
        "--budget",
        "short",
    )
    assert main([*LINE, "my_sums:right", *data]) == 0
    assert main([*LINE, "my_sums:lenient", *data]) == 1
    assert "best list of words" in capsys.readouterr().out


def test_held_out_metrics_may_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("bleu", "--env", "Translation-v0", "--budget", "short")
    named = outcome(capsys, *words, "--held-out", "chrf", "--held-out", "ter")
    assert [metric["name"] for metric in named["held_out"]] == ["chrf", "ter"]
    assert [metric["sees"] for metric in named["held_out"]] == ["relevance", "relevance"]
    both = outcome(capsys, *words, "--held-out", "ter", "--held-out", "default")
    assert {"ter", "chrf", "exact_match"} < {metric["name"] for metric in both["held_out"]}


def test_components_of_the_reward_are_not_held_out(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcome(capsys, "0.5 * bleu + 0.5 * chrf", "--env", "Translation-v0", "--budget", "short")
    assert not {"bleu", "chrf"} & {metric["name"] for metric in found["held_out"]}


def test_agent_writes_the_texts_of_the_curve(capsys: pytest.CaptureFixture[str]) -> None:
    found = outcome(capsys, "default", *TINY, "--agent", "unigram")
    assert found["best_of_n"]["model"] == "unigram"


def test_trained_agent_from_a_folder_writes_the_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = gym.make("TextGen-Tiny-v0")
    agent = make_agent("unigram", env, seed=0)
    agent.learn(0)
    agent.save(tmp_path / "agent")
    found = outcome(capsys, "default", *TINY, "--agent", str(tmp_path / "agent"))
    assert found["best_of_n"]["model"] == str(tmp_path / "agent")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("blue", *TINY), "unknown reward 'blue'"),
        (("bleu", "--env", "TextGen-Tyni-v0"), "unknown environment 'TextGen-Tyni-v0'"),
        (("bleu", *TINY, "--agent", "token_dqn"), "an audit trains nothing"),
        (("bleu", *TINY, "--agent", "nobody"), "unknown agent 'nobody'"),
        (("bleu", *TINY, "--held-out", "bleu"), "is the audited reward itself"),
        (("bleu", *TINY, "--held-out", "blue"), "unknown reward 'blue'"),
        (("bleu", *TINY, "--budget", "huge"), "huge"),
        (("bleu", "--env", "Translation-v0", "--dataset", "file:nothing.jsonl"), "nothing.jsonl"),
        (
            (
                "sentiment",
                "--env",
                "TextGen-v0",
                "--dataset",
                "openings",
                "--env-set",
                "max_prompt_tokens=64",
            ),
            "give the data a references column",
        ),
        (("bleu", *TINY, "--out", "."), "is a folder; name a file"),
        (("bleu", *TINY, "--env-set", "dataset=tiny"), "the command sets 'dataset' itself"),
    ],
)
def test_bad_input_is_status_2_and_names_the_fault(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*LINE, *words]) == 2
    assert said in capsys.readouterr().err


def test_reward_that_raises_on_references_is_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_fault.py").write_text("def mine(episode):\n    return 1 / 0\n", encoding="utf-8")
    assert main([*LINE, "my_fault:mine", *TINY]) == 1
    assert "raised ZeroDivisionError" in capsys.readouterr().err
