"""The rules of verbs: what may follow them, and what they agree with."""

from __future__ import annotations

from collections.abc import Iterator

from llm_envs.rewards.syntax.states import ODD, WRONG, Move, State

BY_KIND = {
    "i": "none",
    "t": "verb",
    "": "free",
    "d": "two",
    "s": "say",
    "ds": "tell",
    "c": "cause",
    "w": "watch",
    "p": "make",
    "cs": "see",
    "l": "link",
}
"""Kinds of verbs -> what the clause is after them."""

AUXILIARIES = {
    "BM": ("be", "1"),
    "BZ": ("be", "s"),
    "BP": ("be", "p"),
    "WAS": ("be", "s1"),
    "HP": ("have", "1p"),
    "HZ": ("have", "s"),
    "HD": ("have", "1sp"),
    "OP": ("do", "1p"),
    "OZ": ("do", "s"),
    "OD": ("do", "1sp"),
    "MD": ("base", "1sp"),
}
"""Auxiliaries -> what the clause is after them, and the numbers of their subjects."""

SHORT = {
    "CM": ("be", "1"),
    "CZ": ("be", "s"),
    "CP": ("be", "p"),
    "CH": ("have", "p"),
    "CL": ("short", "p"),
    "CD": ("short", "p"),
}
"""Subject and auxiliary in one word -> what the clause is after it, and its number."""

_FINITE = {"V": "1p?", "Z": "s?", "D": "1sp?"}


def finite_verb(s: State, tag: str, kind: str, cost: int) -> Iterator[Move]:
    """Yields the states after a finite verb whose subject has been read."""
    if s.noun == "w":
        cost += WRONG
    elif s.noun == "c":
        cost += ODD
    now = s._replace(noun="", finite=s.finite or not s.outer)
    if tag in _FINITE:
        wrong = 0 if s.agr in _FINITE[tag] or s.agr == "" else WRONG
        tense = "d" if tag == "D" else "z"
        if s.tense and s.tense != tense:
            wrong += WRONG
        yield now._replace(clause=BY_KIND[kind], tense=tense), cost + wrong
    elif tag in AUXILIARIES:
        clause, numbers = AUXILIARIES[tag]
        wrong = 0 if s.agr in numbers or s.agr in ("?", "") else WRONG
        if clause == "be" and s.noun in ("n", "k", "w"):
            clause = "is"
        if clause == "do" and kind == "not":
            clause = "base"
        yield now._replace(clause=clause, tense=""), cost + wrong
