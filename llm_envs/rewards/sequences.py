"""Edit distance and longest common subsequence, bit-parallel: one pass over the text, one integer a row."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Returns Levenshtein's distance (Myers 1999, in the form of Hyyrö 2003).

    Args:
        first: Characters or words.
        second: Characters or words.
    """
    if not first:
        return len(second)
    masks, every, top = _masks(first), (1 << len(first)) - 1, 1 << (len(first) - 1)
    up, down, distance = every, 0, len(first)
    for item in second:
        equal = masks.get(item, 0)
        vertical = equal | down
        diagonal = (((equal & up) + up) ^ up) | equal
        plus, minus = down | ~(diagonal | up), up & diagonal
        distance += bool(plus & top) - bool(minus & top)
        plus = (plus << 1) | 1
        up = ((minus << 1) | ~(vertical | plus)) & every
        down = plus & vertical & every
    return distance


def common_subsequence(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Returns the length of the longest common subsequence (Hyyrö 2004).

    Args:
        first: Characters or words.
        second: Characters or words.
    """
    growing = CommonSubsequence(first)
    growing.extend(second)
    return growing.length


class CommonSubsequence:
    """The longest common subsequence with a growing sequence. An item costs one pass over `first`, as bits.

    Args:
        first: The sequence that stays.
    """

    __slots__ = ("_every", "_masks", "row")

    def __init__(self, first: Sequence[Hashable]) -> None:
        self._masks, self._every = _masks(first), (1 << len(first)) - 1
        self.row = self._every

    def extend(self, items: Sequence[Hashable]) -> None:
        """Appends items to the growing sequence. To take them back, set `row` to what it was."""
        row, masks, every = self.row, self._masks, self._every
        for item in items:
            mask = masks.get(item)
            if mask is not None:
                common = row & mask
                row = ((row + common) | (row - common)) & every
        self.row = row

    @property
    def length(self) -> int:
        """The length of the longest common subsequence."""
        return (self._every ^ self.row).bit_count()


def _masks(items: Sequence[Hashable]) -> dict[Hashable, int]:
    """Returns for each item the places where it stands, as bits."""
    masks: dict[Hashable, int] = {}
    for place, item in enumerate(items):
        masks[item] = masks.get(item, 0) | (1 << place)
    return masks
