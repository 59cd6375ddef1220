"""A small version of benchmarks/interval_coverage.py: intervals hold the truth about as often as they say."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "interval_coverage.py"


@pytest.fixture(scope="module")
def coverage():
    spec = importlib.util.spec_from_file_location("interval_coverage", SCRIPT)
    module = sys.modules["interval_coverage"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["interval_coverage"]


def covered(simulate, n, *arguments):
    rng = np.random.default_rng(0)
    return np.mean([simulate(rng, *arguments) for _ in range(n)])


def test_intervals_over_seeds_and_examples(coverage):
    # 0.95 within three standard errors of 400 simulations
    assert covered(coverage.mean_covers, 400, "normal", 5) == pytest.approx(0.95, abs=0.033)
    assert covered(coverage.welch_covers, 400, 5) == pytest.approx(0.95, abs=0.033)
    assert covered(coverage.cluster_covers, 400, 50, 1) == pytest.approx(0.95, abs=0.033)


def test_intervals_over_environments(coverage):
    truth = coverage.aggregate_truth("IQM")
    assert covered(coverage.aggregate_covers, 200, "IQM", 5, truth) == pytest.approx(0.95, abs=0.047)


def test_rank_intervals(coverage):
    rng = np.random.default_rng(0)
    rows, widths = zip(*(coverage.ranks_cover(rng, 5, paired=True) for _ in range(100)), strict=True)
    assert np.mean(rows, axis=0).min() >= 0.93
    assert np.mean(widths) < 4  # of 8: the intervals say something


def test_the_table_names_every_situation(coverage):
    names = {interval for interval, _, _ in coverage.lines(1)}
    assert {"score over seeds", "difference, paired", "rank", "IQM over ids"} <= names
