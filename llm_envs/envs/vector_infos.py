"""Infos of vector environments: dicts with one array per key, as Gymnasium lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def merge_infos(into: dict[str, Any], infos: Mapping[int, Mapping[str, Any]], mask: np.ndarray) -> None:
    """Adds the infos of some rows to vector infos, as Gymnasium's `VectorEnv._add_info` does row by row.

    Every key becomes an array with one value per row, and `_key` becomes the mask. Dicts nest.

    Args:
        into: The vector infos. They hold none of the keys yet.
        infos: Row -> its info, at least one. All have the same keys.
        mask: True for these rows, bool (num_envs,).
    """
    for key, value in next(iter(infos.values())).items():
        if isinstance(value, dict):
            into[key] = {}
            merge_infos(into[key], {row: info[key] for row, info in infos.items()}, mask)
        else:
            plain = type(value) in (int, float, bool)
            column = np.zeros(len(mask), type(value)) if plain else np.empty(len(mask), object)
            for row, info in infos.items():
                column[row] = info[key]
            into[key] = column
        into[f"_{key}"] = mask


def has_info(infos: Mapping[str, Any], key: str, row: int) -> bool:
    """Returns True if a row has a value for a key; without a mask `_key` every row has one."""
    return key in infos and bool(infos.get(f"_{key}", [True] * (row + 1))[row])


def row_info(infos: Mapping[str, Any], row: int) -> dict[str, Any]:
    """Returns the info of one row, as a single environment would give it."""
    info: dict[str, Any] = {}
    for key, value in infos.items():
        is_mask = key.startswith("_") and key[1:] in infos
        if not is_mask and has_info(infos, key, row):
            info[key] = row_info(value, row) if isinstance(value, dict) else value[row]
    return info
