"""Reads sentences by the rules: a weighted automaton, made deterministic as texts need it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llm_envs.rewards.syntax.clauses import moves
from llm_envs.rewards.syntax.marks import comma, ending, line_break
from llm_envs.rewards.syntax.states import BEGIN, BROKEN, OPEN, Move, State

Reading = tuple[str, str, int]
"""What a word can be: its tag, its kind, and what it costs to read it so."""

STOPS = frozenset(".?!")
_MOST = 14
_BEYOND = 2

Config = tuple[Move, ...]


class Parser:
    """Follows the cheapest readings of sentences.

    A configuration is a set of states with what each costs more than the best. Its successors are kept, so a
    text costs one look-up per token.

    Args:
        readings: Gives what a word can be.
    """

    def __init__(self, readings: Callable[[str], tuple[Reading, ...]]) -> None:
        self._readings = readings
        self._ids: dict[Config, int] = {}
        self._configs: list[Config] = []
        self._next: dict[tuple[int, tuple[Reading, ...]], tuple[int, int]] = {}
        self._ends: dict[tuple[int, bool], tuple[int, bool]] = {}
        self._keys: dict[str, tuple[Reading, ...]] = {}
        self.start = self._id(((BEGIN, 0),))

    def step(self, at: int, token: str) -> tuple[int, int]:
        """Returns the configuration after a token other than a stop, and what that adds to the cost."""
        key = self._keys.get(token)
        if key is None:
            key = self._keys[token] = ((token, "", 0),) if token in ",\n" else self._readings(token)
        found = self._next.get((at, key))
        if found is None:
            found = self._next[at, key] = self._step(self._configs[at], key)
        return found

    def end(self, at: int, asked: bool) -> tuple[int, bool]:
        """Returns what it costs to end a sentence, and whether it has a main clause.

        Args:
            at: The configuration.
            asked: Whether a question mark ends it.
        """
        found = self._ends.get((at, asked))
        if found is None:
            cost, lacks = min(
                (cost + ending(state, asked), not state.finite) for state, cost in self._configs[at]
            )
            found = self._ends[at, asked] = (cost, not lacks)
        return found

    def _step(self, config: Config, key: Sequence[Reading]) -> tuple[int, int]:
        best: dict[State, int] = {}

        def add(state: State, cost: int) -> None:
            if cost < best.get(state, 99):
                best[state] = cost

        for state, before in config:
            for tag, kind, cost in key:
                if tag == ",":
                    for after, more in comma(state):
                        add(after, before + more)
                elif tag == "\n":
                    for after, more in line_break(state):
                        add(after, before + more)
                else:
                    for after, more in moves(state, tag, kind):
                        add(after, before + cost + more)
        low = min(best.values(), default=BROKEN)
        if low > 1 and key[0][0] not in ",\n":
            for state, before in config:
                add(state, before + BROKEN)
                if state.noun not in OPEN:
                    for tag, kind, cost in key:
                        for after, more in moves(BEGIN._replace(finite=state.finite), tag, kind):
                            add(after, before + cost + more + BROKEN)
        low = min(best.values())
        kept = sorted(((cost - low, state) for state, cost in best.items() if cost <= low + _BEYOND))[:_MOST]
        return self._id(tuple((state, cost) for cost, state in kept)), low

    def _id(self, config: Config) -> int:
        found = self._ids.get(config)
        if found is None:
            found = self._ids[config] = len(self._configs)
            self._configs.append(config)
        return found
