import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from llm_benchmarks.leaderboard.statistics import (
    Interval,
    cluster_difference,
    cluster_interval,
    mean_interval,
    paired_difference,
    welch_difference,
)

numbers = st.floats(-100, 100).map(lambda x: round(x, 3))


def test_t_interval_by_hand():
    # mean 3, standard deviation sqrt(2.5), t(0.975, 4) = 2.7764
    interval = mean_interval([1, 2, 3, 4, 5])
    reach = 2.7764451 * math.sqrt(2.5) / math.sqrt(5)
    assert interval.estimate == 3
    assert interval.low == pytest.approx(3 - reach, abs=1e-6)
    assert interval.high == pytest.approx(3 + reach, abs=1e-6)
    assert (interval.n, interval.method) == (5, "t")


def test_a_single_seed_gives_an_open_interval():
    assert mean_interval([0.4]) == Interval(0.4, None, None, 1, "open")
    assert mean_interval([0.4]).side_of(0.0) == "unclear"


@given(st.lists(numbers, min_size=2, max_size=19))
def test_t_interval_equals_scipy(values):
    interval = mean_interval(values, confidence=0.9)
    if np.ptp(values) == 0:
        assert interval.high - interval.low == pytest.approx(0, abs=1e-9)
    else:
        expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.9)
        assert interval.low == pytest.approx(expected.low, rel=1e-9, abs=1e-9)
        assert interval.high == pytest.approx(expected.high, rel=1e-9, abs=1e-9)


def test_bootstrap_from_twenty_seeds_on():
    rng = np.random.default_rng(1)
    values = rng.exponential(size=20)
    assert mean_interval(values[:19]).method == "t"
    interval = mean_interval(values)
    assert interval.method == "bootstrap"
    assert interval == mean_interval(values)
    drawn = values[np.random.default_rng(0).integers(20, size=(9999, 20))]
    t = scipy.stats.ttest_1samp(drawn, values.mean(), axis=1).statistic
    ends = values.mean() - np.quantile(t, [0.975, 0.025]) * scipy.stats.sem(values)
    assert (interval.low, interval.high) == pytest.approx(tuple(ends), rel=1e-9)


def test_twenty_almost_equal_scores_have_an_interval():
    interval = mean_interval([0.0] * 19 + [1e-300])
    assert interval.method == "t"
    assert interval.low == pytest.approx(0.0)
    assert interval.high == pytest.approx(0.0)


def test_twenty_equal_scores_have_an_interval_of_no_width():
    interval = mean_interval([0.5] * 20)
    assert (interval.low, interval.high) == (0.5, 0.5)


def test_tasks_are_averaged_within_a_run():
    table = [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]
    assert mean_interval(table) == mean_interval([0.5, 1.5, 2.5])


def test_paired_difference_uses_the_seeds():
    # Runs in another order; seed 4 has no partner. Differences: 1, 2, 3.
    difference = paired_difference([1, 3, 5, 100], [0, 2, 1], [1, 2, 3, 4], [1, 3, 2])
    assert (difference.estimate, difference.n) == (2, 3)
    expected = scipy.stats.ttest_rel([1, 3, 5], [0, 1, 2]).confidence_interval()
    assert difference.low == pytest.approx(expected.low)
    assert difference.high == pytest.approx(expected.high)


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.99])
def test_differences_have_the_requested_confidence(confidence):
    a, b = [0.1, 0.3, 0.2, 0.5], [0.2, 0.1, 0.4, 0.6]
    paired = paired_difference(a, b, range(4), confidence=confidence)
    welch = welch_difference(mean_interval(a), mean_interval(b), confidence)
    for found, test in (
        (paired, scipy.stats.ttest_rel(a, b)),
        (welch, scipy.stats.ttest_ind(a, b, equal_var=False)),
    ):
        expected = test.confidence_interval(confidence)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_paired_difference_refuses_seeds_it_cannot_pair():
    with pytest.raises(ValueError, match="no seed in common"):
        paired_difference([1], [2], [1], [2])
    with pytest.raises(ValueError, match="different seeds"):
        paired_difference([1, 2], [2, 3], [1, 1])


@given(
    st.lists(numbers, min_size=2, max_size=9, unique=True),
    st.lists(numbers, min_size=2, max_size=9, unique=True),
)
def test_welch_equals_scipy(a, b):
    interval = welch_difference(mean_interval(a), mean_interval(b))
    expected = scipy.stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert interval.low == pytest.approx(expected.low, rel=1e-6, abs=1e-6)
    assert interval.high == pytest.approx(expected.high, rel=1e-6, abs=1e-6)


def test_welch_is_open_when_one_side_is():
    assert welch_difference(mean_interval([1, 2]), mean_interval([1])).method == "open"


def test_one_episode_per_cluster_is_students_t():
    values = [0.1, 0.4, 0.2, 0.9]
    clustered, plain = cluster_interval(values, "abcd"), mean_interval(values)
    assert clustered.low == pytest.approx(plain.low)
    assert clustered.high == pytest.approx(plain.high)


def test_cluster_interval_by_hand():
    # Means over clusters a and b: 0 and 1; residual sums -1 and 1 around 0.5;
    # se = sqrt(2/1 * 2) / 4 = 0.5; t(0.975, 1) = 12.7062.
    interval = cluster_interval([0, 0, 1, 1], ["a", "a", "b", "b"])
    assert interval.standard_error == pytest.approx(0.5)
    assert interval.high == pytest.approx(0.5 + 12.7062047 * 0.5)
    assert cluster_interval([1, 2], ["a", "a"]).method == "open"


def test_repeating_every_episode_adds_no_evidence():
    values, examples = [0.1, 0.5, 0.3, 0.8], [0, 1, 2, 3]
    once = cluster_interval(values, examples)
    often = cluster_interval(values * 10, examples * 10)
    assert often.low == pytest.approx(once.low)


def test_cluster_difference_pairs_by_example():
    difference = cluster_difference([1, 3, 5, 9], [0, 1, 2, 9], [2, 0, 1, 0], [2, 0, 1, 0])
    # example 0: 1 - (0 + 0) / 2, example 1: 3 - 1, example 2: 5 - 2
    assert difference.estimate == pytest.approx(2)
    assert difference.n == 3
    with pytest.raises(ValueError, match="no example in common"):
        cluster_difference([1], [1], [2], [2])


@pytest.mark.parametrize("values", [[], [1, math.nan], [math.inf]])
def test_the_mean_of_nothing_or_nan_is_an_error(values):
    with pytest.raises(ValueError):
        mean_interval(values)
