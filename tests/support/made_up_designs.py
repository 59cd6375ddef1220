"""Runs of reward designs that no training has made."""

from __future__ import annotations

import math

from llm_benchmarks.rewards.comparison.designs import Design
from llm_benchmarks.rewards.comparison.found import Found
from llm_benchmarks.rewards.comparison.measured import Column, DesignRun, Point
from llm_benchmarks.rewards.comparison.plan import Plan

DESIGNS = ("naive", "sound")
COLUMNS = [Column("naive", True), Column("sound", True), Column("quality", False), Column("ter", False, True)]


def point(timesteps, distance, **values):
    return Point(timesteps, distance, values)


def hacked_curve(distance=True):
    """The naive reward rises while quality rises to a peak at step 200, and falls."""
    steps = [(0, 0.5, 0.5), (200, 0.8, 0.7), (400, 1.0, 0.2)]
    return [
        point(t, t / 100 if distance else math.nan, naive=own, sound=q, quality=q, ter=1 - q)
        for t, own, q in steps
    ]


def sound_curve(distance=True):
    steps = [(0, 0.5, 0.5), (200, 0.5, 0.6), (400, 0.5, 0.8)]
    return [
        point(t, t / 200 if distance else math.nan, naive=own, sound=q, quality=q, ter=1 - q)
        for t, own, q in steps
    ]


def run_of(design, seed, *, texts=("a b", "a b", "c d"), curve=None, **means):
    means = {"naive": 0.5, "sound": 0.5, "quality": 0.5, "ter": 0.5, **means}
    return DesignRun(
        design=design,
        seed=seed,
        record="0" * 64,
        means=means,
        scores={name: [value - 0.1, value, value + 0.1] for name, value in means.items()},
        texts=list(texts),
        sources=["first", "second", "third"],
        lengths=[len(text.split()) + 1 for text in texts],
        curve=hacked_curve() if curve is None else curve,
    )


def two_designs(*, distance=True, texts=("a b", "a b", "c d")):
    curves = {"naive": hacked_curve(distance), "sound": sound_curve(distance)}
    own = {"naive": 1.0, "sound": 0.5}
    quality = {"naive": 0.2, "sound": 0.8}
    return [
        run_of(
            name,
            seed,
            texts=texts,
            curve=curves[name],
            naive=own[name] + noise,
            quality=quality[name] + noise,
            sound=quality[name],
            ter=1.0 - quality[name],
        )
        for seed, noise in enumerate((0.0, 0.01, -0.01))
        for name in DESIGNS
    ]


def plan(**changes):
    options = {
        "env": "Translation-v0",
        "agent": "token_dqn",
        "designs": tuple(Design(name, name) for name in DESIGNS),
        "seeds": (0, 1, 2),
    }
    return Plan(**{**options, **changes})


def found(runs=None, **changes):
    return Found.of(
        plan(**changes), COLUMNS, two_designs() if runs is None else runs, "llm-envs rewards compare"
    )
