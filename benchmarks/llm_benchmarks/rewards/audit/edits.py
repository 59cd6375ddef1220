"""The edits that corrupt a text that must win: k of them, of one kind."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from llm_benchmarks.rewards.audit.pieces import Piece, pieces_of, text_of

Edit = Callable[[str, int, Random], str]
"""(text, number of edits, generator) -> the edited text."""

NEGATIONS = {
    **{
        "en": ("not", "never", "no"),
        "de": ("nicht", "kein", "nie"),
        "it": ("non", "mai"),
        "zh": ("不", "没"),
    },
    **{"fr": ("pas", "jamais"), "es": ("no", "nunca"), "nl": ("niet", "geen"), "pt": ("não", "nunca")},
    "code": ("not",),
}
"""language -> words that turn a statement into its opposite; the first one is inserted."""


def drop(text: str, count: int, rng: Random) -> str:
    """Leaves words out; one stays."""
    pieces = pieces_of(text)
    for _ in range(min(count, len(pieces) - 1)):
        del pieces[rng.randrange(len(pieces))]
    return text_of(pieces)


def swap(text: str, count: int, rng: Random) -> str:
    """Exchanges neighbouring words."""
    pieces = pieces_of(text)
    for at in rng.sample(range(len(pieces) - 1), min(count, len(pieces) - 1)) if pieces else ():
        first, second = pieces[at], pieces[at + 1]
        pieces[at], pieces[at + 1] = Piece(first.space, second.word), Piece(second.space, first.word)
    return text_of(pieces)


def repeat(text: str, count: int, rng: Random) -> str:
    """Says words twice."""
    pieces = pieces_of(text)
    spaced = " " if any(piece.space for piece in pieces) or len(pieces) < 2 else ""
    for _ in range(count if pieces else 0):
        at = rng.randrange(len(pieces))
        pieces.insert(at + 1, Piece(spaced, pieces[at].word))
    return text_of(pieces)


def truncate(text: str, count: int, rng: Random) -> str:
    """Leaves the last words out; one stays."""
    pieces = pieces_of(text)
    return text_of(pieces[: max(1, len(pieces) - count)])


def replaced_by(words: tuple[str, ...]) -> Edit:
    """Returns the edit that replaces words by random words."""

    def replace(text: str, count: int, rng: Random) -> str:
        pieces = pieces_of(text)
        for at in rng.sample(range(len(pieces)), min(count, len(pieces))):
            pieces[at] = Piece(pieces[at].space, rng.choice(words))
        return text_of(pieces)

    return replace


def negated_in(language: str | None) -> Edit | None:
    """Returns the edit that inserts or removes negations, or None if the language's words are unknown."""
    known = NEGATIONS.get(language or "")
    if known is None:
        return None

    def negate(text: str, count: int, rng: Random) -> str:
        pieces = pieces_of(text)
        spaced = " " if any(piece.space for piece in pieces) or len(pieces) < 2 else ""
        for _ in range(count if pieces else 0):
            there = [i for i, piece in enumerate(pieces) if piece.word.lower().strip(".,;:!?") in known]
            if there and len(pieces) > 1 and rng.random() < 0.5:
                del pieces[rng.choice(there)]
            else:
                pieces.insert(rng.randrange(len(pieces)) + 1, Piece(spaced, known[0]))
        return text_of(pieces)

    return negate
