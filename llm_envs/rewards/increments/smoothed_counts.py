"""SmoothedCounts: matches of n-grams of order 1 to 4 in many texts, and products of them, smoothed."""

from __future__ import annotations

import numpy as np

_ORDER = 4
_SCALES = (1, 8, 4, 2)  # what makes smoothed counts whole numbers


class SmoothedCounts:
    """Counts of many texts, with the smoothing "exp" of Chen and Cherry (2014) as in sacrebleu.

    The n-th order without a match counts 1/2, 1/4, ... In a product with the orders above it, this is what a
    fixed number for each order makes: 1/8, 1/4, 1/2. So a count is a place in a table of numbers.

    Args:
        number: The number of texts.

    Attributes:
        at: text, order - 1 -> the place of its count in the table, int64. It may be changed in place.
    """

    def __init__(self, number: int) -> None:
        self._most = 0
        self.at = np.zeros((number, _ORDER), np.int64)
        self._first = np.zeros(_ORDER, np.int64)
        self._values = np.zeros((number, _ORDER))
        self._halves = self._values[:, :2], self._values[:, 2:]
        self._pairs = np.zeros((number, 2))
        self._columns = self._pairs[:, 0], self._pairs[:, 1]
        self.make_room(64)

    def begin(self, rows: np.ndarray) -> None:
        """Sets the counts of some texts to 0."""
        self.at[rows] = self._first

    def counts(self, rows: np.ndarray) -> np.ndarray:
        """Returns the counts of some texts, int64 (len(rows), 4)."""
        return self.at[rows] - self._first

    def make_room(self, most: int) -> None:
        """Makes room for counts up to a number."""
        if most <= self._most:
            return
        self._most = max(most, 2 * self._most)
        of_order = [np.arange(self._most + 1.0) * scale for scale in _SCALES]
        for values in of_order[1:]:
            values[0] = 1.0
        self._table = np.concatenate(of_order)
        first = np.arange(_ORDER) * (self._most + 1)
        self.at += first - self._first
        self._first = first

    def products(self) -> np.ndarray:
        """Returns 64 times the product of the smoothed counts of each text, float64 (number,)."""
        self._table.take(self.at, out=self._values, mode="clip")
        np.multiply(*self._halves, out=self._pairs)
        products: np.ndarray = np.multiply(*self._columns)
        return products
