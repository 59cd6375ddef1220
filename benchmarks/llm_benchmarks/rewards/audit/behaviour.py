"""How a reward behaves: scale, ties, correlations with other metrics, cost, determinism, prefixes."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.audit.scoring import Floats
from llm_benchmarks.rewards.audit.shares import Estimate
from llm_envs.episode import Episode
from llm_envs.rewards import RewardError, RewardSet

PREFIXES = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
_TIMED = 64
_PREFIXED = 16
_SAME = 1e-9


@dataclass(frozen=True)
class Behaviour:
    """What else one should know of a reward before training on it.

    Attributes:
        references: Mean reward of the references.
        spread: Standard deviation of the reward over a model's texts.
        within: The part of the variance that lies between texts of the same prompt, 0 to 1: what a learner
        can
            learn from. The rest lies between prompts.
        ties: The share of prompts on which all texts of the model earn the same.
        milliseconds: Time for a text, one at a time (median).
        deterministic: True if texts earn the same when they are scored again, in another order, and alone.
        prefixes: Mean share of the final reward after each of `PREFIXES` of a reference; None in dialogues.
        falls: The share of steps between those prefixes on which the reward falls.
        dense_equal: True if the scorer of growing prefixes equals the reward on each prefix.
        correlations: Spearman's correlation with each metric over a model's texts, by name.
    """

    references: float
    spread: float
    within: float
    ties: float
    milliseconds: float
    deterministic: bool
    prefixes: list[float] | None
    falls: float | None
    dense_equal: bool | None
    correlations: dict[str, Estimate]


def behaviour_of(
    ground: Ground,
    rewards: RewardSet,
    texts: Sequence[Episode],
    table: Floats,
    metrics: Mapping[str, Floats],
    draws: np.ndarray,
) -> Behaviour:
    """Measures a reward.

    Args:
        ground: The prompts.
        rewards: The reward.
        texts: A model's texts, those of a prompt in a row.
        table: Their rewards (prompts, texts).
        metrics: Values of other metrics, each (prompts, texts).
        draws: Bootstrap samples of the prompts, int (resamples, prompts).
    """
    total = float(table.var())
    prefixes, falls, equal = (None, None, None) if ground.talks else _prefixes(ground, rewards)
    return Behaviour(
        references=float(np.mean([rewards(episode) for episode in ground.references])),
        spread=float(table.std()),
        within=float(table.var(axis=1).mean() / total) if total > 0 else 0.0,
        ties=float(np.mean(np.ptp(table, axis=1) <= _SAME)),
        milliseconds=milliseconds_of(rewards, texts),
        deterministic=_deterministic(rewards, texts),
        prefixes=prefixes,
        falls=falls,
        dense_equal=equal,
        correlations={name: spearman(table, values, draws) for name, values in metrics.items()},
    )


def milliseconds_of(rewards: RewardSet, texts: Sequence[Episode]) -> float:
    """Returns the median time of a text; the first text, which may load a model, is not timed."""
    rewards(texts[0])
    times = []
    for episode in texts[:_TIMED]:
        begun = time.perf_counter()
        rewards(episode)
        times.append(time.perf_counter() - begun)
    return 1000.0 * float(np.median(times))


def _deterministic(rewards: RewardSet, texts: Sequence[Episode]) -> bool:
    chosen = list(texts[:_TIMED])
    first = rewards.score_batch(chosen)[0]
    again = rewards.score_batch(chosen[::-1])[0][::-1]
    alone = [rewards(episode) for episode in chosen]
    tolerance = max(_SAME, rewards.tolerance)
    return all(max(values) - min(values) <= tolerance for values in zip(first, again, alone, strict=True))


def _prefixes(ground: Ground, rewards: RewardSet) -> tuple[list[float] | None, float | None, bool | None]:
    """Returns the mean path over the prefixes of references, how often it falls, and equality."""
    paths, equal = [], True
    for example, whole in zip(ground.examples[:_PREFIXED], ground.references, strict=False):
        ids = ground.ids_of(example.references[0])
        scorer = rewards.prefix_scorer()
        values = []
        for share in PREFIXES:
            cut = tuple(ids[: max(1, math.ceil(share * len(ids)))])
            prefix = Episode(example, ground.task.tokenizer.decode(cut), cut, None)
            if share == PREFIXES[-1]:
                prefix = whole
            try:
                value = rewards(prefix)
                equal = equal and abs(scorer(prefix) - value) <= max(1e-6, rewards.tolerance)
            except RewardError:
                return None, None, None
            values.append(value)
        paths.append(values)
    table = np.array(paths)
    steps = np.diff(table, axis=1)
    mean = table.mean(axis=0)
    final = mean[-1] if abs(mean[-1]) > 1e-12 else 1.0
    return (mean / final).tolist(), float(np.mean(steps < -_SAME)), bool(equal)


def spearman(first: Floats, second: Floats, draws: np.ndarray) -> Estimate:
    """Returns Spearman's rank correlation of two measures of the same texts, with an interval over prompts.

    Ranks are taken over all texts once; the bootstrap draws prompts and correlates their ranks.

    Args:
        first: (prompts, texts).
        second: (prompts, texts).
        draws: int (resamples, prompts).
    """
    a = scipy.stats.rankdata(first).reshape(first.shape)
    b = scipy.stats.rankdata(second).reshape(second.shape)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    found = []
    for rows in [np.arange(len(a)), *draws]:
        x, y = a[rows].ravel(), b[rows].ravel()
        spread = x.std() * y.std()
        found.append(float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread > 0 else 0.0)
    low, high = np.percentile(found[1:], [2.5, 97.5])
    return Estimate(found[0], float(low), float(high))
