"""The n-grams of many sets of references as one automaton in arrays.

A state is the longest n-gram of the references that ends a text and can still grow. A step of many texts is
a few look-ups: token -> class, state and class -> transition, transition -> next state and n-grams that end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from llm_envs.rewards.ngram_table import NgramTable

NOTHING, UNKNOWN = 0, 1
"""Classes of tokens: one that leaves the text as it is, and a word that is in no reference. Words follow."""

_MOST_CELLS = 1 << 23  # transitions, 64 MB
_MOST_OF_ONE = 1 << 18
_MOST_CLASSES = 1 << 25  # classes of tokens, 64 MB


class Automata:
    """Automata of sets of references, and the classes that their words give to a vocabulary.

    Args:
        order: The length of the longest n-gram.
        classes: The class of every token where no word is known, uint16.
        tokens_of: word -> its tokens.

    Attributes:
        classes: Classes, uint16, as few as fit a cache; those of a set begin at `first_class`.
        transitions: state + class -> transition, int64.
        states: transition -> next state, int64.
        ends: transition, order - 1 -> the n-gram of this order that ends, counted in its set; 0 is none.
        limits: set, n-gram -> its greatest count in a reference, int64.
        tables: set -> its n-grams.
        closest: set -> the length of its only reference; 0 if there are several.
    """

    def __init__(self, order: int, classes: np.ndarray, tokens_of: Mapping[str, Sequence[int]]) -> None:
        self._order, self._template, self._tokens_of = order, classes, tokens_of
        self.clear()

    def clear(self) -> None:
        """Forgets all sets. Set 0 has no words."""
        self.classes = np.empty(0, np.uint16)
        self.transitions, self.states = np.empty(0, np.int64), np.empty(0, np.int64)
        self.ends, self.limits = np.empty((0, self._order), np.int64), np.zeros((0, 1), np.int64)
        self.tables: list[NgramTable] = []
        self.closest = np.zeros(0, np.int64)
        self._sets: dict[tuple[str, ...], int] = {}
        self._cells = self._transitions = 0
        self._starts = np.zeros(0, np.int64)
        self.add((), NgramTable([], self._order))

    def find(self, references: tuple[str, ...]) -> int | None:
        """Returns the number of a set, None if it has not been added."""
        return self._sets.get(references)

    def fits(self, table: NgramTable) -> bool:
        """Returns False for n-grams that are too many for an automaton."""
        return len(table.suffix) * (table.size + 1) <= _MOST_OF_ONE

    @property
    def full(self) -> bool:
        """True if sets should be forgotten before another one is added."""
        return self._cells > _MOST_CELLS or len(self.tables) * len(self._template) > _MOST_CLASSES

    def first_class(self, numbers: np.ndarray) -> np.ndarray:
        """Returns where the classes of some sets begin in `classes`."""
        return numbers * len(self._template)

    def first_state(self, number: int) -> int:
        """Returns the state of an empty text, which is that behind an unknown word too."""
        return self._starts.item(number)

    def start(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the states of empty texts for some sets."""
        return self._starts[numbers]

    def add(self, references: tuple[str, ...], table: NgramTable) -> int:
        """Adds a set of references. Returns its number."""
        number, width = len(self.tables), table.size + 1
        order, suffix = np.array(table.order), np.array(table.suffix)
        (nodes,) = (order < self._order).nonzero()  # those that can still grow
        row_of = np.full(len(order), -1)
        row_of[nodes] = np.arange(len(nodes))
        rows = np.zeros((len(nodes), width), np.int64)
        children: dict[int, list[tuple[int, int]]] = {}
        for key, node in table.child.items():
            parent, word = divmod(key, table.size)
            children.setdefault(parent, []).append((word + UNKNOWN, node))
        for row, node in enumerate(nodes.tolist()):  # a suffix has a smaller number
            if node:
                rows[row] = rows[row_of[suffix[node]]]
            for word, child in children.get(node, ()):
                rows[row, word] = child
        # Transitions: one without an n-gram, one for every n-gram, and one for every state that stays.
        rows[:, NOTHING] = len(order) + np.arange(len(nodes))
        next_rows = np.concatenate([row_of[np.array(table.context)], np.arange(len(nodes))])
        first = self._transitions
        self.transitions = _put(self.transitions, self._cells, (rows + first).ravel())
        self.states = _put(self.states, first, next_rows * width + self._cells)
        self.ends = _put(self.ends, first, self._ends_of(order, suffix, len(nodes)))
        self._starts = _put(self._starts, number, np.array([self._cells]))
        lengths = table.lengths
        self.closest = _put(self.closest, number, np.array(lengths if len(lengths) == 1 else [0]))
        self._cells += rows.size
        self._transitions += len(next_rows)
        classes = self._template.copy()
        for text, of_word in table.vocabulary.items():
            for token in self._tokens_of.get(text, ()):
                classes[token] = of_word + UNKNOWN
        self.classes = _put(self.classes, number * len(classes), classes)
        self._put_limits(number, table.count)
        self.tables.append(table)
        self._sets[references] = number
        return number

    def _ends_of(self, order: np.ndarray, suffix: np.ndarray, states: int) -> np.ndarray:
        ends = np.zeros((len(order) + states, self._order), np.int64)
        every, found = np.arange(len(order)), np.arange(len(order))
        for _ in range(self._order):
            some = found > 0
            ends[every[some], order[found[some]] - 1] = found[some]
            found = suffix[found]
        return ends

    def _put_limits(self, number: int, counts: Sequence[int]) -> None:
        sets, width = self.limits.shape
        if number >= sets or len(counts) > width:
            larger = np.zeros((max(2 * sets, number + 1), max(width, len(counts))), np.int64)
            larger[:sets, :width] = self.limits
            self.limits = larger
        self.limits[number, : len(counts)] = counts


def _put(array: np.ndarray, at: int, values: np.ndarray) -> np.ndarray:
    """Writes values behind the first `at`. Returns the array, which may be a larger one."""
    end = at + len(values)
    if end > len(array):
        larger = np.zeros((max(end, 2 * len(array)), *array.shape[1:]), array.dtype)
        larger[:at] = array[:at]
        array = larger
    array[at:end] = values
    return array
