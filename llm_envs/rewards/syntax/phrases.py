"""The rules of noun phrases: how they begin, go on and end."""

from __future__ import annotations

from collections.abc import Iterator

from llm_envs.rewards.syntax.states import (
    AFTER,
    ANY,
    BROKEN,
    HEADS,
    OBJECT,
    ODD,
    SUBJECTS,
    WRONG,
    Move,
    State,
)
from llm_envs.rewards.syntax.verbs import BY_KIND

NOUNS = {"N": "s", "M": "s", "P": "p", "E": "s"}
"""Classes of nouns -> their number."""

PRONOUNS = {"PI": "1", "PW": "p", "PH": "s"}
"""Classes of pronouns that are subjects -> their number."""

TIMED = frozenset(["AT", "QM", "DS", "DP", "ON", "NU", "OR", "DT", "QN"])
"""What a phrase of time begins with."""

_BEFORE_QUESTION = frozenset(["verb", "free", "two", "tell", "say", "see", "cause", "be", "is"])


def takes_noun(s: State) -> bool:
    """Returns True if a noun phrase may begin here."""
    if s.noun in HEADS:
        return s.clause in ("front", "more", "told", "be", "is", "have")
    return bool(s.prep) or s.clause in SUBJECTS or s.clause in OBJECT or s.clause in AFTER


