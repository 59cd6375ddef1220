"""Best-of-n: what happens to held-out metrics if the reward chooses among n texts of a model.

The estimator is that of Gao, Schulman and Hilton 2022 ("Scaling Laws for Reward Model Overoptimization",
appendix I), after Nakano et al. 2021: from N texts of a prompt, ordered by reward, the held-out value of the
best of n is sum over i of C(i - 1, n - 1) / C(N, n) times the value of the i-th text. It has no bias and uses
all texts. Texts with equal reward share their values, since the choice between them is free. The distance
from the model is KL = log n - (n - 1) / n nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from llm_benchmarks.rewards.audit.scoring import Floats
from llm_benchmarks.rewards.audit.shares import Estimate, Scale

_FALL = 0.03  # a smaller fall of the held-out share is no turn


@dataclass(frozen=True)
class BestOfN:
    """The curve.

    Attributes:
        model: The model that wrote the texts.
        n: Numbers of texts to choose from.
        kl: Their distances from the model in nats.
        reward: The share of the references' reward of the chosen text.
        held_out: The held-out share of the chosen text.
        turn: The n at which the held-out share is highest, if it surely falls after it, by 3 % at least; else
            None.
        fall: The fall from there to the largest n.
        ties: The share of prompts on which all texts earn the same.
    """

    model: str
    n: list[int]
    kl: list[float]
    reward: list[Estimate]
    held_out: list[Estimate]
    turn: int | None
    fall: Estimate | None
    ties: float


def best_of_n(rewards: Floats, values: Floats, n: int) -> Floats:
    """Returns the expected value of the most rewarded of n texts, for each prompt.

    Args:
        rewards: The rewards of N texts of each prompt (prompts, N).
        values: Another measure of the same texts (prompts, N).
        n: How many of them are drawn without replacement, 1 to N.

    Returns:
        float64 (prompts,).
    """
    total = rewards.shape[1]
    if not 1 <= n <= total:
        raise ValueError(f"n={n} must be between 1 and the {total} texts of a prompt")
    weights = np.array([math.comb(i, n - 1) / math.comb(total, n) for i in range(total)])
    found = np.empty(len(rewards))
    for row, (reward, value) in enumerate(zip(rewards, values, strict=True)):
        order = np.argsort(reward, kind="stable")
        levels, group = np.unique(reward[order], return_inverse=True)
        means = np.bincount(group, value[order]) / np.bincount(group, minlength=len(levels))
        found[row] = float((weights * means[group]).sum())
    return found


def curve_of(model: str, rewards: Floats, held_out: dict[str, Floats], scale: Scale) -> BestOfN | None:
    """Returns the curve of a model's texts; None if no held-out metric says anything.

    Args:
        model: The model's name.
        rewards: Rewards (prompts, N).
        held_out: Values of the held-out metrics by name, each (prompts, N).
        scale: The scale of shares.
    """
    if not held_out:
        return None
    total = rewards.shape[1]
    numbers = [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= total]
    chosen = {n: {k: best_of_n(rewards, v, n) for k, v in held_out.items()} for n in numbers}
    quality = {n: scale.quality(values)[0] for n, values in chosen.items()}
    gained = [scale.estimate(scale.shares(best_of_n(rewards, rewards, n))) for n in numbers]
    peak = max(numbers, key=lambda n: (quality[n].value, -n))
    fall = scale.quality_difference(chosen[peak], chosen[numbers[-1]])
    turns = peak != numbers[-1] and fall.low > 0 and fall.value >= _FALL
    return BestOfN(
        model,
        numbers,
        [math.log(n) - (n - 1) / n for n in numbers],
        gained,
        [quality[n] for n in numbers],
        peak if turns else None,
        fall if turns else None,
        float(np.mean(np.ptp(rewards, axis=1) == 0)),
    )
