"""docs/from-the-article.md: its numbers are what its code prints, and both languages have the same code."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec

import pytest
from pages import blocks, read, run_page

from llm_benchmarks.leaderboard.baselines import shipped

ENGLISH, CHINESE = "docs/from-the-article.md", "docs/from-the-article.zh-CN.md"


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    if find_spec("keras") is None:  # importing it would ask for TensorFlow
        pytest.skip("keras is not installed: pip install 'llm-envs[keras]'")
    return run_page(ENGLISH, tmp_path_factory.mktemp("article"))


def number_after(words: str, printed: str) -> float:
    return float(re.findall(rf"{re.escape(words)}.*?([\d.]+)$", printed, re.MULTILINE)[0])


def test_returns_targets_and_loss_are_the_numbers_beside_the_formulas(printed):
    tensors = [
        [float(x) for x in re.findall(r"\d+\.\d*", found)] for found in re.findall(r"tensor\((.*)\)", printed)
    ]
    assert tensors[0] == [0.81, 0.9, 1.0]
    assert tensors[1] == [0.45, 0.63, 1.0]
    assert tensors[2] == [pytest.approx((0.05**2 + 0.03**2 + 0.2**2) / 2, abs=1e-4)]


def test_the_exact_optimum_satisfies_the_bellman_equation(printed):
    left, right = printed.splitlines()[1].split()
    assert float(left) == pytest.approx(float(right))
    assert float(left) > 0


def test_a_replayed_episode_takes_a_small_part_of_the_memory_of_transitions(printed):
    episodes, transitions = re.findall(r"([\d.]+) bytes, and (\d+) as", printed)[0]
    assert float(episodes) < int(transitions) / 50


def test_the_completed_agent_improves_on_cart_pole(printed):
    first, last = re.findall(r"CartPole, first and last 20 episodes: ([\d.]+) ([\d.]+)", printed)[0]
    assert float(last) > 1.5 * float(first)


def test_the_completed_agent_is_above_random_play_on_words_it_never_saw(printed):
    (table,) = [table for table in shipped()["tables"] if table["env"] == "TextGen-Tiny-v0"]
    (random,) = [row["score"] for row in table["rows"] if row["agent"] == "random"]
    assert f"random play ({random:.2f})" in read(ENGLISH)
    # Five times as much: 29 random texts reach it with a probability below one in ten thousand.
    assert number_after("TextGen-Tiny-v0, test:", printed) > 5 * random


def test_both_languages_have_the_same_code():
    english, chinese = (
        [ast.dump(ast.parse(code)) for language, code in blocks(page) if language == "python"]
        for page in (ENGLISH, CHINESE)
    )
    assert english == chinese


def test_both_languages_have_the_same_sections_and_equations():
    english, chinese = read(ENGLISH), read(CHINESE)
    assert english.count("\n## ") == chinese.count("\n## ")
    equations = [re.findall(r"\$\$\n(.*?)\$\$", page, re.DOTALL) for page in (english, chinese)]
    assert len(equations[0]) == len(equations[1]) == 5


def test_the_equation_of_each_target_is_the_articles():
    assert r"Q_{\text{target}} = r + \gamma \max_{a'} Q(s', a'; \theta^-)" in read(ENGLISH)
