"""The index of the environment pages says what the code and the shipped scores say."""

from __future__ import annotations

import re

import pytest
from pages import read

import llm_envs
from llm_benchmarks.commands import gallery
from llm_benchmarks.leaderboard.baselines import shipped


@pytest.fixture(scope="module")
def index():
    return gallery.index()


def test_the_committed_index_is_what_the_code_writes(index):
    assert read("docs/envs/index.md") == index


def test_every_id_has_a_row_in_both_tables(index):
    for env_id in llm_envs.list_envs():
        assert len(re.findall(rf"^\| \[{env_id}\]\({env_id}\.md\) ", index, re.MULTILINE)) == 2


def test_scores_are_those_of_the_present_version_of_an_environment(index):
    """TextGen-v0 has shipped scores of an earlier reward too."""
    tables = [table for table in shipped()["tables"] if table["env"] == "TextGen-v0"]
    assert len({table["signature"] for table in tables}) > 1
    row = index.partition("## What to expect")[2].partition("[TextGen-v0]")[2].partition("\n")[0]
    assert row.endswith(" 0.774 |")
    assert "0.869" not in row


def test_anchors_are_no_best_agent(index):
    cells = re.findall(r"\(`(\w+)`, \d+\)", index)
    assert cells
    assert not set(cells) & {"random", "constant", "unigram", "reference"}


def test_an_agent_that_learned_nothing_is_no_best_agent(index):
    row = index.partition("## What to expect")[2].partition("[TextGen-Code-v0]")[2].partition("\n")[0]
    assert any(
        r["agent"] == "sb3_dqn"
        for t in shipped()["tables"]
        if t["env"] == "TextGen-Code-v0"
        for r in t["rows"]
    )
    assert row.endswith(" | 0.000 | 0.000 |  | 1.000 |")
