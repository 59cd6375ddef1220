"""Each example learns: its held-out texts earn more than random ones, by an interval over episodes.

If a library is not installed, its test is skipped.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from example_runs import gain_over_random


def needs(library: str, install: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is not installed: {install}")


def test_the_single_file_dqn_learns():
    assert gain_over_random("cleanrl_dqn", 4_000).low > 0.3


@needs("sb3_contrib", "pip install 'llm-envs[sb3-contrib]'")
def test_qr_dqn_of_sb3_contrib_learns():
    assert gain_over_random("sb3_contrib_qrdqn", 4_000).low > 0.2


@needs("sb3_contrib", "pip install 'llm-envs[sb3-contrib]'")
def test_maskable_ppo_of_sb3_contrib_learns_with_our_masks():
    assert gain_over_random("sb3_contrib_maskable_ppo", 6_000, "Translation-v0").low > 0.02


@needs("keras", "pip install 'llm-envs[keras]'")
def test_the_articles_keras_agent_learns():
    assert gain_over_random("keras_dqn", 4_000).low > 0.1


@needs("torchrl", "pip install 'llm-envs[torchrl]'")
def test_dqn_of_torchrl_learns():
    assert gain_over_random("torchrl_dqn", 3_000).low > 0.1


@needs("tianshou", "pip install 'llm-envs[tianshou]' in an environment of its own")
def test_dqn_of_tianshou_learns():
    assert gain_over_random("tianshou_dqn", 4_000).low > 0.1
