"""Each example learns: its held-out texts earn more than random ones, by an interval over episodes.

If a library is not installed, its test is skipped.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from example_runs import gain_over_random

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries, about themselves


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


@needs(
    "tree", "pip install 'llm-envs[rllib]' in an environment of its own"
)  # `ray` is also there without RLlib
def test_dqn_of_rllib_learns():
    assert gain_over_random("rllib_dqn", 3_000).low > 0.1


def test_dqn_with_hyperparameters_in_the_form_of_rl_zoo_learns():
    assert gain_over_random("rl_zoo_dqn", 3_000).low > 0.1


@pytest.mark.examples
@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("cleanrl_dqn", "torch"),
        ("sb3_contrib_qrdqn", "sb3_contrib"),
        ("torchrl_dqn", "torchrl"),
        ("keras_dqn", "keras"),
        ("tianshou_dqn", "tianshou"),
        ("rllib_dqn", "tree"),
        ("rl_zoo_dqn", "stable_baselines3"),
    ],
)
def test_at_its_own_number_of_steps_an_example_spells_most_words(name, library):
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    assert gain_over_random(name).low > 0.4


@pytest.mark.examples
@needs("sb3_contrib", "pip install 'llm-envs[sb3-contrib]'")
def test_masks_help_maskable_ppo_on_translation():
    with_masks = gain_over_random("sb3_contrib_maskable_ppo", env_id="Translation-v0")
    without = gain_over_random("sb3_contrib_maskable_ppo", None, "Translation-v0", "--no-mask")
    assert with_masks.low > max(0.1, without.high)
