"""The rules of how a clause begins, other than with a noun phrase."""

from __future__ import annotations

from collections.abc import Iterator

from llm_envs.rewards.syntax.states import ODD, WRONG, Move, State
from llm_envs.rewards.syntax.verbs import AUXILIARIES, BY_KIND, SHORT, finite_verb


def first_word(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Yields where a word leads at the beginning of a clause."""
    plain = s._replace(noun="")
    done = s.finite or not s.outer
    if tag in SHORT:
        clause, number = SHORT[tag]
        yield plain._replace(clause=clause, agr=number, finite=done), 0
        if tag in ("CZ", "CD"):
            yield plain._replace(clause="done", agr=number, finite=done), 0
    elif tag == "LT":
        yield plain._replace(clause="base", agr="b", finite=done), 0
    elif tag == "VI":
        if s.agr == "":
            cost = WRONG if s.finite or (s.gap and s.clause == "begin") else 0
            yield plain._replace(clause=BY_KIND[kind], agr="b", finite=done), cost
    elif tag in AUXILIARIES:
        clause, _ = AUXILIARIES[tag]
        if tag == "OP":
            yield plain._replace(clause="base", agr="b", finite=done), 0
        asks = s.asks or (s.clause == "begin" and not (s.finite or s.outer or s.gap))
        after = {"be": "ask-be", "have": "ask-have"}.get(clause, "ask-base")
        yield plain._replace(clause=after, finite=done, asks=asks), 0
        if s.clause == "front" and clause == "be":
            yield plain._replace(clause="ask-full", finite=done), 0
        if s.gap:
            return
        yield from finite_verb(plain._replace(agr="?"), tag, kind, WRONG)
    elif tag in ("Z", "D", "V"):
        if tag != "V":
            yield plain._replace(clause=BY_KIND[kind], agr="?", finite=done), WRONG
        if s.clause == "front" and not s.gap:
            yield plain._replace(clause="ask-full", finite=done), ODD
    elif tag == "G":
        yield plain._replace(clause=BY_KIND[kind], agr="g"), 0
        yield plain._replace(clause="subject", agr="s", noun="x"), ODD
    elif tag == "F":
        yield plain._replace(clause="full", agr="f"), ODD
    elif tag == "TO":
        yield plain._replace(clause="base", agr="b"), 0
    elif tag == "CS":
        waits = s.waits or not (s.finite or s.outer)
        yield plain._replace(clause="begin", outer=s.outer or ("" if s.finite else "m"), waits=waits), 0
    elif tag == "WP":
        asks = s.asks or (s.clause == "begin" and kind == "ask" and not (s.finite or s.outer or s.gap))
        late = 0 if s.clause == "begin" else WRONG
        yield plain._replace(clause="subject", agr="?", asks=asks), late
        yield plain._replace(clause="begin", tense="", gap="may", asks=asks), late
        yield plain._replace(clause="begin", tense="", gap="may", outer=s.outer or "s"), ODD
    elif tag == "WR":
        yield plain._replace(clause="wh", gap="may"), 0
        if kind == "how":
            yield plain._replace(clause="how", gap="may"), 0
        outer = s.outer or ("" if s.finite else "m")
        waits = s.waits or not (s.finite or s.outer)
        yield plain._replace(clause="begin", tense="", gap="may", outer=outer, waits=waits), 0
