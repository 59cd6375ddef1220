"""Splits by hash: a source, or a group of examples, is in one split only.

Examples with equal sources (see `normalise_source`) or an equal metadata "group" belong together. The
hash of such a group's name decides its split, 80 : 10 : 10, unless a bundled corpus has other shares. The
rest of the data set does not matter. A small data set may leave a split empty. It then gets the group of the
largest split whose draw is nearest to its interval; see `fill_empty`. If there are fewer groups than
splits, some splits stay empty.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from llm_envs.data.corpus import SPLITS, example_digest
from llm_envs.episode import Example

Shares = tuple[float, float, float]

DEFAULT_SHARES: Shares = (0.8, 0.1, 0.1)
"""Train, validation and test."""


def normalise_source(text: str) -> str:
    """Returns a text in the form that decides whether two sources are equal.

    NFKC, case folded, single spaces.
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def source_key(source: str) -> int:
    """Returns a 64-bit key of the normalised source."""
    return _key("source " + normalise_source(source))


def group_key(group: Any) -> int:
    """Returns a 64-bit key of a group, such as a poem or a dialogue."""
    return _key(f"group {group}")


def _key(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def assign_splits(
    sources: npt.NDArray[np.uint64],
    groups: npt.NDArray[np.uint64] | None = None,
    shares: Shares = DEFAULT_SHARES,
) -> npt.NDArray[np.int8]:
    """Draws the split of every example by hash.

    Examples that share a source or a group, directly or through others, stay together.

    Args:
        sources: The `source_key` of every example.
        groups: The `group_key` of every example. Examples without a group have their source key.
        shares: The shares of train, validation and test.

    Returns:
        For every example an index into `SPLITS`.
    """
    labels = sources if groups is None else _components(sources, groups)
    unique, inverse = np.unique(labels, return_inverse=True)
    draws = np.array([_draw(int(label)) for label in unique])
    bounds = np.cumsum(shares)[:2] / sum(shares)
    drawn = np.searchsorted(bounds, draws, side="right").astype(np.int8)
    return fill_empty(drawn, draws, shares)[inverse]


def fill_empty(
    drawn: npt.NDArray[np.int8], draws: npt.NDArray[np.float64], shares: Shares
) -> npt.NDArray[np.int8]:
    """Gives every empty split a group, in the order train, validation, test.

    Args:
        drawn: The split of every group, an index into `SPLITS`.
        draws: The number in [0, 1) that decided it.
        shares: The shares of the splits. A split of share 0 stays empty.

    Returns:
        The splits. They equal `drawn` if no split with a share is empty, or if there are fewer groups than
        such splits.
    """
    wanted = [index for index, share in enumerate(shares) if share]
    if len(drawn) < len(wanted):
        return drawn
    filled = drawn.copy()
    edges = np.array([0.0, *np.cumsum(shares) / sum(shares)])
    for index in wanted:
        sizes = np.bincount(filled, minlength=len(shares))
        if sizes[index]:
            continue
        givers = np.flatnonzero(filled == sizes.argmax())
        middle = (edges[index] + edges[index + 1]) / 2
        filled[givers[np.abs(draws[givers] - middle).argmin()]] = index
    return filled


def _draw(label: int) -> float:
    """Returns a number in [0, 1). The label is hashed again: it is the least of many keys, so it is small."""
    digest = hashlib.sha256(b"split" + label.to_bytes(8, "big")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _components(sources: npt.NDArray[np.uint64], groups: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Labels examples so that a shared source or group means a shared label (the least group key)."""
    names, source_of = np.unique(sources, return_inverse=True)
    keys, group_of = np.unique(groups, return_inverse=True)
    label = np.arange(len(keys))
    while True:
        by_source = np.full(len(names), len(keys))
        np.minimum.at(by_source, source_of, label[group_of])
        lower = label.copy()
        np.minimum.at(lower, group_of, by_source[source_of])
        if np.array_equal(lower, label):
            return keys[label[group_of]]
        label = lower


def split_examples(
    examples: Iterable[Example], shares: Shares = DEFAULT_SHARES
) -> dict[str, Sequence[Example]]:
    """Removes exact duplicates and draws the splits by source and ``metadata["group"]``."""
    kept = list({example_digest(example): example for example in examples}.values())
    if not kept:
        return {}
    sources = np.array([source_key(example.source) for example in kept], np.uint64)
    groups = sources.copy()
    for index, example in enumerate(kept):
        if "group" in example.metadata:
            groups[index] = group_key(example.metadata["group"])
    drawn = assign_splits(sources, groups, shares)
    return {
        name: tuple(example for example, split in zip(kept, drawn, strict=True) if split == index)
        for index, name in enumerate(SPLITS)
    }
