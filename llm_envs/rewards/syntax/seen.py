"""What a text had before."""

from __future__ import annotations

from collections.abc import Hashable, Set


class Seen:
    """A set that grows. A fork grows on without changing the original.

    Args:
        before: What the original has.
    """

    __slots__ = ("_before", "_own")

    def __init__(self, before: Set[Hashable] = frozenset()) -> None:
        self._before, self._own = before, set[Hashable]()

    def add(self, thing: Hashable) -> bool:
        """Adds a thing. Returns True if it was there."""
        if thing in self._own or thing in self._before:
            return True
        self._own.add(thing)
        return False

    def fork(self) -> Seen:
        """Returns a set that goes on from here. An original may not be a fork itself."""
        return Seen(self._own)