def opening(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Begins a noun phrase."""
    kind, odd = _fitting(s, tag, kind)
    if tag in NOUNS:
        cost = odd
        bare = tag == "N" and not kind
        if bare and (s.prep or s.clause != "begin" or s.agr == "p"):
            cost += ODD if s.prep and s.prep != ANY else WRONG
        yield _headed(s, "k" if tag == "P" else "w" if bare and not s.prep else "n", NOUNS[tag]), cost
    elif tag == "AT":
        yield s._replace(noun="a"), 0
    elif tag in ("DT", "PG"):
        yield s._replace(noun="d"), 0
        if tag == "PG":
            yield _headed(s, "x", "?"), ODD
    elif tag in ("DS", "DP"):
        yield s._replace(noun="a" if tag == "DS" else "p"), 0
        yield _headed(s, "x", "s" if tag == "DS" else "p"), 0
    elif tag in ("NU", "QN"):
        yield s._replace(noun="p"), 0
        yield _headed(s, "x", "p"), 0
    elif tag == "ON":
        yield s._replace(noun="a"), 0
        yield _headed(s, "x", "s"), 0
    elif tag == "QM":
        yield s._replace(noun="e"), 0
        yield s._replace(noun="d" if kind == "part" else "q"), 0
        yield _headed(s, "x", "?"), 0
    elif tag == "OR":
        yield s._replace(noun="d"), ODD
        yield _headed(s, "x", "s"), ODD
    elif tag in ("J", "K"):
        yield s._replace(noun="m"), 0
    elif tag in ("F", "G", "BG"):
        yield s._replace(noun="m"), ODD
        if s.prep and tag != "F":
            outer = s.outer or (s.agr if s.clause == "subject" else "" if s.finite else "m")
            after = "be" if tag == "BG" else BY_KIND[kind]
            yield s._replace(clause=after, agr="g", prep="", outer=outer), 0
    elif tag == "PN":
        yield _headed(s, "x", "?" if kind == "any" else "s"), 0
    elif tag == "PX":
        yield _headed(s, "x", "?"), 0
    elif tag in PRONOUNS:
        if not s.prep and (s.clause in SUBJECTS or s.clause in AFTER):
            yield _headed(s, "x", PRONOUNS[tag]), 0
    elif tag == "PO":
        if s.prep or s.clause in OBJECT:
            yield _headed(s, "x", "?"), 0
    elif tag == "EX":
        if not s.prep and (s.clause in SUBJECTS or s.clause in AFTER):
            yield _headed(s, "x", "?"), 0
    elif tag == "RB" and s.prep and kind == "place":
        yield _headed(s, "x", "s"), 0
    elif tag == "WP" and (s.prep or s.clause in _BEFORE_QUESTION):
        inner = s if s.prep else s._replace(clause=OBJECT[s.clause])
        outer = s.outer or (s.agr if s.clause == "subject" else "")
        yield inner._replace(clause="begin", agr="", tense="", prep="", outer=outer, gap="may"), 0
        yield inner._replace(clause="subject", agr="s", prep="", outer=outer), ODD if s.prep else 0


def inside(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Goes on with a noun phrase that has no head yet."""
    noun = s.noun
    kind, odd = _fitting(s, tag, kind)
    if noun == "e":
        if tag in ("DT", "DP", "DS", "PG", "AT", "NU"):
            yield s._replace(noun="p" if tag in ("DP", "NU") else "a" if tag == "AT" else "d"), 0
        elif tag in ("P", "M"):
            yield _headed(s, "k", NOUNS[tag]), 0
        elif tag in ("J", "OR"):
            yield s._replace(noun="d"), 0
        elif tag == "PO" or tag == "PX":
            yield _headed(s, "x", "p"), 0
        return
    if tag in NOUNS:
        cost = odd
        if tag == "P":
            cost += WRONG + ODD if noun == "a" else 0
        elif noun == "p":
            cost += WRONG + ODD if tag in "NM" else 0
        elif noun == "q":
            cost += WRONG + ODD if tag == "N" and not kind else 0
        elif noun == "m" and tag == "N" and "b" not in kind and (s.prep or s.clause not in SUBJECTS):
            cost += ODD if s.prep else WRONG
        elif (noun == "a" and tag == "M") or (tag == "E" and noun != "m"):
            cost += ODD
        if noun == "m" and not s.prep and s.clause in ("none", "is"):
            cost += WRONG
        if s.clause in ("time", "when"):
            cost += 0 if "t" in kind else BROKEN
            if s.clause == "time":
                yield s._replace(clause="full", noun="x"), cost
            else:
                yield s._replace(clause="begin", noun=""), cost
                yield s._replace(clause="begin", noun="", outer="m"), cost + ODD
        else:
            bare = noun == "m" and tag == "N" and not kind and not s.prep
            yield _headed(s, "k" if tag == "P" else "w" if bare else "n", NOUNS[tag]), cost
    elif tag in ("J", "K", "OR"):
        yield s, 0
        if noun == "d":
            yield _headed(s, "x", "s"), ODD if tag == "OR" else WRONG if tag == "K" else BROKEN
    elif tag in ("F", "G"):
        yield s, ODD if noun != "m" else WRONG
        if tag == "G" and noun in ("a", "d"):
            yield _headed(s, "n", "s"), ODD
    elif tag in ("RD", "R"):
        yield s, 0
    elif tag in ("NU", "ON", "QN", "QM"):
        if noun in ("d", "q"):
            odd = ODD if tag == "QM" and not kind else 0
            yield s._replace(noun="p" if tag in ("NU", "QN") else "d"), odd
            yield _headed(s, "x", "p" if tag == "NU" else "s"), 0 if tag == "QM" else ODD
        elif noun == "a":
            yield s, ODD
            if tag == "ON":
                yield _headed(s, "x", "s"), 0
            if tag in ("QM", "QN"):
                yield s._replace(noun="p" if tag == "QN" else "d"), 0
                yield _headed(s, "x", "p" if tag == "QN" else "s"), 0
        elif noun == "p":
            yield s, 0
            yield _headed(s, "x", "p"), 0
    elif tag == "PX" and kind == "one":
        yield _headed(s, "x", "s"), 0
    elif tag == "PG" and noun != "m":
        yield s._replace(noun="d"), 0
    elif tag == "CC" and noun == "m":
        yield s, ODD


def closed_states(s: State) -> Iterator[Move]:
    """Yields the state with its noun phrase ended."""
    if s.prep:
        if s.noun == "m":
            yield s._replace(noun="", prep=""), WRONG if s.prep == ANY else ODD
        elif s.gap:
            yield s._replace(prep="", gap="", noun=""), 0
        else:
            yield s._replace(prep="", noun=""), WRONG + ODD
    elif s.noun == "m":
        if s.clause in ("be", "is", "link"):
            yield s._replace(clause="adj", noun=""), 0
        elif s.clause in SUBJECTS:
            yield s._replace(clause="adj", noun=""), ODD
        else:
            yield s._replace(clause=OBJECT.get(s.clause, "full"), noun=""), WRONG
    else:
        yield s, 0


def _headed(s: State, noun: str, number: str) -> State:
    """Returns the state after the head of a noun phrase."""
    if s.prep:
        return s._replace(noun=noun, prep="")
    if s.clause in SUBJECTS:
        return s._replace(clause="subject", noun=noun, agr="p" if s.agr == "p" else number)
    if s.clause in AFTER:
        return s._replace(clause=AFTER[s.clause], noun=noun, agr="b" if s.clause == "ask-base" else number)
    return s._replace(clause=OBJECT.get(s.clause, "full"), noun=noun)


def _fitting(s: State, tag: str, kind: str) -> tuple[str, int]:
    """Returns the kind of a noun, and what it costs to have it after the preposition."""
    if tag not in NOUNS:
        return kind, 0
    kind, _, unfit = kind.partition("|")
    if s.prep == "at" and s.noun in ("", "m") and not kind and tag in "NM":
        return kind, WRONG
    return kind, WRONG if s.prep and s.prep in unfit.split() else 0
