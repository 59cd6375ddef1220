"""Where in a sentence a reader is: the states of the grammar."""

from __future__ import annotations

from typing import NamedTuple


class State(NamedTuple):
    """A place in a sentence.

    Attributes:
        clause: How far the clause is: "begin", "front" (after an adverbial), "wh" (after a word of question),
            "subject" (a verb is wanted), "base", "short" (after "'ll" or "'d"), "done" and "ing" (a form of a
            verb is), "be", "is" (after a noun) and "link" (a complement is), "have", "do", "verb" (an object
            is), "free" and "none" (one is possible, or odd), "two", "more", "tell", "told", "say", "see",
            "cause", "make" and "watch" (what follows depends on the verb), "bare" and "made" (an object is
            there, and may do or be something), "adj", "full" (nothing is wanted), "ask-" and one of these
            (the subject is), "said" (a verb of saying is), "how" (an adjective is), "time" and "when" (a
            phrase of time is open).
        agr: The number of the subject ("s", "p", "1", "?" for any), or the form that goes on after "and":
            "b" (base), "f" (participle), "g" (-ing).
        noun: The open noun phrase: "" (none), "a" (a singular noun is wanted), "d" (any), "p" (a plural), "q"
            (one of many or much), "m" (modifiers without a determiner), "e" (a determiner is wanted); or its
            head: "n", "k" (plural), "x", "w" (a noun that wants a determiner). "c" is a comma after a
            subject.
        prep: The preposition whose phrase it is, or "".
        outer: What is pending outside of the clause: "" (nothing), "m" (a main clause), or the number of a
            subject that wants its verb.
        gap: Whether an object stands before the clause, so that its verb or preposition "may" or "must" lack
            one.
        finite: Whether the sentence has a main clause.
        tense: Of the verb that others are joined to by "and": "d" (past), "z" (present) or "".
        asks: Whether the sentence begins as a question.
        waits: Whether a lesser clause began the sentence, which wants a main clause then.
    """

    clause: str = "begin"
    agr: str = ""
    noun: str = ""
    prep: str = ""
    outer: str = ""
    gap: str = ""
    finite: bool = False
    tense: str = ""
    asks: bool = False
    waits: bool = False


BEGIN = State()

Move = tuple[State, int]
"""A state, and what it costs to come to it."""

ODD, WRONG, BROKEN = 1, 2, 3
"""Costs: rare in good texts, a fault, and a word that fits nowhere."""

ANY = "*"
"""A preposition that does not matter."""

HEADS = frozenset(["n", "k", "x", "w"])
OPEN = frozenset(["a", "d", "p", "q", "m", "e"])
SUBJECTS = frozenset(["begin", "front"])
"""Clauses whose next noun phrase is the subject."""

OBJECT = {
    "verb": "full",
    "free": "full",
    "none": "full",
    "two": "more",
    "more": "full",
    "tell": "told",
    "told": "full",
    "say": "full",
    "cause": "bare",
    "watch": "bare",
    "see": "bare",
    "make": "made",
    "be": "full",
    "is": "full",
    "link": "adj",
    "have": "bare",
    "do": "full",
}
"""Clauses that may have an object -> what they are after it."""

AFTER = {"ask-be": "be", "ask-base": "base", "ask-have": "have", "ask-full": "full"}
"""Clauses that want their subject -> what they are after it."""

_COMPLETE = frozenset(OBJECT) - {"verb", "cause", "be", "is"} | {"full", "adj", "bare", "made"}
_FILLED = frozenset(["full", "adj", "none", "link"])
_WITH_GAP = frozenset(["verb", "cause", "be", "is", "base"])


def is_complete(s: State) -> bool:
    """Returns True if the clause may end here."""
    return s.clause in _COMPLETE or bool(s.gap and s.clause in _WITH_GAP)


def lacks_gap(s: State) -> bool:
    """Returns True if an object stands before the clause, and nothing in the clause lacks one."""
    return s.gap == "must" and s.clause in _FILLED
