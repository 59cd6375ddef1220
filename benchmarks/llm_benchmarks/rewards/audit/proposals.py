"""The tokens that searches draw from, and the edits they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from llm_benchmarks.rewards.audit.ground import Ground

Ids = tuple[int, ...]
Score = Callable[[Ids], float]


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
    made = list(ids)
    at = rng.randrange(len(made) + 1)
    move = rng.random()
    if move < 0.4 and at < len(made):
        made[at] = _drawn(made, at, proposals, rng, asked)
    elif move < 0.6 or not made:
        made.insert(at, _drawn(made, at, proposals, rng, asked))
    elif move < 0.75:
        del made[min(at, len(made) - 1)]
    elif move < 0.87:
        first, second = rng.randrange(len(made)), rng.randrange(len(made))
        made[first], made[second] = made[second], made[first]
    elif proposals.tokens:
        start = rng.randrange(len(proposals.tokens))
        made[at : at + rng.randint(0, 3)] = proposals.tokens[start : start + rng.randint(1, 4)]
    return tuple(made)


def _drawn(made: Sequence[int], at: int, proposals: Proposals, rng: Random, asked: Sequence[int]) -> int:
    kind = rng.random()
    after = proposals.after.get(made[at - 1] if at else -1)
    if kind < 0.5 and after:
        return rng.choices(list(after), list(after.values()))[0]
    if kind < 0.7 and asked:
        return rng.choice(asked)
    return rng.choice(proposals.types)
