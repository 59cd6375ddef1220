"""Ranks admit ties, and p-values are those of scipy."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from llm_benchmarks.leaderboard.p_values import all_p_values, bootstrap_p_value, holm, p_value_of, t_p_value
from llm_benchmarks.leaderboard.ranks import neighbours_apart, rank, ranks_of, tie_groups
from llm_benchmarks.leaderboard.scores import Scores
from llm_benchmarks.leaderboard.statistics import Interval, mean_interval, paired_difference, welch_difference

numbers = st.floats(-100, 100).map(lambda x: round(x, 3))


def trained(values, first=0):
    return Scores((), {first + seed: value for seed, value in enumerate(values)})


def square(n, upper):
    """A symmetric matrix from its upper triangle, with 1 on the diagonal."""
    matrix = np.ones((n, n))
    matrix[np.triu_indices(n, 1)] = upper
    return np.minimum(matrix, matrix.T)


def agent(mean, spread, seeds, first=0, seed=0):
    return trained((mean + spread * np.random.default_rng(seed).normal(size=seeds)).tolist(), first)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=9))
def test_a_paired_p_value_equals_scipy(pairs):
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    if np.ptp(a - b) > 1e-6:
        found = t_p_value(paired_difference(a, b, range(len(a))))
        assert found == pytest.approx(scipy.stats.ttest_rel(a, b).pvalue, rel=1e-9, abs=1e-9)


@given(
    st.lists(numbers, min_size=2, max_size=9, unique=True),
    st.lists(numbers, min_size=2, max_size=9, unique=True),
)
def test_a_welch_p_value_equals_scipy(a, b):
    found = t_p_value(welch_difference(mean_interval(a), mean_interval(b)))
    expected = scipy.stats.ttest_ind(a, b, equal_var=False).pvalue
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_p_values_without_a_spread():
    assert t_p_value(Interval(0.5, None, None, 1, "open")) == 1.0
    assert t_p_value(mean_interval([0.5, 0.5])) == 0.0
    assert t_p_value(mean_interval([0.0, 0.0])) == 1.0
    assert p_value_of(trained([0.5, 0.5]), trained([0.5 + 1e-16, 0.5])) == 1.0


@pytest.mark.parametrize("others", [[], np.random.default_rng(2).normal(0, 1, 30)])
def test_the_bootstrap_agrees_with_t_where_scores_are_normal(others):
    values = np.random.default_rng(1).normal(0.5, 1, 25)
    if len(others):
        expected = scipy.stats.ttest_ind(values, others, equal_var=False).pvalue
    else:
        expected = scipy.stats.ttest_1samp(values, 0).pvalue
    assert bootstrap_p_value(values, others) == pytest.approx(expected, abs=0.02)
    assert bootstrap_p_value(values, others) == bootstrap_p_value(values, others)


def test_twenty_seeds_are_compared_by_bootstrap():
    a, b = agent(0.5, 0.1, 20, seed=1), agent(0.4, 0.1, 20, seed=2)
    differences = [a.by_seed[seed] - b.by_seed[seed] for seed in range(20)]
    assert p_value_of(a, b) == bootstrap_p_value(differences)
    other = agent(0.4, 0.1, 20, first=100, seed=2)
    assert p_value_of(a, other) == bootstrap_p_value(list(a.by_seed.values()), list(other.by_seed.values()))


def test_all_comparisons_at_once_equal_those_of_each_pair():
    untrained = [Scores((object(),), {}) for _ in range(2)]
    for row, mean in zip(untrained, (0.2, 0.6), strict=True):
        row.__dict__["rows"] = ([mean - 0.1, mean, mean + 0.1], [0, 1, 2])
    rows = [
        agent(0.5, 0.1, 3, seed=1),
        agent(0.6, 0.1, 3, seed=2),
        trained([0.7, 0.7, 0.7]),
        trained([0.4, 0.4, 0.4]),
        agent(0.5, 0.1, 5, seed=3),
        agent(0.9, 0.1, 3, first=50, seed=4),
        agent(0.55, 0.1, 20, seed=5),
        agent(0.5, 0.1, 20, seed=6),
        agent(0.5, 0.1, 25, first=9, seed=7),
        *untrained,
    ]
    p = all_p_values(rows)
    expected = [[1.0 if a is b else p_value_of(a, b) for b in rows] for a in rows]
    np.testing.assert_allclose(p, p.T)
    np.testing.assert_allclose(np.triu(p), np.triu(expected), rtol=1e-9, atol=1e-12)


def test_holm_by_hand():
    # Times 4, 3, 2, 1 in the order of size, and never below an earlier one.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1, 1])
    assert holm([]).shape == (0,)


def test_one_agent_under_two_names_shares_a_rank_and_a_better_one_does_not():
    rows = [agent(0.9, 0.02, 5, 0, 1), agent(0.5, 0.02, 5, 10, 2), agent(0.5, 0.02, 5, 20, 3)]
    ranks = rank(rows)
    assert (ranks.first, ranks.last) == ((1, 2, 2), (1, 3, 3))
    assert tie_groups(ranks.apart) == [(1, 2)]
    assert neighbours_apart(ranks.apart) == 1


def test_a_row_that_is_tied_on_both_sides_has_the_ranks_of_both():
    # 0 and 2 differ; 1 differs from neither.
    ranks = ranks_of([3, 2, 1], square(3, [0.5, 0.001, 0.5]))
    assert list(zip(ranks.first, ranks.last, strict=True)) == [(1, 2), (1, 3), (2, 3)]
    assert tie_groups(ranks.apart) == [(0, 1), (1, 2)]
    assert neighbours_apart(ranks.apart) == 0


def test_many_comparisons_need_more_evidence():
    few = ranks_of([2, 1], square(2, [0.02]))
    many = ranks_of([2, 1, 0.9, 0.8], square(4, [0.02, 0.6, 0.6, 0.6, 0.6, 0.6]))
    assert few.apart[0, 1]
    assert not many.apart[0, 1]


def test_a_single_row_has_rank_one():
    ranks = ranks_of([0.5], [[1.0]])
    assert (ranks.first, ranks.last, tie_groups(ranks.apart)) == ((1,), (1,), [])


def test_no_rows_have_no_ranks():
    assert rank([]).first == ()
