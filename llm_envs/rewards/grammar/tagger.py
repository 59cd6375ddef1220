"""From words to classes: a hidden Markov model whose states are the classes that a word can belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import log

from llm_envs.tokenizers.words import is_word

START = "\n"  # a text begins like a line
_ROUNDS = 2
_RANKS = (1.0, 0.35, 0.15, 0.08)  # weights of a word's classes before anything is learned
_PSEUDO = 2.0  # tokens that these weights count for in a word's classes
_BACKOFF = 2.0
_CACHED = 1 << 16
_LEAST = 0.02  # a class less likely than this for a word is not tried
_NEVER = float("-inf")


Best = Sequence[tuple[str, float]]
"""The classes of a token, each with the log-probability of the best path to it."""

Came = Sequence[tuple[str, int]]
"""The classes of a token, each with the place of the class before it on that path."""

BEGIN: Best = [(START, 0.0)]


def trace(best: Best, steps: Sequence[Came]) -> list[str]:
    """Returns the classes on the best path through some steps, of which `best` is the last."""
    at = max(range(len(best)), key=lambda index: best[index][1])
    found = []
    for came in reversed(steps):
        tag, at = came[at]
        found.append(tag)
    return found[::-1]


class Tagger:
    """The likeliest class of every token (Viterbi), learned from untagged texts (Baum et al. 1970).

    Args:
        texts: Token sequences.
        classes_of: Gives the classes that a word can belong to, the likeliest first.
    """

    def __init__(self, texts: Iterable[Sequence[str]], classes_of: Callable[[str], tuple[str, ...]]) -> None:
        self._classes_of = classes_of
        sequences = [list(tokens) for tokens in texts]
        counts: dict[str, int] = defaultdict(int)
        for tokens in sequences:
            for token in tokens:
                counts[token] += 1
        self._shares = {token: self._prior(token) for token in counts}
        self._pairs: dict[tuple[str, str], float] = {}
        self._totals: dict[str, float] = {}
        self._learn([self._flat(tokens) for tokens in sequences])
        for _ in range(_ROUNDS):
            self._learn([self._posteriors(tokens) for tokens in sequences])
        self._emitted: dict[str, tuple[tuple[str, float], ...]] = {}
        self._moves: dict[tuple[str, str], float] = {}
        self._readings: dict[tuple[str, str], float] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_emitted": {}, "_moves": {}, "_readings": {}}

    def classes(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Returns the class of every token."""
        best, steps = BEGIN, []
        for token in tokens:
            best, came = self.step(best, token)
            steps.append(came)
        return tuple(trace(best, steps))

    def step(self, best: Best, token: str) -> tuple[Best, Came]:
        """Returns the best paths to the classes of the next token, given those to the classes of the last."""
        moves = self._moves
        choices = self._emitted.get(token)
        if choices is None:
            choices = self._emission(token)
        if len(choices) == len(best) == 1:
            return [(choices[0][0], 0.0)], [(choices[0][0], 0)]
        now, came = [], []
        for tag, score in choices:
            top, source = _NEVER, 0
            for index, (last, value) in enumerate(best):
                move = moves.get((last, tag))
                if move is None:
                    move = moves[last, tag] = log(self._transition(last, tag))
                if value + move > top:
                    top, source = value + move, index
            now.append((tag, top + score))
            came.append((tag, source))
        return now, came

    def shares(self, token: str) -> dict[str, float]:
        """Returns P(class | word) for the classes of a word."""
        return self._shares.get(token) or self._prior(token)

    def reading(self, token: str, tag: str) -> float:
        """Returns log P(class | word)."""
        key = (token, tag)
        found = self._readings.get(key)
        if found is None:
            shares = self._shares.get(token) or self._prior(token)
            found = log(max(_LEAST, shares.get(tag, 0.0)))
            if len(self._readings) < _CACHED:
                self._readings[key] = found
        return found

    def _emission(self, token: str) -> tuple[tuple[str, float], ...]:
        """Returns log(P(class | word) / P(class)) for the classes of a word."""
        shares = self._shares.get(token) or self._prior(token)
        total = self._total
        found = tuple(
            (tag, log(share) - log((self._totals.get(tag, 0.0) + 0.5) / total))
            for tag, share in shares.items()
            if share >= _LEAST
        )
        if len(self._emitted) < _CACHED:
            self._emitted[token] = found
        return found

    def _prior(self, token: str) -> dict[str, float]:
        classes = self._classes_of(token) if is_word(token) else (token,)
        weights = [_RANKS[min(i, len(_RANKS) - 1)] for i in range(len(classes))]
        return {tag: weight / sum(weights) for tag, weight in zip(classes, weights, strict=True)}

    def _transition(self, last: str, tag: str) -> float:
        plain = (self._totals.get(tag, 0.0) + 0.1) / self._total
        return (self._pairs.get((last, tag), 0.0) + _BACKOFF * plain) / (
            self._totals.get(last, 0.0) + _BACKOFF
        )

    def _flat(
        self, tokens: Sequence[str]
    ) -> list[tuple[str, dict[str, float], dict[tuple[str, str], float]]]:
        found = []
        before = {START: 1.0}
        for token in tokens:
            now = self._shares[token]
            found.append((token, now, {(a, b): p * q for a, p in before.items() for b, q in now.items()}))
            before = now
        return found

    def _posteriors(
        self, tokens: Sequence[str]
    ) -> list[tuple[str, dict[str, float], dict[tuple[str, str], float]]]:
        """Returns each token with the probabilities of its classes and of the pairs of classes before it."""
        forward = [{START: 1.0}]
        for token in tokens:
            shares = self._shares[token]
            row = {
                b: share
                / (self._totals.get(b, 0.0) + 0.5)
                * sum(p * self._transition(a, b) for a, p in forward[-1].items())
                for b, share in shares.items()
            }
            total = sum(row.values())
            forward.append({b: value / total for b, value in row.items()})
        found = []
        after = dict.fromkeys(forward[-1], 1.0)
        for index in range(len(tokens) - 1, -1, -1):
            shares = self._shares[tokens[index]]
            weight = {b: after[b] * s / (self._totals.get(b, 0.0) + 0.5) for b, s in shares.items()}
            pairs = {
                (a, b): p * self._transition(a, b) * w
                for a, p in forward[index].items()
                for b, w in weight.items()
            }
            total = sum(pairs.values())
            pairs = {key: value / total for key, value in pairs.items()}
            now: dict[str, float] = defaultdict(float)
            before: dict[str, float] = defaultdict(float)
            for (a, b), value in pairs.items():
                now[b] += value
                before[a] += value
            found.append((tokens[index], dict(now), pairs))
            after = {a: before[a] / forward[index][a] for a in forward[index]}
        return found[::-1]

    def _learn(
        self, counted: Iterable[Sequence[tuple[str, dict[str, float], dict[tuple[str, str], float]]]]
    ) -> None:
        pairs: dict[tuple[str, str], float] = defaultdict(float)
        totals: dict[str, float] = defaultdict(float)
        shares: dict[str, dict[str, float]] = {}
        for tokens in counted:
            totals[START] += 1.0
            for token, now, before in tokens:
                for key, value in before.items():
                    pairs[key] += value
                entry = shares.get(token)
                if entry is None:
                    entry = shares[token] = {t: _PSEUDO * p for t, p in self._prior(token).items()}
                for tag, value in now.items():
                    totals[tag] += value
                    entry[tag] += value
        self._pairs, self._totals = dict(pairs), dict(totals)
        self._total = sum(totals.values())
        self._shares = {
            token: {tag: value / total for tag, value in entry.items()}
            for token, entry in shares.items()
            for total in [sum(entry.values())]
        }
