"""The package does what it says on the oldest and newest dependencies, and on every Python it names."""

from __future__ import annotations

import re

import pytest
from clean_environments import PROJECT, PYTHONS, ROOT, interpreter, succeed

pytestmark = pytest.mark.package
ENVIRONMENTS = (
    "envs/test_token_env.py",
    "envs/test_vector_env.py",
    "envs/test_shared_tasks.py",
    "data/test_corpus.py",
    "data/test_splitting.py",
    "tokenizers/test_words.py",
    "tokenizers/test_text_streams.py",
    "simulators/test_booking_user.py",
)
"""Files of tests that need no extra."""

REWARDS = (
    "rewards/test_bleu.py",
    "rewards/test_chrf.py",
    "rewards/test_reward_set.py",
    "rewards/test_simple_rewards.py",
    "rewards/test_callables.py",
    "rewards/test_scripts.py",
)
"""Files of tests of rewards that need no extra."""

AGENTS = (
    "envs/test_every_id.py",
    "wrappers/test_top_k.py",
    "agents/algorithms/test_sb3_citizens.py",
    "agents/storage/test_saved_language_agent.py",
    "agents/lm/test_language_model.py",
    "benchmarks/leaderboard/test_statistics.py",
    "benchmarks/leaderboard/test_exported_tables.py",
    "benchmarks/leaderboard/test_leaderboard_curves.py",
    "benchmarks/leaderboard/html/test_page.py",
    "benchmarks/records/test_records.py",
    "benchmarks/commands/test_doctor.py",
)
"""Files of tests of what the extra `benchmarks` adds."""


def run_tests(environment, files, *options):
    """Runs tests of this checkout on the installed package. They must pass."""
    words = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--no-header", *options)
    return succeed(environment.program("pytest"), *words, *files, cwd=ROOT / "tests")


@pytest.mark.parametrize("python", PYTHONS)
def test_environments_and_rewards_hold_on_every_python_with_the_newest_dependencies(builder, python):
    if interpreter(python) is None:
        pytest.skip(f"this machine has no Python {python}")
    made = builder.environment(python=python)
    assert "passed" in run_tests(made, ENVIRONMENTS + REWARDS)


def lowest_named(*extras):
    """Distribution -> the lower bound of pyproject.toml, for the dependencies and extras."""
    optional = PROJECT["optional-dependencies"]
    lines = PROJECT["dependencies"] + [line for extra in extras for line in optional[extra]]
    return dict(match.groups() for line in lines if (match := re.fullmatch(r"([\w.-]+)>=([\w.]+)", line)))


def above(named, environment):
    """Distribution -> (bound, installed version), where the latter is no release of the bound's series."""
    installed = {name.lower(): version for name, version in environment.versions().items()}
    pairs = {name: (low, installed[name.lower()]) for name, low in named.items()}
    return {name: (low, had) for name, (low, had) in pairs.items() if not f"{had}.".startswith(f"{low}.")}


def test_environments_and_rewards_hold_on_the_oldest_dependencies(builder):
    made = builder.environment(oldest=True)
    assert not above(lowest_named(), made), "these lower bounds cannot be installed together; raise them"
    assert "passed" in run_tests(made, ENVIRONMENTS + REWARDS)


def test_agents_and_the_leaderboard_hold_on_the_oldest_dependencies(builder):
    made = builder.environment("benchmarks", oldest=True)
    raised = above(lowest_named("agents", "evaluate", "benchmarks"), made)
    # torch is the CPU build that can be had, and the oldest transformers wants newer tokenizers.
    assert set(raised) <= {"torch", "tokenizers"}, "raise these lower bounds"
    assert "passed" in run_tests(made, AGENTS)


def test_agents_and_the_leaderboard_hold_on_the_newest_dependencies(builder):
    assert "passed" in run_tests(builder.environment("benchmarks"), AGENTS)
