"""The rules of the grammar: where a word leads from a place in a sentence, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator

from llm_envs.rewards.syntax.states import BEGIN, State

Move = tuple[State, int]

ANY = "*"
"""A preposition that does not matter."""

ODD, WRONG, BROKEN = 1, 2, 3
"""Costs: rare in good texts, a fault, and a word that fits nowhere."""

HEADS = frozenset(["n", "k", "x", "w"])
OPEN = frozenset(["a", "d", "p", "m", "e"])
_OBJECT = {
    "verb": "full", "free": "full", "two": "more", "more": "full", "tell": "told", "told": "full", "say": "full",
    "cause": "bare", "watch": "bare", "see": "bare", "be": "full", "is": "full", "link": "adj", "none": "full", "have": "bare", "do": "full",
}
_COMPLETE = frozenset(["full", "none", "watch", "free", "adj", "bare", "say", "see", "two", "more", "tell", "told", "link", "do"])
_SUBJECTS = frozenset(["begin", "front"])
_TELLING = frozenset(["say", "see", "tell", "told"])
_AFTER = {"ask-be": "be", "ask-base": "base", "ask-have": "have", "ask-full": "full"}
_BY_KIND = {
    "i": "none", "t": "verb", "": "free", "d": "two", "s": "say", "ds": "tell", "c": "cause", "w": "watch", "cs": "see", "l": "link",
}
_TIMED = frozenset(["AT", "QM", "DS", "DP", "ON", "NU", "OR", "DT", "QN"])
_NOUNS = {"N": "s", "M": "s", "P": "p", "E": "s"}
_PRONOUNS = {"PI": "1", "PW": "p", "PH": "s"}
_FINITE = {"V": "1p?", "Z": "s?", "D": "1sp?"}
_AUX = {
    "BM": ("be", "1"), "BZ": ("be", "s"), "BP": ("be", "p"), "WAS": ("be", "s1"), "HP": ("have", "1p"),
    "HZ": ("have", "s"), "HD": ("have", "1sp"), "OP": ("do", "1p"), "OZ": ("do", "s"), "OD": ("do", "1sp"),
    "MD": ("base", "1sp"),
}
_SHORT = {  # subject and auxiliary in one word
    "CM": ("be", "1"), "CZ": ("be", "s"), "CP": ("be", "p"), "CH": ("have", "p"), "CL": ("base", "p"),
    "CD": ("base", "p"),
}


def moves(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Yields the states that a word leads to from a state, with their costs.

    Args:
        s: The state.
        tag: What the word is.
        kind: Of a verb, what it takes; of a noun, "b" if it stands without a determiner, "t" if it is a time.
    """
    if tag == "NZ":
        yield from _noun_is(s)
    if s.noun in OPEN:
        yield from _inside(s, tag, kind)
        if s.noun in ("a", "d", "p", "e"):
            return
    elif s.noun == "n" and tag in ("N", "P", "M"):
        yield s._replace(noun="k" if tag == "P" else "n", agr=_number(s, tag)), ODD
    if s.noun != "m" and _takes_noun(s):
        least = 0 if s.prep else {"none": WRONG, "is": BROKEN}.get(s.clause, 0)
        if tag in ("J", "K", "F", "G"):
            least = 0
        for state, cost in _opening(s._replace(noun=""), tag, kind):
            yield state, cost + least
        if s.clause in _SUBJECTS and not s.prep and tag in _TIMED:
            yield s._replace(clause="when", noun="p" if tag == "NU" else "d"), 0
    if s.prep and not s.noun and tag == "IN":
        yield s, ODD
    for closed, cost in _closed(s):
        for state, more in _outside(closed, tag, kind):
            yield state, cost + more


def _noun_is(s: State) -> Iterator[Move]:
    """Yields where a noun with "'s" for "is" or "has" leads."""
    if not s.prep and s.clause in _SUBJECTS and (s.noun in OPEN or _takes_noun(s)):
        for headed, cost in moves(s, "N", "b"):
            if headed.clause == "subject":
                for state, more in _verb(headed, "BZ", "", cost):
                    yield state, more
                    yield state._replace(clause="have"), more


