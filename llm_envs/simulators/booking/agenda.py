"""The agenda of the booking user: a stack of the user acts still to be said.

Schatzmann et al. 2007, section 2.2: "the agenda is a stack-like structure containing the pending
user dialogue acts"; acts at its top are said next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

ActKind = Literal["inform", "request", "book", "detail", "bye"]


@dataclass(frozen=True)
class UserAct:
    """One item of the agenda: inform of, request or detail one slot; book; say goodbye."""

    kind: ActKind
    slot: str = ""


class Agenda:
    """A stack of user acts: goodbye at the bottom, the errands above it, informs on top.

    Args:
        rng: Source of the order within informs and within errands.
        informs: Constrained slots besides the type, which comes first.
        requests: Slots to ask for.
        booking: True if the user wants a booking.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        informs: Sequence[str],
        requests: Sequence[str],
        booking: bool,
    ) -> None:
        errands = [UserAct("request", slot) for slot in requests]
        errands += [UserAct("book")] if booking else []
        self._stack = [UserAct("bye")]
        self._stack += [errands[int(i)] for i in rng.permutation(len(errands))]
        self._stack += [UserAct("inform", informs[int(i)]) for i in rng.permutation(len(informs))]
        self._stack.append(UserAct("inform", "type"))

    def __contains__(self, act: UserAct) -> bool:
        return act in self._stack

    def pop(self) -> UserAct:
        """Removes and returns the next act to say."""
        return self._stack.pop()

    def push(self, acts: Iterable[UserAct]) -> None:
        """Puts acts on top; the last of them is said first."""
        self._stack.extend(acts)

    def next_is(self, kind: ActKind) -> bool:
        """Returns True if the act on top is of a kind."""
        return bool(self._stack) and self._stack[-1].kind == kind

    def slots(self, kind: ActKind) -> set[str]:
        """The slots of all acts of a kind."""
        return {act.slot for act in self._stack if act.kind == kind}

    def strike(self, kind: ActKind, slots: Iterable[str] | None = None) -> None:
        """Removes the acts of a kind, all of them or those on some slots."""
        struck = self.slots(kind) if slots is None else set(slots)
        self._stack = [a for a in self._stack if not (a.kind == kind and a.slot in struck)]
