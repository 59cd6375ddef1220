"""Degenerate texts score low under every default reward."""

from __future__ import annotations

import json

import gymnasium as gym
import pytest

import llm_envs
from llm_benchmarks.commands.pages import write
from llm_benchmarks.rewards import degenerate

SEARCH = 60_000  # tokens; the pages search longer


@pytest.mark.parametrize("env_id", llm_envs.list_envs())
def test_degenerate_texts_score_far_below_the_references(env_id):
    lines = {line.name: line for line in degenerate.table(env_id, search_tokens=SEARCH)}
    # The expert of Dialogue-v0 succeeds, less the penalty for its words. `verse` takes some poems for faulty.
    assert lines["references"].score > {"Dialogue-v0": 0.5, "TextGen-v0": 0.75}.get(env_id, 0.8)
    limited = [line for line in lines.values() if line.limited]
    assert {"ends at once", "one token, repeated", "random tokens", "best constant text"} <= {
        line.name for line in limited
    }
    for line in limited:
        assert line.share <= degenerate.LIMIT, line


def test_reward_that_degenerate_texts_earn_is_detected(monkeypatch):
    monkeypatch.setitem(gym.spec("TextGen-Tiny-v0").kwargs, "reward", {"id": "distinct", "n": 1})
    lines = degenerate.table("TextGen-Tiny-v0", search_tokens=2000)
    assert any(line.limited and line.share > degenerate.LIMIT for line in lines)


def test_command_prints_json_and_a_verdict(capsys):
    assert degenerate.run(["TextGen-Tiny-v0"], json_output=True, search_tokens=2000) == 0
    tables = json.loads(capsys.readouterr().out)
    assert tables["TextGen-Tiny-v0"][0]["name"] == "references"
    assert degenerate.run(["TextGen-Tiny-v0"], search_tokens=2000) == 0
    assert "none above 20 %" in capsys.readouterr().out


def test_environment_page_shows_spaces_data_and_scores(tmp_path):
    (path,) = write(tmp_path, ["TextGen-Tiny-v0"], search_tokens=2000)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# TextGen-Tiny-v0\n")
    for part in ("Observation:", "`Discrete(8)`", "spelled", "| train | 75 |", "| references | 1.0000 |"):
        assert part in text
