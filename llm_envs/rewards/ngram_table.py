"""The n-grams of one set of references as ints, and clipped matches counted token by token."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

_CACHED_NGRAMS = 500_000  # about 60 MB; 20,000 sentences of ten words hold 700,000


class NgramTable:
    """All n-grams of several token sequences, with their greatest count in any one of them.

    An n-gram is an int, its node; 0 is the empty one. The longest n-gram of the table that ends at a position
    decides which shorter ones end there (its suffixes). So one node per position is enough.

    Attributes:
        vocabulary: token -> its number in this table, from 1.
        child: node * len(vocabulary) + token number -> the longer node.
        suffix: node -> the node without its first token.
        context: node -> the longest suffix that can still grow.
        order: node -> its length.
        count: node -> clip limit.
        lengths: The number of tokens of each sequence.
    """

    __slots__ = (
        "child",
        "context",
        "count",
        "lengths",
        "max_order",
        "order",
        "size",
        "suffix",
        "vocabulary",
    )

    def __init__(self, sequences: Sequence[Sequence[str]], max_order: int) -> None:
        self.max_order = max_order
        self.lengths = [len(sequence) for sequence in sequences]
        words = dict.fromkeys(token for sequence in sequences for token in sequence)
        self.vocabulary = {word: i for i, word in enumerate(words, 1)}
        self.size = len(words) + 1
        self.child: dict[int, int] = {}
        self.suffix, self.context, self.order, self.count = [0], [0], [0], [0]
        for sequence in sequences:
            self._add(sequence)

    def _add(self, sequence: Sequence[str]) -> None:
        seen: dict[int, int] = {}
        ending: list[int] = []  # nodes of order 1, 2, ... that end at the position before
        for word in sequence:
            token = self.vocabulary[word]
            now, shorter = [], 0
            for parent in [0, *ending[: self.max_order - 1]]:
                key = parent * self.size + token
                node = self.child.get(key)
                if node is None:
                    node = self.child[key] = len(self.suffix)
                    self.suffix.append(shorter)
                    self.order.append(self.order[parent] + 1)
                    self.count.append(0)
                    full = self.order[node] == self.max_order
                    self.context.append(shorter if full else node)
                seen[node] = seen.get(node, 0) + 1
                now.append(node)
                shorter = node
            ending = now
        for node, count in seen.items():
            if count > self.count[node]:
                self.count[node] = count

    def closest_length(self, length: int) -> int:
        """Returns the sequence length nearest to `length`, the shorter of two equally near."""
        lengths = self.lengths
        if len(lengths) == 1:
            return lengths[0]
        return min(lengths, key=lambda reference: (abs(reference - length), reference))


class Matches:
    """Clipped n-gram matches of a growing token sequence against a table.

    Attributes:
        length: Tokens read.
        correct: correct[n] is the number of matched n-grams of order n; index 0 is unused.
        node: The longest n-gram of the table that ends the sequence and can still grow.
    """

    __slots__ = ("_used", "correct", "length", "node", "table")

    def __init__(self, table: NgramTable) -> None:
        self.table = table
        self.length = 0
        self.correct = [0] * (table.max_order + 1)
        self.node = 0
        self._used = [0] * len(table.suffix)

    def extend(self, tokens: Iterable[str]) -> Read:
        """Reads tokens that follow those read before. `take_back` undoes it, given the returned value."""
        table, used, correct = self.table, self._used, self.correct
        child, suffix, context = table.child, table.suffix, table.context
        order, count, size = table.order, table.count, table.size
        ids = list(map(table.vocabulary.get, tokens))
        ends: list[int] = []
        before, node = self.node, self.node
        for token in ids:
            if token is None:
                node = 0
                continue
            found = child.get(node * size + token)
            while found is None:
                node = suffix[node]
                found = child.get(node * size + token)
            ends.append(found)
            node = context[found]
            while found:
                times = used[found] = used[found] + 1
                if times <= count[found]:
                    correct[order[found]] += 1
                found = suffix[found]
        self.node = node
        self.length += len(ids)
        return Read(len(ids), before, ends)

    def extend_by(self, token: int) -> int:
        """Reads one token, given its number in the vocabulary. Returns the longest n-gram that it ends."""
        table, used, correct = self.table, self._used, self.correct
        child, suffix, node, size = table.child, table.suffix, self.node, table.size
        found = child.get(node * size + token)
        while found is None:
            node = suffix[node]
            found = child.get(node * size + token)
        self.node = table.context[found]
        self.length += 1
        ending = found
        while ending:
            times = used[ending] = used[ending] + 1
            if times <= table.count[ending]:
                correct[table.order[ending]] += 1
            ending = suffix[ending]
        return found

    def take_back(self, read: Read) -> None:
        """Undoes the last `extend`."""
        table, used = self.table, self._used
        self.length -= read.length
        self.node = read.node_before
        for found in read.ends:
            while found:
                if used[found] <= table.count[found]:
                    self.correct[table.order[found]] -= 1
                used[found] -= 1
                found = table.suffix[found]


class Read(NamedTuple):
    """What one `Matches.extend` read: the number of tokens, the node before them, and the counted nodes."""

    length: int
    node_before: int
    ends: list[int]


class TableCache:
    """Tables by references. The least recently used are removed if there are too many n-grams."""

    def __init__(self, make: Callable[[tuple[str, ...]], NgramTable]) -> None:
        self._make = make
        self._tables: OrderedDict[tuple[str, ...], NgramTable] = OrderedDict()
        self._ngrams = 0

    def __call__(self, references: tuple[str, ...]) -> NgramTable:
        """Returns the table of some references."""
        table = self._tables.get(references)
        if table is not None:
            self._tables.move_to_end(references)
            return table
        table = self._tables[references] = self._make(references)
        self._ngrams += len(table.suffix)
        while self._ngrams > _CACHED_NGRAMS and len(self._tables) > 1:
            self._ngrams -= len(self._tables.popitem(last=False)[1].suffix)
        return table

    def __reduce__(self) -> tuple[type[TableCache], tuple[Callable[[tuple[str, ...]], NgramTable]]]:
        return type(self), (self._make,)  # a pickled cache starts empty
