import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from llm_benchmarks.leaderboard.aggregates import (
    STATISTICS,
    aggregate_interval,
    interquartile_mean,
    mean,
    median,
    normalized_score,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
)

COLUMNS = [np.array([0.0, 0.2, 0.4]), np.array([0.5, 0.9]), np.array([1.4, 1.6, 0.9, 1.1])]
scores = st.lists(st.floats(-2, 2).map(lambda x: round(x, 2)), min_size=1, max_size=8)


def test_normalized_score():
    assert normalized_score(0.5, 0.2, 0.8) == pytest.approx(0.5)
    table = normalized_score([[1, 10], [2, 20]], [0, 10], [2, 20])
    np.testing.assert_allclose(table, [[0.5, 0], [1, 1]])
    with pytest.raises(ValueError, match="no scale"):
        normalized_score(1, 2, 2)


def test_statistics_by_hand():
    assert interquartile_mean([np.array([0, 1, 2, 3]), np.array([4, 5, 6, 1000])]) == pytest.approx(3.5)
    assert mean(COLUMNS) == pytest.approx((0.2 + 0.7 + 1.25) / 3)  # each environment counts the same
    assert median(COLUMNS) == pytest.approx(0.7)
    assert optimality_gap(COLUMNS) == pytest.approx(1 - (0.2 + 0.7 + 3.9 / 4) / 3)


def test_the_interquartile_mean_equals_scipy():
    pooled = np.concatenate(COLUMNS)
    assert interquartile_mean(COLUMNS) == pytest.approx(scipy.stats.trim_mean(pooled, 0.25), rel=1e-9)


@pytest.mark.parametrize("name", STATISTICS)
def test_an_interval_holds_its_estimate_and_is_the_same_each_time(name):
    interval = aggregate_interval(COLUMNS, STATISTICS[name])
    assert interval.estimate == pytest.approx(float(STATISTICS[name](COLUMNS)))
    assert interval.low < interval.estimate < interval.high
    assert interval.n == 2
    assert 1 <= interval.degrees_of_freedom <= 6
    assert interval == aggregate_interval(COLUMNS, STATISTICS[name])


def test_the_standard_error_of_the_mean_is_that_of_the_strata():
    # Without the stretch, resampling three values would understate it by sqrt(2 / 3).
    interval = aggregate_interval(COLUMNS, mean, resamples=20_000)
    exact = np.sqrt(sum(column.var(ddof=1) / len(column) for column in COLUMNS)) / 3
    assert interval.standard_error == pytest.approx(exact, rel=0.02)


def test_a_distance_between_environments_does_not_widen_an_interval():
    far = [column + 100 * i for i, column in enumerate(COLUMNS)]
    near, wide = (aggregate_interval(columns, mean) for columns in (COLUMNS, far))
    assert wide.standard_error == pytest.approx(near.standard_error)


def test_a_single_run_leaves_the_interval_open():
    assert aggregate_interval([[0.1, 0.2], [0.3]]).method == "open"
    with pytest.raises(ValueError, match="no environments"):
        aggregate_interval([])


@given(scores, scores)
def test_the_probability_of_improvement_equals_scipy(a, b):
    expected = scipy.stats.mannwhitneyu(a, b).statistic / (len(a) * len(b))
    assert probability_of_improvement([a], [b]) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_probability_of_improvement_is_averaged_over_environments():
    assert probability_of_improvement([[1, 2], [0]], [[0], [1]]) == 0.5
    with pytest.raises(ValueError):
        probability_of_improvement([[1]], [[1], [2]])


def test_a_performance_profile_by_hand():
    shares, low, high = performance_profile([[0.1, 0.3], [0.3, 0.5]], [0.0, 0.2, 0.3, 0.9])
    np.testing.assert_allclose(shares, [1, 0.75, 0.25, 0])
    assert (low <= shares).all()
    assert (shares <= high).all()
    np.testing.assert_array_equal(low[[0, 3]], high[[0, 3]])
