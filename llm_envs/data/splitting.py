"""Splits that nobody drew by hand: a source, or a group of examples, is in one split only.

Examples with equal sources (as `normalise_source` has it) or an equal metadata "group" belong together. The
split of every such group is drawn by the hash of its name, whatever else a data set holds: 80 : 10 : 10,
unless a bundled corpus has shares of its own. Where a few groups leave a split empty that has a share, it is
given the group of the largest split whose draw is nearest to its own interval; see `fill_empty`. Of fewer
groups than splits some stay empty.
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
    """What makes two sources the same: NFKC, case folded, white space collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def source_key(source: str) -> int:
    """A 64-bit key of the normalised source."""
    return _key("source " + normalise_source(source))


def group_key(group: Any) -> int:
    """A 64-bit key of a group, such as a poem or a dialogue."""
    return _key(f"group {group}")


def _key(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def assign_splits(
    sources: npt.NDArray[np.uint64],
    groups: npt.NDArray[np.uint64] | None = None,
    shares: Shares = DEFAULT_SHARES,
) -> npt.NDArray[np.int8]:
    """Draw the split of every example by hash.

    Examples that share a source or a group, directly or through others, stay together.

    Args:
        sources: The `source_key` of every example.
        groups: The `group_key` of every example; where an example has no group, its source key.
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
        draws: What it was drawn with, numbers in [0, 1).
        shares: The shares of the splits; one of share 0 stays empty.

    Returns:
        `drawn`, unchanged where no split with a share is empty or there are fewer groups than such splits.
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
    """A number in [0, 1): hashed once more, for the smallest key of many is no fair draw."""
    digest = hashlib.sha256(b"split" + label.to_bytes(8, "big")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _components(sources: npt.NDArray[np.uint64], groups: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Label examples so that a shared source or group means a shared label (a least group key)."""
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
    """Remove exact duplicates and draw the splits by source and ``metadata["group"]``."""
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
