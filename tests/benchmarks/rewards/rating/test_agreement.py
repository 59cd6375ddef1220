"""Krippendorff's alpha against the numbers that he works out himself, and its interval."""

from __future__ import annotations

import numpy as np
import pytest

from llm_benchmarks.rewards.rating.agreement import agreement

# Krippendorff (2011), section C: four observers, twelve units, "." where one did not judge.
FOUR = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
# The same paper, sections A and B.
BINARY = ("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0")
NOMINAL = ("1 1 2 2 4 3 3 3 5 4 4 1", "2 1 2 2 2 3 3 3 5 4 4 4")


def answers(rows):
    table = {}
    for rater, row in enumerate(rows):
        for item, word in enumerate(row.split()):
            if word != ".":
                table.setdefault(str(item), {})[str(rater)] = float(word)
    return table


@pytest.mark.parametrize(("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_four_raters_with_gaps_are_as_published(level, expected):
    found = agreement(answers(FOUR), (1, 2, 3, 4, 5), level)
    assert found.alpha == pytest.approx(expected, abs=5e-4)
    assert (found.items, found.raters) == (11, 4)  # one unit has one rater only
    assert found.low < found.alpha < found.high <= 1.0


def test_two_raters_are_as_published():
    assert agreement(answers(BINARY), (0, 1), "nominal").alpha == pytest.approx(0.095, abs=5e-4)
    assert agreement(answers(NOMINAL), (1, 2, 3, 4, 5), "nominal").alpha == pytest.approx(0.692, abs=5e-4)


def test_perfect_agreement_is_one_and_guesses_are_near_zero():
    rng = np.random.default_rng(0)
    guesses = {str(i): {"a": float(rng.integers(2)), "b": float(rng.integers(2))} for i in range(400)}
    found = agreement(guesses, (0, 0.5, 1))
    assert found.low < 0.0 < found.high
    assert found.high - found.low < 0.25
    same = {item: {"a": by["a"], "b": by["a"]} for item, by in guesses.items()}
    assert agreement(same, (0, 0.5, 1))[:3] == (1.0, 1.0, 1.0)


def test_a_tie_is_nearer_to_a_preference_than_the_opposite_is():
    def one(second):
        rows = {str(i): {"a": float(i % 2), "b": float(i % 2)} for i in range(20)}
        return agreement({**rows, "x": {"a": 1.0, "b": second}}, (0.0, 0.5, 1.0)).alpha

    assert one(0.0) < one(0.5) < one(1.0)


def test_where_nothing_can_be_said_there_is_no_number():
    assert agreement({}, (0, 1)).alpha is None
    assert agreement({"x": {"a": 1.0}}, (0, 1)) == (None, None, None, 0, 0)
    constant = agreement({str(i): {"a": 1.0, "b": 1.0} for i in range(5)}, (0, 1))
    assert (constant.alpha, constant.items) == (None, 5)


def test_the_interval_covers_the_truth():
    """Raters who are right in 85 % of binary answers: alpha is 0.49 in the long run."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        table = {}
        for item in range(60):
            truth = rng.integers(2)
            table[str(item)] = {r: float(truth ^ (rng.random() < 0.15)) for r in "ab"}
        found = agreement(table, (0, 1))
        covered += found.low <= 0.49 <= found.high
    assert covered >= 52
