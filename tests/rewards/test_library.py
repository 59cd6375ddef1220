"""The table of the library: a row for every reward, and nothing else."""

from __future__ import annotations

import pytest

from llm_envs.checks.extras import EXTRAS
from llm_envs.rewards.library import CARDS
from llm_envs.rewards.registry import REGISTRY


def test_every_reward_of_the_package_has_a_row():
    shipped = {name for name, entry in REGISTRY.items() if str(entry).startswith("llm_envs.rewards.builtin")}
    assert {name for name in CARDS if ":" not in name} == shipped
    assert len(CARDS) >= 25


@pytest.mark.parametrize("name", CARDS)
def test_a_row_says_range_direction_cost_and_source(name):
    card = CARDS[name]
    assert card.direction in ("higher", "lower")
    assert all((card.range, card.cost, card.source))
    assert card.extra in ("", *EXTRAS)
