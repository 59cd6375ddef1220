"""The table of the library: a row for every reward, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.rewards import library_page
from llm_envs.checks.extras import EXTRAS
from llm_envs.rewards.cards import CARDS
from llm_envs.rewards.registry import REGISTRY, find_reward


def test_every_reward_of_the_package_has_a_row():
    shipped = {name for name, entry in REGISTRY.items() if str(entry).startswith("llm_envs.rewards.")}
    assert {name for name in CARDS if ":" not in name} == shipped
    assert len(CARDS) >= 25


@pytest.mark.parametrize("name", CARDS)
def test_a_row_says_range_direction_cost_and_source(name):
    card = CARDS[name]
    assert card.direction in ("higher", "lower")
    assert all((card.range, card.cost, card.source))
    assert card.extra in ("", *EXTRAS)


@pytest.mark.parametrize("name", [name for name in CARDS if ":" not in name])
def test_a_row_says_whether_prefixes_are_scored_from_scratch(name):
    assert (CARDS[name].dense == "text") is not hasattr(find_reward(name), "increment")


def test_the_page_is_what_the_table_and_the_code_say():
    place = Path(__file__).parents[2] / "docs" / "rewards" / "library.md"
    assert place.read_text(encoding="utf-8") == library_page.page()


def test_the_command_lists_every_reward(capsys):
    assert main(["rewards", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == list(CARDS)
    assert all(row["does"] for row in rows)
    assert rows[0]["options"]["max_order"] == "4"
    assert main(["rewards", "list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in CARDS)


def test_the_command_writes_the_page(tmp_path):
    assert main(["rewards", "list", "--page", str(tmp_path / "library.md")]) == 0
    assert (tmp_path / "library.md").read_text(encoding="utf-8") == library_page.page()
    assert main(["rewards", "list", "--page", str(tmp_path / "no" / "library.md")]) == 2
