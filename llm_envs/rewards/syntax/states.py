"""Where in a sentence a reader is: the states of the grammar."""

from __future__ import annotations

from typing import NamedTuple


class State(NamedTuple):
    """A place in a sentence.

    Attributes:
        clause: How far the clause is: "begin", "front" (after an adverbial), "subject" (a verb is wanted), "base",
            "done" and "ing" (a form of a verb is wanted), "be" and "link" (a complement is), "have", "do",
            "verb" (an object is wanted), "free" (one is possible), "two", "tell", "say", "cause" (what follows
            depends on the verb), "bare" (an object is there and may do something), "adj", "full" (complete),
            "ask" + one of these (the subject comes after its auxiliary), "time" (a phrase of time is open).
        agr: The number of the subject ("s", "p", "1", "?" for any), or the form that goes on after "and":
            "b" (base), "f" (participle), "g" (-ing).
        noun: The open noun phrase: "" (none), "a" (a singular noun is wanted), "d" (any), "p" (a plural),
            "m" (modifiers without a determiner), "e" (a determiner is wanted); or its head: "n", "k" (plural), "x", "w" (a noun that wants a
            determiner). "c" is a comma after a subject.
        prep: The preposition whose phrase it is, or "".
        outer: What is pending outside of the clause: "" (nothing), "m" (a main clause), or the number of a
            subject that wants its verb.
        gap: Whether an object stands before the clause, so that its verb or preposition "may" or "must" lack one.
        finite: Whether the sentence has a main clause.
        tense: Of the verb that others are joined to by "and": "d" (past), "z" (present) or "".
        asks: Whether the sentence begins as a question.
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


BEGIN = State()
