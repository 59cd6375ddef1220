"""The rules of what follows a noun or a clause: modifiers, lesser clauses, and what "and" joins."""

from __future__ import annotations

from collections.abc import Iterator

from llm_envs.rewards.syntax.begin import first_word
from llm_envs.rewards.syntax.phrases import PRONOUNS, TIMED, opening
from llm_envs.rewards.syntax.states import ANY, HEADS, ODD, SUBJECTS, WRONG, Move, State, lacks_gap
from llm_envs.rewards.syntax.verbs import BY_KIND, SHORT, finite_verb

_TELLING = frozenset(["say", "see", "tell", "told"])
_SUBJECTS_OF_TOLD = frozenset(["DT", "AT", "EX", "N", "P", "PN", "DS", *PRONOUNS, *SHORT])

FORMS = {"b": "base", "f": "done", "g": "ing"}
"""Forms that go on after "and" -> what the clause is then."""


def modifier(s: State, tag: str, kind: str, complete: bool) -> Iterator[Move]:
    """Yields where a word leads that says more about a noun, or begins a lesser clause."""
    subject = s.clause == "subject"
    if subject and s.outer and s.outer != "m":
        return
    inner = s._replace(noun="", outer=s.agr if subject else s.outer, tense="")
    if subject and s.outer == "m":
        inner = inner._replace(outer="m")
    headed = s.noun in HEADS
    if tag == "WP" and (headed or complete):
        number = s.agr if subject else {"n": "s", "k": "p"}.get(s.noun, "?")
        yield inner._replace(clause="subject", agr=number), 0 if headed else ODD
        if kind == "whose":
            yield inner._replace(clause="begin", agr="", tense="", noun="d", gap="may"), 0
        yield inner._replace(clause="begin", agr="", tense="", gap="may"), 0 if headed else ODD
    elif tag == "WR":
        yield inner._replace(clause="begin", agr="", tense="", gap="may"), 0
        if kind == "how":
            yield inner._replace(clause="how", agr="", gap="may"), 0
    elif tag == "TO":
        yield inner._replace(clause="base", agr="b", gap="may" if headed else ""), 0 if not subject else ODD
    elif tag == "G":
        yield inner._replace(clause=BY_KIND[kind], agr="g"), 0 if headed or complete else ODD
    elif tag == "F" and (headed or complete):
        yield inner._replace(clause="full", agr="f"), ODD
    elif headed and tag in PRONOUNS:
        yield inner._replace(clause="subject", noun="x", agr=PRONOUNS[tag], gap="must"), 0
    elif headed and tag in SHORT:
        clause, number = SHORT[tag]
        yield inner._replace(clause=clause, agr=number, gap="must"), 0
    elif headed and tag == "PN":
        yield inner._replace(clause="subject", noun="x", agr="s", gap="must"), ODD
    elif headed and tag == "DT":
        yield inner._replace(clause="begin", agr="", tense="", noun="d", gap="must"), ODD
    elif tag in ("J", "K") and complete:
        cost = 0 if s.clause in ("bare", "made", "link", "see", "say") else ODD
        yield s._replace(clause="adj", noun=""), cost


def afterwards(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Yields where a word leads after a clause that may be complete."""
    plain = s._replace(noun="")
    if tag == "CS":
        yield plain._replace(clause="begin", agr="", tense="", gap="may" if kind == "as" else ""), 0
        if kind == "as":
            yield plain._replace(prep=ANY), 0
    if (s.noun == "x" and tag in ("DP", "QM")) or tag == "PX":
        yield plain, 0
    if s.clause in ("bare", "link", "watch") and tag == "V":
        yield plain._replace(clause=BY_KIND[kind], agr="b"), 0
    if s.clause == "bare" and tag == "BB":
        yield plain._replace(clause="be", agr="b"), 0
    if s.outer and s.outer != "m":
        outer = plain._replace(clause="subject", agr=s.outer, outer="", gap="", tense="")
        yield from finite_verb(outer, tag, kind, WRONG if lacks_gap(s) else 0)
    if s.outer == "m":
        begun = plain._replace(clause="begin", agr="", tense="", outer="", gap="")
        yield from opening(begun, tag, kind)
        yield from first_word(begun, tag, kind)
    if s.clause in _TELLING:
        begun = plain._replace(clause="begin", agr="", tense="", gap="")
        if tag in _SUBJECTS_OF_TOLD:
            yield from opening(begun, tag, kind)
            yield from first_word(begun, tag, kind)
        if tag in ("J", "RB", "UH"):
            yield plain._replace(clause="adj"), ODD
    if (s.clause in ("full", "free", "adj", "bare", "made", "none") or s.gap) and tag in TIMED:
        yield plain._replace(clause="time", noun="p" if tag == "NU" else "d"), ODD if tag == "DT" else 0
    if s.clause in ("full", "adj") and tag in ("N", "P", "M") and "t" in kind.partition("|")[0]:
        yield plain, ODD


def joined(s: State, complete: bool) -> Iterator[Move]:
    """Yields where "and" leads."""
    plain = s._replace(noun="")
    if complete or s.clause in ("be", "is"):
        outer = "" if s.outer == "m" else s.outer
        yield plain._replace(clause="begin", agr="", tense="", outer=outer, gap=""), 0
        if s.agr in ("b", "f", "g"):
            yield plain._replace(clause=FORMS[s.agr], gap=""), 0
            yield plain._replace(clause="subject", agr="?", gap=""), 0
        elif s.agr:
            yield plain._replace(clause="subject", gap=""), 0
        if s.clause == "adj":
            yield plain._replace(clause="link"), 0
        elif s.noun in HEADS:
            yield plain._replace(clause="verb"), 0
            yield plain._replace(prep=ANY), 0
        elif s.clause == "free":
            yield plain._replace(clause="subject"), 0
        yield plain, ODD
    elif s.clause == "subject":
        yield plain._replace(clause="begin", agr="p"), 0
        if s.noun in HEADS:
            yield plain._replace(prep=ANY), 0
    elif s.clause in SUBJECTS:
        if s.noun in HEADS or not (s.gap or (s.outer and s.clause == "begin")):
            yield plain._replace(clause="front"), 0
        if s.noun in HEADS:
            yield plain._replace(prep=ANY), 0
