"""The parts of a hill climb over texts: a word is drawn, a text is changed, and changes are kept or not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, TypeVar

Token = TypeVar("Token", int, str)


class Moves(NamedTuple):
    """How often a change is of which kind, as cumulative probabilities. The rest inserts a piece of a text.

    Attributes:
        replace: A token is replaced.
        insert: Or one is inserted.
        remove: Or one is removed.
        exchange: Or two are exchanged.
    """

    replace: float = 0.6
    insert: float = 0.75
    remove: float = 0.9
    exchange: float = 1.0


def drawn(
    rng: Random,
    after: Counter[Token] | None,
    asked: Sequence[Token],
    words: Sequence[Token],
    most: float = 0.7,
) -> Token:
    """Returns a token for a place: in half of all cases one that often follows the token before.

    Args:
        rng: The source of randomness.
        after: What follows the token before, and how often.
        asked: Tokens that are asked for.
        words: All tokens.
        most: 0.5 and the probability of a token that is asked for.
    """
    kind = rng.random()
    if kind < 0.5 and after:
        return rng.choices(list(after), list(after.values()))[0]
    if kind < most and asked:
        return rng.choice(asked)
    return rng.choice(words)


def changed(
    tokens: Sequence[Token],
    rng: Random,
    draw: Callable[[Sequence[Token], int], Token],
    *,
    shortest: int = 0,
    moves: Moves = Moves(),  # noqa: B008
    piece: Callable[[], Sequence[Token]] | None = None,
) -> list[Token]:
    """Returns a copy of a text with one change.

    Args:
        tokens: The text. It may be empty if there is a `piece`.
        rng: The source of randomness.
        draw: Gives a token for a place of the text.
        shortest: Texts of so many tokens lose none.
        moves: How often a change is of which kind.
        piece: Gives tokens that are put in the place of up to three. With it, a text grows at its end too.
    """
    made, grows = list(tokens), piece is not None
    place, move = rng.randrange(len(made) + grows), rng.random()
    if move < moves.replace and place < len(made):
        made[place] = draw(made, place)
    elif move < moves.insert or not made:
        made.insert(place, draw(made, place))
    elif move < moves.remove and len(made) > shortest:
        del made[min(place, len(made) - 1)]
    elif move < moves.exchange or piece is None:
        first, second = rng.randrange(len(made)) if grows else place, rng.randrange(len(made))
        made[first], made[second] = made[second], made[first]
    else:
        made[place : place + rng.randint(0, 3)] = piece()
    return made


def climbed(
    tokens: Sequence[Token],
    score: Callable[[Sequence[Token]], float],
    change: Callable[[Sequence[Token]], list[Token]],
    rng: Random,
    *,
    tries: int,
    temperature: float,
) -> tuple[float, list[Token]]:
    """Returns the best score that changes lead to, and its text.

    A change is kept if the text scores no less. One that loses a little is kept now and then, the more rarely
    the later (simulated annealing, Kirkpatrick et al. 1983).

    Args:
        tokens: The text to start from.
        score: The score of a text.
        change: Returns a changed text.
        rng: The source of randomness.
        tries: The number of changes.
        temperature: How much may be lost at the start.
    """
    present, value = list(tokens), score(tokens)
    best, top = list(present), value
    for attempt in range(tries):
        made = change(present)
        found = score(made)
        heat = temperature * (1.0 - attempt / tries)
        if found >= value or rng.random() < math.exp((found - value) / max(heat, 1e-9)):
            present, value = made, found
        if value > top:
            best, top = list(present), value
    return top, best
