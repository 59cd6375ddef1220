"""Disguised demonstrations: each value that the expert reads in a database is replaced by another.

An expert repeats names, streets and numbers from database rows. A small model memorises these values, and
then fails on a database with other venues. A replacement is consistent within a dialogue and differs in every
epoch, so that the model must copy. These are the type swaps of Raiman and Miller 2017 ("Globally Normalized
Reader"), on tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from llm_baselines.play.trajectory import Trajectory

_LARGEST_SHARE = 0.25


def database_values(
    demonstrations: Sequence[Trajectory], markers: Mapping[str, tuple[int, ...]], vocabulary_size: int
) -> np.ndarray:
    """Returns the tokens that enter dialogues only through the database, and that the expert repeats.

    Args:
        demonstrations: Dialogues.
        markers: The tokenizer's markers; without a marker for the database the result is empty.
        vocabulary_size: V.

    Returns:
        int64, sorted. Tokens in more than a quarter of the dialogues are left out: they belong to the form
        of the rows.
    """
    roles = [markers[role][0] for role in ("user", "database", "agent") if markers.get(role)]
    if not demonstrations or not markers.get("database"):
        return np.empty(0, np.int64)
    entered, occurred, repeated = np.zeros((3, vocabulary_size), np.int64)
    for one in demonstrations:
        is_marker = np.isin(one.tokens, roles)
        last_marker = np.maximum.accumulate(np.where(is_marker, np.arange(len(is_marker)), 0))
        tokens, first = np.unique(one.tokens, return_index=True)
        occurred[tokens] += 1
        repeated[one.tokens[one.actions]] += 1
        entered[tokens] += one.tokens[last_marker[first]] == markers["database"][0]
    rare = occurred <= _LARGEST_SHARE * len(demonstrations)
    values = np.flatnonzero((entered == occurred) & (repeated > 0) & rare)
    return values[~np.isin(values, roles)]


def disguised(one: Trajectory, values: np.ndarray, rng: np.random.Generator) -> Trajectory:
    """Returns the trajectory with every value consistently replaced by another."""
    if not len(values):
        return one
    tokens = one.tokens.copy()
    at = np.searchsorted(values, tokens).clip(max=len(values) - 1)
    is_value = values[at] == tokens
    tokens[is_value] = rng.permutation(values)[at[is_value]]
    return replace(one, tokens=tokens)
