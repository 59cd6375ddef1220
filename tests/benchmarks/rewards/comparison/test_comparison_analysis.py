"""The matrix, the course of a training and the words about it follow from the runs alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_up_designs import COLUMNS, found, hacked_curve, plan, point, run_of, sound_curve, two_designs

from llm_benchmarks.leaderboard.statistics import mean_interval, paired_difference
from llm_benchmarks.rewards.comparison.analysis import (
    course,
    equal_distance,
    matrix,
    reading,
    value_at,
    variety,
)
from llm_benchmarks.rewards.comparison.found import Found

QUALITY, TER = COLUMNS[2], COLUMNS[3]


def test_entries_have_intervals_over_seeds_and_differences_paired_by_seed():
    table = matrix(["naive", "sound"], COLUMNS, two_designs())
    values = {"naive": [0.2, 0.21, 0.19], "sound": [0.8, 0.81, 0.79]}
    for name, expected in values.items():
        interval, own = table[name]["quality"].interval, mean_interval(expected)
        assert (interval.estimate, interval.low) == pytest.approx((own.estimate, own.low))
    assert table["naive"]["quality"].difference is None
    difference = table["sound"]["quality"].difference
    expected = paired_difference(values["sound"], values["naive"], [0, 1, 2])
    assert difference.estimate == pytest.approx(expected.estimate)
    assert difference.high == pytest.approx(expected.high)
    assert difference.low == pytest.approx(0.6)  # paired: the noise of a seed is in both


def test_seeds_that_only_one_design_has_are_left_out_of_the_difference():
    runs = [run_of("naive", 0, quality=0.1), run_of("naive", 1, quality=0.3), run_of("sound", 1, quality=0.5)]
    difference = matrix(["naive", "sound"], COLUMNS, runs)["sound"]["quality"].difference
    assert difference.estimate == pytest.approx(0.2)
    assert difference.low is None


def test_colours_count_spreads_of_the_column_and_turn_penalties():
    table = matrix(["naive", "sound"], COLUMNS, two_designs())
    assert table["sound"]["quality"].standardised == pytest.approx(math.sqrt(0.5))
    assert table["sound"]["ter"].standardised == pytest.approx(math.sqrt(0.5))
    assert table["naive"]["ter"].standardised == pytest.approx(-math.sqrt(0.5))


def test_a_hacked_design_has_a_peak_and_a_fall():
    runs = [run_of("naive", seed) for seed in range(3)]
    one = course(QUALITY, runs, math.nan)
    assert (one.start, one.peak, one.last) == pytest.approx((0.5, 0.7, 0.2))
    assert one.fall.estimate == pytest.approx(0.5)
    assert one.peak_timesteps == 200
    assert one.peak_distance == pytest.approx(2.0)
    assert course(TER, runs, math.nan).peak == pytest.approx(0.3)  # the lowest is the best
    assert course(TER, runs, math.nan).fall.estimate == pytest.approx(0.5)


def test_a_curve_without_the_value_has_no_course():
    assert course(QUALITY, [run_of("naive", 0, curve=[point(0, 0.0, naive=1.0)])], math.nan) is None


def test_designs_are_compared_where_each_has_gone_equally_far():
    runs = two_designs()
    distance = equal_distance(["naive", "sound"], runs)
    assert distance == pytest.approx(2.0)  # the sound one goes to 2, the naive one to 4
    assert value_at(hacked_curve(), "quality", distance) == pytest.approx(0.7)
    assert value_at(hacked_curve(), "quality", 3.0) == pytest.approx(0.45)  # halfway between two evaluations
    assert math.isnan(value_at(sound_curve(), "quality", 3.0))
    assert math.isnan(equal_distance([], two_designs(distance=False)))


def test_variety_counts_texts_and_word_pairs_of_a_whole_run():
    one = variety(
        [run_of("naive", 0, texts=("a b c", "a b c", "a b d")), run_of("naive", 1, texts=("x y", "z", "w v"))]
    )
    assert one.different.estimate == pytest.approx(np.mean([2 / 3, 1.0]))
    assert one.distinct_2.estimate == pytest.approx(np.mean([3 / 6, 1.0]))
    assert one.length.estimate == pytest.approx(np.mean([4.0, 8 / 3]))


def test_the_words_say_who_is_behind_and_where_the_peak_was():
    everything = found()
    table, courses = everything.table, everything.courses["quality"]
    hacked = reading("naive", QUALITY, table, courses)
    assert hacked.startswith("quality 0.200, 0.600 behind sound (0.800)")
    assert "worsens from 0.500 to 0.200" in hacked
    assert "after a peak of 0.700 at step 200" in hacked
    held = reading("sound", QUALITY, table, courses)
    assert "the best of the designs" in held
    assert "improves from 0.500 to 0.800" in held
    assert "peak" not in held


def test_designs_without_a_run_are_left_out_and_none_at_all_is_an_error():
    runs = [run for run in two_designs() if run.design == "sound"]
    assert list(found(runs).table) == ["sound"]
    with pytest.raises(ValueError, match="no design has a completed training"):
        Found.of(plan(), COLUMNS, [])


def test_samples_include_the_example_where_a_design_earns_beyond_its_worth():
    runs = two_designs()
    runs[0].scores["naive"][1] = 9.0
    shown = found(runs).samples
    assert [one.source for one in shown] == ["first", "second", "third"]
    assert [side.design for side in shown[0].sides] == ["naive", "sound"]