def _takes_noun(s: State) -> bool:
    if s.noun in HEADS:
        return s.clause in ("front", "more", "told", "be", "is", "have")
    return s.prep or s.clause in _SUBJECTS or s.clause in _OBJECT or s.clause in _AFTER


def _number(s: State, tag: str) -> str:
    return ("p" if tag == "P" else "s") if s.clause == "subject" and s.agr in ("s", "p") else s.agr


def _headed(s: State, noun: str, number: str) -> State:
    """Returns the state after the head of a noun phrase."""
    if s.prep:
        return s._replace(noun=noun, prep="")
    if s.clause in _SUBJECTS:
        return s._replace(clause="subject", noun=noun, agr="p" if s.agr == "p" else number)
    if s.clause in _AFTER:
        return s._replace(clause=_AFTER[s.clause], noun=noun, agr="b" if s.clause == "ask-base" else number)
    return s._replace(clause=_OBJECT.get(s.clause, "full"), noun=noun)


def _inside(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Goes on with a noun phrase that has no head yet."""
    noun = s.noun
    kind, odd = _fitting(s, tag, kind)
    if noun == "e":
        if tag in ("DT", "DP", "DS", "PG", "AT", "NU"):
            yield s._replace(noun="p" if tag in ("DP", "NU") else "a" if tag == "AT" else "d"), 0
        elif tag in ("P", "M"):
            yield _headed(s, "k", _NOUNS[tag]), 0
        elif tag in ("J", "OR"):
            yield s._replace(noun="d"), 0
        elif tag == "PO" or tag == "PX":
            yield _headed(s, "x", "p"), 0
        return
    if tag in _NOUNS:
        cost = odd
        if tag == "P":
            cost += WRONG + ODD if noun == "a" else 0
        elif noun == "p":
            cost += WRONG + ODD if tag in "NM" else 0
        elif noun == "m" and tag == "N" and "b" not in kind and (s.prep or s.clause not in _SUBJECTS):
            cost += ODD if s.prep else WRONG
        elif noun == "a" and tag == "M":
            cost += ODD
        elif tag == "E" and noun != "m":
            cost += ODD
        if noun == "m" and not s.prep and s.clause in ("none", "is"):
            cost += WRONG
        if s.clause in ("time", "when"):
            after = "full" if s.clause == "time" else "front"
            yield s._replace(clause=after, noun="x"), cost + (0 if "t" in kind else BROKEN)
            if after == "front":
                yield s._replace(clause="begin", noun="", outer="m"), cost + (ODD if "t" in kind else BROKEN)
        else:
            bare = noun == "m" and tag == "N" and not kind and not s.prep
            yield _headed(s, "k" if tag == "P" else "w" if bare else "n", _NOUNS[tag]), cost
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
        if noun == "d":
            yield s._replace(noun="p" if tag in ("NU", "QN") else "d"), 0
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


def _opening(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Begins a noun phrase."""
    kind, odd = _fitting(s, tag, kind)
    if tag in _NOUNS:
        cost = odd
        bare = tag == "N" and not kind
        if bare and (s.prep or s.clause not in _SUBJECTS):
            cost += ODD if s.prep else WRONG
        yield _headed(s, "k" if tag == "P" else "w" if bare and not s.prep else "n", _NOUNS[tag]), cost
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
        yield s._replace(noun="d"), 0
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
            after = "be" if tag == "BG" else _BY_KIND[kind]
            yield s._replace(clause=after, agr="g", prep="", outer=outer), 0
    elif tag == "PN":
        yield _headed(s, "x", "?" if kind == "any" else "s"), 0
    elif tag == "PX":
        yield _headed(s, "x", "?"), 0
    elif tag in _PRONOUNS:
        if not s.prep and (s.clause in _SUBJECTS or s.clause in _AFTER):
            yield _headed(s, "x", _PRONOUNS[tag]), 0
    elif tag == "PO":
        if s.prep or s.clause in _OBJECT:
            yield _headed(s, "x", "?"), 0
    elif tag == "EX":
        if not s.prep and (s.clause in _SUBJECTS or s.clause in _AFTER):
            yield _headed(s, "x", "?"), 0
    elif tag == "RB" and s.prep and kind == "place":
        yield _headed(s, "x", "s"), 0
    elif tag == "WP" and (s.prep or s.clause in ("verb", "free", "two", "tell", "say", "see", "cause", "be", "is")):
        after = s if s.prep else s._replace(clause=_OBJECT[s.clause])
        outer = s.outer or (s.agr if s.clause == "subject" else "")
        yield after._replace(clause="begin", agr="", tense="", prep="", outer=outer, gap="may"), 0
        yield after._replace(clause="subject", agr="?", prep="", outer=outer), 0


def _fitting(s: State, tag: str, kind: str) -> tuple[str, int]:
    """Returns the kind of a noun, and what it costs to have it after the preposition."""
    if tag not in _NOUNS:
        return kind, 0
    kind, _, unfit = kind.partition("|")
    if s.prep == "at" and s.noun in ("", "m") and not kind and tag in "NM":
        return kind, WRONG
    return kind, WRONG if s.prep and s.prep in unfit.split() else 0


def _closed(s: State) -> Iterator[Move]:
    """Yields the state with its noun phrase ended."""
    if s.prep:
        if s.noun == "m":
            yield s._replace(noun="", prep=""), ODD
        elif s.gap:
            yield s._replace(prep="", gap="", noun=""), 0
        else:
            yield s._replace(prep="", noun=""), WRONG + ODD
    elif s.noun == "m":
        if s.clause in ("be", "is", "link"):
            yield s._replace(clause="adj", noun=""), 0
        elif s.clause in _SUBJECTS:
            yield s._replace(clause="adj", noun=""), ODD
        else:
            yield s._replace(clause=_OBJECT.get(s.clause, "full"), noun=""), WRONG
    else:
        yield s, 0


def _verb(s: State, tag: str, kind: str, cost: int) -> Iterator[Move]:
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
        yield now._replace(clause=_BY_KIND[kind], tense=tense), cost + wrong
    elif tag in _AUX:
        clause, numbers = _AUX[tag]
        wrong = 0 if s.agr in numbers or s.agr in ("?", "") else WRONG
        if clause == "be" and s.noun in ("n", "k", "w"):
            clause = "is"
        yield now._replace(clause=clause, tense=""), cost + wrong


def _complete(s: State) -> bool:
    return s.clause in _COMPLETE or (s.gap and s.clause in ("verb", "cause", "be", "is", "base")) or s.clause == "have"


def _outside(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Yields where a word leads that is no part of a noun phrase."""
    clause = s.clause
    plain = s._replace(noun="")
    complete = _complete(s)
    if tag in ("R", "RB", "RD", "XN", "RP", "UH") and clause != "said":
        yield from _adverb(s, tag, kind, complete)
    if clause in ("begin", "front"):
        yield from _first(s, tag, kind)
    elif clause == "subject":
        yield from _verb(s, tag, kind, 0)
        if tag in ("QM", "DP", "PX") or (tag == "PN" and kind == "any"):
            yield plain, 0
    elif clause in ("base", "do") and tag in ("V", "BB", "HP", "OP"):
        after = _BY_KIND[kind] if tag == "V" else {"BB": "be", "HP": "have", "OP": "do"}[tag]
        yield plain._replace(clause=after, agr="b"), 0
    elif clause == "said":
        if tag in ("V", "Z", "D") and "s" in kind:
            yield plain._replace(clause="ask-full"), 0
        return
    elif clause == "done" and tag == "F":
        yield plain._replace(clause=_BY_KIND[kind], agr="f"), 0
    elif clause == "ing" and tag == "G":
        yield plain._replace(clause=_BY_KIND[kind], agr="g"), 0
    elif clause == "have":
        if tag == "F":
            yield plain._replace(clause=_BY_KIND[kind], agr="f"), 0
        elif tag == "BN":
            yield plain._replace(clause="be", agr="f"), 0
    elif clause in ("be", "is", "link"):
        if tag == "G" and clause != "link":
            yield plain._replace(clause=_BY_KIND[kind], agr="g"), 0
        elif tag == "G":
            yield plain._replace(clause=_BY_KIND[kind], agr="g"), 0
        elif tag == "F":
            yield plain._replace(clause="say" if "s" in kind else "full", agr="f"), 0
        elif tag == "BG":
            yield plain, 0
        elif tag in ("WR", "CS"):
            yield plain._replace(clause="begin", agr="", tense="", gap="may"), 0
            if kind == "how":
                yield plain._replace(clause="how", agr="", gap="may"), 0
    elif clause == "how" and tag in ("J", "R", "RB", "QM", "QN"):
        yield plain._replace(clause="begin"), 0
    if tag == "TO" and clause in ("verb", "cause"):
        yield plain._replace(clause="base", agr="b"), 0
    if tag == "IN" and clause not in ("base", "done", "ing", "do"):
        cost = 0
        if clause in ("verb", "cause") and not s.gap:
            cost = WRONG
        after = {"begin": "front", "verb": "free", "be": "full", "is": "full", "link": "full"}.get(clause, clause)
        yield plain._replace(clause=after, prep=kind or ANY), cost
        return
    if complete or (clause == "subject" and s.noun in HEADS):
        yield from _modifier(s, tag, kind, complete)
    if complete:
        yield from _after(s, tag, kind)
    elif clause in ("subject", "base", "be", "is", "have") and tag == "CS":
        yield plain._replace(clause="begin", agr="", tense="", gap="may" if kind == "as" else ""), ODD
    elif clause == "subject" and s.noun == "x" and tag == "NU":
        yield plain, 0
    if tag == "CC":
        yield from _joined(s, complete)


def _adverb(s: State, tag: str, kind: str, complete: bool) -> Iterator[Move]:
    plain = s if s.noun in HEADS or s.noun == "c" else s._replace(noun="")
    if tag == "UH":
        yield plain, 0 if s.clause in ("begin", "front") else ODD
    elif tag == "XN":
        yield plain, 0 if s.clause not in ("verb",) else ODD
    elif s.clause in ("begin", "front"):
        yield plain._replace(clause="front"), 0
    elif s.clause in ("be", "is") and tag in ("RB", "RP"):
        yield plain, 0
        yield plain._replace(clause="full"), 0
    elif s.clause == "link" and tag in ("RB", "RP"):
        yield plain, 0
    elif s.clause == "verb":
        yield plain, 0 if tag == "RP" else WRONG
    elif s.clause in ("base", "done", "ing", "have", "subject"):
        yield plain, ODD if tag == "RP" else 0
    else:
        yield plain, 0


def _first(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Yields where a word leads at the beginning of a clause."""
    plain = s._replace(noun="")
    done = s.finite or not s.outer
    if tag in _SHORT:
        clause, number = _SHORT[tag]
        yield plain._replace(clause=clause, agr=number, finite=done), 0
        if tag in ("CZ", "CD"):
            yield plain._replace(clause="have", agr=number, finite=done), 0
    elif tag == "LT":
        yield plain._replace(clause="base", agr="b", finite=done), 0
    elif tag == "VI":
        if s.agr == "":
            yield plain._replace(clause=_BY_KIND[kind], agr="b", finite=done), 0
    elif tag in _AUX:
        clause, _ = _AUX[tag]
        if tag == "OP":
            yield plain._replace(clause="base", agr="b", finite=done), 0
        asks = s.asks or (s.clause == "begin" and not (s.finite or s.outer or s.gap))
        after = {"be": "ask-be", "have": "ask-have"}.get(clause, "ask-base")
        yield plain._replace(clause=after, finite=done, asks=asks), 0
        if s.clause == "front" and clause == "be":
            yield plain._replace(clause="ask-full", finite=done), 0
        if s.gap:
            return
        yield from ((state, cost + WRONG) for state, cost in _verb(plain._replace(agr="?"), tag, kind, 0))
    elif tag in ("Z", "D", "V"):
        if tag != "V":
            yield plain._replace(clause=_BY_KIND[kind], agr="?", finite=done), WRONG
        if s.clause == "front":
            yield plain._replace(clause="ask-full", finite=done), ODD
    elif tag == "G":
        yield plain._replace(clause=_BY_KIND[kind], agr="g"), 0
        yield plain._replace(clause="subject", agr="s", noun="x"), ODD
    elif tag == "F":
        yield plain._replace(clause="full", agr="f"), ODD
    elif tag == "TO":
        yield plain._replace(clause="base", agr="b"), 0
    elif tag == "CS":
        yield plain._replace(clause="begin", outer=s.outer or ("" if s.finite else "m")), 0
    elif tag == "WP":
        asks = s.asks or (s.clause == "begin" and kind == "ask" and not (s.finite or s.outer or s.gap))
        yield plain._replace(clause="subject", agr="?", asks=asks), 0
        yield plain._replace(clause="begin", tense="", gap="may", asks=asks), 0
        yield plain._replace(clause="begin", tense="", gap="may", outer=s.outer or "s"), ODD
    elif tag == "WR":
        yield plain._replace(clause="front", gap="may"), 0
        if kind == "how":
            yield plain._replace(clause="how", gap="may"), 0
        yield plain._replace(clause="begin", tense="", gap="may", outer=s.outer or ("" if s.finite else "m")), 0


def _modifier(s: State, tag: str, kind: str, complete: bool) -> Iterator[Move]:
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
        yield inner._replace(clause=_BY_KIND[kind], agr="g"), 0 if headed or complete else ODD
    elif tag == "F" and (headed or complete):
        yield inner._replace(clause="full", agr="f"), ODD
    elif headed and tag in _PRONOUNS:
        yield inner._replace(clause="subject", noun="x", agr=_PRONOUNS[tag], gap="must"), 0
    elif headed and tag in ("CM", "CP", "CH", "CL", "CD", "CZ"):
        clause, number = _SHORT[tag]
        yield inner._replace(clause=clause, agr=number, gap="must"), 0
    elif headed and tag == "PN":
        yield inner._replace(clause="subject", noun="x", agr="s", gap="must"), ODD
    elif headed and tag == "DT":
        yield inner._replace(clause="begin", agr="", tense="", noun="d", gap="must"), ODD
    elif tag in ("J", "K") and complete:
        cost = 0 if s.clause in ("bare", "link", "see", "say") else ODD
        yield s._replace(clause="adj", noun=""), cost


def _after(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Yields where a word leads after a clause that may be complete."""
    plain = s._replace(noun="")
    if tag == "CS":
        yield plain._replace(clause="begin", agr="", tense="", gap="may" if kind == "as" else ""), 0
        if kind == "as":
            yield plain._replace(prep=ANY), 0
    if s.noun == "x" and tag in ("DP", "QM") or tag == "PX":
        yield plain, 0
    if s.clause in ("bare", "link", "see", "watch") and tag == "V":
        yield plain._replace(clause=_BY_KIND[kind], agr="b"), 0
    if s.clause == "bare" and tag == "BB":
        yield plain._replace(clause="be", agr="b"), 0
    if s.outer and s.outer != "m":
        outer = plain._replace(clause="subject", agr=s.outer, outer="", gap="", tense="")
        yield from _verb(outer, tag, kind, 0)
    if s.outer == "m":
        begun = plain._replace(clause="begin", agr="", tense="", outer="", gap="")
        yield from _opening(begun, tag, kind)
        yield from _first(begun, tag, kind)
    if s.clause in _TELLING:
        begun = plain._replace(clause="begin", agr="", tense="", gap="")
        if tag in _PRONOUNS or tag in ("DT", "AT", "EX", "CM", "CP", "CZ", "CH", "CL", "CD", "N", "P", "PN", "DS"):
            yield from _opening(begun, tag, kind)
            yield from _first(begun, tag, kind)
        if tag in ("J", "RB", "UH"):
            yield plain._replace(clause="adj"), ODD
    if (s.clause in ("full", "free", "adj", "bare", "none") or s.gap) and tag in _TIMED:
        yield plain._replace(clause="time", noun="p" if tag == "NU" else "d"), ODD if tag == "DT" else 0
    if s.clause in ("full", "adj") and tag in ("N", "P", "M") and "t" in kind.partition("|")[0]:
        yield plain, ODD


def _joined(s: State, complete: bool) -> Iterator[Move]:
    """Yields where "and" leads."""
    plain = s._replace(noun="")
    if complete or s.clause in ("be", "is"):
        yield plain._replace(clause="begin", agr="", tense="", outer="" if s.outer == "m" else s.outer, gap=""), 0
        if s.agr in ("b", "f", "g"):
            yield plain._replace(clause={"b": "base", "f": "done", "g": "ing"}[s.agr], gap=""), 0
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
    elif s.clause in _SUBJECTS:
        yield plain, 0
        if s.noun in HEADS:
            yield plain._replace(prep=ANY), 0


def comma(s: State) -> Iterator[Move]:
    """Yields where a comma leads."""
    for closed, cost in _closed(s):
        if closed.noun in OPEN:
            yield closed._replace(noun=""), cost + BROKEN
            continue
        plain = closed._replace(noun="")
        complete = _complete(closed)
        yield (plain._replace(noun="c") if closed.clause == "subject" else plain), cost
        if closed.clause in ("begin", "front", "subject"):
            yield plain._replace(clause="said", agr="", outer=""), cost
        if complete or closed.clause in ("be", "is", "base", "do", "have"):
            less = 0 if complete else ODD
            after = plain._replace(clause="begin", agr="", tense="", outer="", gap="", finite=plain.finite)
            yield after, cost + less
            if closed.agr in ("b", "f", "g"):
                yield plain._replace(clause={"b": "base", "f": "done", "g": "ing"}[closed.agr], gap=""), cost + less
            elif closed.agr:
                yield plain._replace(clause="subject", gap=""), cost + less
            yield plain._replace(clause="said", agr=""), cost
            if closed.noun in HEADS:
                yield plain._replace(clause="verb"), cost
                yield plain._replace(prep=ANY), cost
            if closed.clause == "adj":
                yield plain._replace(clause="link"), cost
        elif closed.clause == "subject":
            yield plain._replace(clause="begin", agr="", tense=""), cost + (0 if not closed.finite else ODD)
            yield plain._replace(clause="begin", agr="p"), cost
            if closed.noun in HEADS:
                yield plain._replace(prep=ANY), cost


def line_break(s: State) -> Iterator[Move]:
    """Yields where the end of a line leads: on, or to a new clause as if there were a comma."""
    yield s, ODD if s.noun in ("a", "d") else 0
    if s.noun not in OPEN and _complete(s):
        yield BEGIN._replace(finite=s.finite), ODD


def ending(s: State, asked: bool = False) -> int:
    """Returns what it costs to end a sentence here, with a question mark if it is `asked`."""
    best = BROKEN + BROKEN + BROKEN
    for closed, cost in _closed(s):
        if closed.noun in OPEN:
            cost += BROKEN
        elif closed.clause in ("begin", "front"):
            cost += 0 if closed == BEGIN else ODD
        elif closed.clause == "subject":
            cost += ODD if closed.finite else 0
        elif not _complete(closed):
            cost += ODD if closed.clause in ("be", "is", "base") else WRONG
        if closed.outer:
            cost += ODD if closed.outer == "m" else WRONG
        if closed.gap == "must" and closed.clause in ("full", "adj"):
            cost += WRONG
        if closed.asks and not asked:
            cost += WRONG
        best = min(best, cost)
    return best
