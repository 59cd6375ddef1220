"""Random numbers that depend only on a seed and the observation, so that each row can be reproduced."""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniforms(seed: int | tuple[int, ...], observation: np.ndarray) -> np.ndarray:
    """Returns one uniform number per row, a function of the seed and the row.

    An agent that draws from these writes the same text in every batch, so evaluation does not depend on the
    number of environments. Each row is hashed by a random linear form modulo 2^64 (Carter and Wegman 1979),
    followed by the mixing steps of SplitMix64 (Steele et al. 2014).

    Args:
        seed: One number or several; they choose the function.
        observation: int32 (n, context_length).

    Returns:
        float64 (n,) in [0, 1).
    """
    weights = np.random.default_rng(seed).integers(
        0, 2**64, observation.shape[-1] + 1, np.uint64
    ) | np.uint64(1)
    with np.errstate(over="ignore"):
        tokens = (np.asarray(observation, np.int64) + 2).astype(np.uint64)
        x = (tokens * weights[:-1]).sum(axis=-1, dtype=np.uint64) + weights[-1] + _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return np.asarray((x >> np.uint64(11)) * 2.0**-53)
