"""The rules of commas, ends of lines, and ends of sentences."""

from __future__ import annotations

from collections.abc import Iterator

from llm_envs.rewards.syntax.later import FORMS
from llm_envs.rewards.syntax.phrases import closed_states
from llm_envs.rewards.syntax.states import (
    ANY,
    BEGIN,
    BROKEN,
    HEADS,
    ODD,
    OPEN,
    WRONG,
    Move,
    State,
    is_complete,
)


def comma(s: State) -> Iterator[Move]:
    """Yields where a comma leads."""
    for closed, cost in closed_states(s):
        if closed.noun in OPEN:
            yield closed._replace(noun=""), cost + BROKEN
            continue
        plain = closed._replace(
            noun="", clause="full" if closed.clause in ("bare", "made") else closed.clause
        )
        if closed.noun == "w" and (closed.finite or closed.agr == "p"):
            cost += WRONG
        complete = is_complete(closed)
        yield (plain._replace(noun="c") if closed.clause == "subject" else plain), cost
        if closed.clause in ("begin", "front", "subject"):
            yield plain._replace(clause="said", agr="", outer=""), cost
        if complete or closed.clause in ("be", "is", "base", "do", "have"):
            less = 0 if complete else ODD
            after = plain._replace(clause="begin", agr="", tense="", outer="", gap="", finite=plain.finite)
            yield after, cost + less
            if closed.agr in ("b", "f", "g"):
                yield plain._replace(clause=FORMS[closed.agr], gap=""), cost + less
            elif closed.agr:
                yield plain._replace(clause="subject", gap=""), cost + less
            yield plain._replace(clause="said", agr=""), cost
            if closed.noun in HEADS:
                yield plain._replace(clause="verb"), cost
                yield plain._replace(prep=ANY), cost
            if closed.clause == "adj":
                yield plain._replace(clause="link"), cost
        elif closed.clause == "subject":
            yield plain._replace(clause="begin", agr="", tense=""), cost + (ODD if closed.finite else 0)
            yield plain._replace(clause="begin", agr="p"), cost
            if closed.noun in HEADS:
                yield plain._replace(prep=ANY), cost


def line_break(s: State) -> Iterator[Move]:
    """Yields where the end of a line leads: on, or to a new clause as if there were a comma."""
    yield s, ODD if s.noun in ("a", "d") else 0
    if s.noun not in OPEN and is_complete(s):
        yield BEGIN._replace(finite=s.finite), ODD


def ending(s: State, asked: bool = False) -> int:
    """Returns what it costs to end a sentence here, with a question mark if it is `asked`."""
    best = BROKEN + BROKEN + BROKEN
    for closed, cost in closed_states(s):
        if closed.noun in OPEN:
            cost += BROKEN
        elif closed.clause in ("begin", "front"):
            cost += 0 if closed == BEGIN else ODD
        elif closed.clause == "subject":
            cost += ODD if closed.finite else 0
        elif not is_complete(closed):
            cost += ODD if closed.clause in ("be", "is", "base") else WRONG
        if closed.outer:
            cost += ODD if closed.outer == "m" else WRONG
        if closed.waits and not closed.finite:
            cost += WRONG
        if closed.gap == "must" and closed.clause in ("full", "adj", "none", "link"):
            cost += WRONG
        if closed.asks and not asked:
            cost += WRONG
        best = min(best, cost)
    return best
