"""The rules of the grammar: where a word leads from a place in a sentence, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator

from llm_envs.rewards.syntax.begin import first_word
from llm_envs.rewards.syntax.later import afterwards, joined, modifier
from llm_envs.rewards.syntax.phrases import TIMED, closed_states, inside, opening, takes_noun
from llm_envs.rewards.syntax.states import (
    ANY,
    BROKEN,
    HEADS,
    ODD,
    OPEN,
    SUBJECTS,
    WRONG,
    Move,
    State,
    is_complete,
)
from llm_envs.rewards.syntax.verbs import AUXILIARIES, BY_KIND, finite_verb

_BEFORE_PHRASE = {
    "begin": "front",
    "verb": "free",
    "be": "full",
    "is": "full",
    "link": "full",
    "have": "full",
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
        yield from inside(s, tag, kind)
        if s.noun in ("a", "d", "p", "q", "e"):
            return
    elif s.noun == "n" and tag in ("N", "P", "M"):
        yield s._replace(noun="k" if tag == "P" else "n", agr=_number(s, tag)), ODD
    if s.noun != "m" and takes_noun(s):
        least = 0 if s.prep else {"none": WRONG, "link": WRONG, "is": BROKEN}.get(s.clause, 0)
        if tag in ("J", "K", "F", "G"):
            least = 0
        for state, cost in opening(s._replace(noun=""), tag, kind):
            yield state, cost + least
        if s.clause in SUBJECTS and not s.prep and tag in TIMED:
            yield s._replace(clause="when", noun="p" if tag == "NU" else "d"), 0
    if s.prep and not s.noun and tag == "IN":
        yield s, ODD
    for closed, cost in closed_states(s):
        for state, more in _outside(closed, tag, kind):
            yield state, cost + more


def _noun_is(s: State) -> Iterator[Move]:
    """Yields where a noun with "'s" for "is" or "has" leads."""
    if not s.prep and s.clause in SUBJECTS and (s.noun in OPEN or takes_noun(s)):
        for headed, cost in moves(s, "N", "b"):
            if headed.clause == "subject":
                for state, more in finite_verb(headed, "BZ", "", cost + ODD):
                    yield state, more
                    yield state._replace(clause="have"), more


def _number(s: State, tag: str) -> str:
    return ("p" if tag == "P" else "s") if s.clause == "subject" and s.agr in ("s", "p") else s.agr


def _outside(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Yields where a word leads that is no part of a noun phrase."""
    clause = s.clause
    plain = s._replace(noun="")
    complete = is_complete(s)
    if tag in ("R", "RB", "RD", "XN", "RP", "UH") and clause != "said":
        yield from _adverb(s, tag, kind)
    if clause in ("begin", "front"):
        yield from first_word(s, tag, kind)
    elif clause == "wh" and (tag in AUXILIARIES or tag == "VI"):
        yield from first_word(s._replace(clause="front"), tag, kind)
    elif clause == "subject":
        yield from finite_verb(s, tag, kind, 0)
        if tag in ("QM", "DP", "PX") or (tag == "PN" and kind == "any"):
            yield plain, 0
    elif clause in ("base", "short", "do") and tag in ("V", "BB", "HP", "OP"):
        after = BY_KIND[kind] if tag == "V" else {"BB": "be", "HP": "have", "OP": "do"}[tag]
        yield plain._replace(clause=after, agr="b"), 0
    elif clause == "said":
        if tag in ("V", "Z", "D") and "s" in kind:
            yield plain._replace(clause="ask-full", finite=True), 0
        return
    elif clause == "done" and tag == "F":
        yield plain._replace(clause=BY_KIND[kind], agr="f"), 0
    elif clause == "ing" and tag == "G":
        yield plain._replace(clause=BY_KIND[kind], agr="g"), 0
    elif clause == "have":
        if tag == "F":
            yield plain._replace(clause=BY_KIND[kind], agr="f"), 0
        elif tag == "BN":
            yield plain._replace(clause="be", agr="f"), 0
    elif clause in ("be", "is", "link"):
        if tag == "G":
            yield plain._replace(clause=BY_KIND[kind], agr="g"), 0
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
    if tag == "IN" and clause not in ("base", "short", "done", "ing", "do"):
        cost = 0
        if clause in ("verb", "cause") and not s.gap:
            cost = WRONG
        yield plain._replace(clause=_BEFORE_PHRASE.get(clause, clause), prep=kind or ANY), cost
        return
    if complete or (clause == "subject" and s.noun in HEADS):
        yield from modifier(s, tag, kind, complete)
    if complete:
        yield from afterwards(s, tag, kind)
    elif clause in ("subject", "base", "be", "is", "have") and tag == "CS":
        yield plain._replace(clause="begin", agr="", tense="", gap="may" if kind == "as" else ""), ODD
    elif clause == "subject" and s.noun == "x" and tag == "NU":
        yield plain, 0
    if tag == "CC":
        yield from joined(s, complete)


def _adverb(s: State, tag: str, kind: str) -> Iterator[Move]:
    """Yields where an adverb, a particle or a call leads."""
    plain = s if s.noun in HEADS or s.noun == "c" else s._replace(noun="")
    if tag == "UH":
        yield plain, 0 if s.clause in ("begin", "front") else ODD
    elif tag == "XN" and s.clause == "do":
        yield plain._replace(clause="base"), 0
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
    elif s.clause in ("base", "short", "done", "ing", "do"):
        yield plain, BROKEN if tag == "RP" else 0
    elif s.clause in ("have", "subject"):
        yield plain, ODD if tag == "RP" else BROKEN if kind == "degree" else 0
    else:
        yield plain, 0
