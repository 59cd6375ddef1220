"""The tokens that searches draw from, and the edits they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.hill_climbing import Moves, changed, drawn

Ids = tuple[int, ...]
Score = Callable[[Ids], float]

_MOVES = Moves(replace=0.4, insert=0.6, remove=0.75, exchange=0.87)


@dataclass(frozen=True, slots=True)
class Proposals:
    """The tokens that searches draw from.

    Attributes:
        tokens: All tokens of the train texts, as often as they occur.
        types: The different ones, the commonest first.
        after: A token -> the tokens that follow it, with their counts; -1 is the beginning.
        texts: The train texts as tokens.
    """

    tokens: list[int]
    types: list[int]
    after: Mapping[int, Counter[int]]
    texts: list[Ids]

    @classmethod
    def of(cls, ground: Ground) -> Proposals:
        """Reads the train texts."""
        longest = ground.task.max_new_tokens - 1
        texts = [tuple(ground.ids_of(text)[:longest]) for text in ground.train_texts]
        after: dict[int, Counter[int]] = {}
        counts: Counter[int] = Counter()
        for ids in texts:
            counts.update(ids)
            last = -1
            for token in ids:
                after.setdefault(last, Counter())[token] += 1
                last = token
        types = [token for token, _ in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))]
        return cls([token for ids in texts for token in ids], types, after, texts)


def edited(ids: Ids, proposals: Proposals, rng: Random, asked: Sequence[int]) -> Ids:
    """Replaces, inserts, removes or moves a token, or inserts a piece of a train text."""

    def draw(made: Sequence[int], place: int) -> int:
        return drawn(rng, proposals.after.get(made[place - 1] if place else -1), asked, proposals.types)

    def piece() -> Sequence[int]:
        start = rng.randrange(len(proposals.tokens))
        return proposals.tokens[start : start + rng.randint(1, 4)]

    return tuple(changed(ids, rng, draw, moves=_MOVES, piece=piece))
