"""Demonstrations in disguise: values that were looked up, exchanged for others of their kind.

What an expert reads in a database row it repeats: names, streets, numbers. A small model learns such values
by heart, and a database with other venues finds it without words. Where the values of a dialogue are
exchanged consistently, and otherwise in every epoch, nothing can be remembered and copying is what is left
(the type swaps of Raiman and Miller 2017, "Globally Normalized Reader", on tokens).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from llm_baselines.play.trajectory import Trajectory

_MOST = 0.25


def looked_up(
    demonstrations: Sequence[Trajectory], markers: Mapping[str, tuple[int, ...]], vocabulary_size: int
) -> np.ndarray:
    """Tokens that only ever enter a dialogue through the database, and that the expert repeats.

    Args:
        demonstrations: Dialogues.
        markers: The tokenizer's; without one for the database there are no such tokens.
        vocabulary_size: V.

    Returns:
        int64, sorted. What stands in more than a quarter of the dialogues is no value but the rows' form.
    """
    roles = [markers[role][0] for role in ("user", "database", "agent") if markers.get(role)]
    if not demonstrations or not markers.get("database"):
        return np.empty(0, np.int64)
    entered, occurred, repeated = np.zeros((3, vocabulary_size), np.int64)
    for one in demonstrations:
        led_in = np.isin(one.tokens, roles)
        last_marker = np.maximum.accumulate(np.where(led_in, np.arange(len(led_in)), 0))
        tokens, first = np.unique(one.tokens, return_index=True)
        occurred[tokens] += 1
        repeated[one.tokens[one.actions]] += 1
        entered[tokens] += one.tokens[last_marker[first]] == markers["database"][0]
    few = occurred <= _MOST * len(demonstrations)
    values = np.flatnonzero((entered == occurred) & (repeated > 0) & few)
    return values[~np.isin(values, roles)]


def disguised(one: Trajectory, values: np.ndarray, rng: np.random.Generator) -> Trajectory:
    """The trajectory with every value exchanged for another, the same one throughout."""
    if not len(values):
        return one
    tokens = one.tokens.copy()
    at = np.searchsorted(values, tokens).clip(max=len(values) - 1)
    is_value = values[at] == tokens
    tokens[is_value] = rng.permutation(values)[at[is_value]]
    return replace(one, tokens=tokens)
