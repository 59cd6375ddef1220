"""Each example learns: its texts of held-out prompts earn more than random ones, by an interval over episodes."""

from __future__ import annotations

import pytest
from example_runs import gain_over_random


def test_the_single_file_dqn_learns():
    assert gain_over_random("cleanrl_dqn", 4_000).low > 0.3
