"""Reads sentences by the rules: a weighted automaton, made deterministic as texts need it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from llm_envs.rewards.syntax.clauses import moves
from llm_envs.rewards.syntax.marks import comma, ending, line_break
from llm_envs.rewards.syntax.states import BEGIN, BROKEN, OPEN, Move, State

Reading = tuple[str, str, int]
"""What a word can be: its tag, its kind, and what it costs to read it so."""

_MOST = 14  # states of a place
_BEYOND = 2  # how much more a state may cost than the best of its place
_MARKS = {",": comma, "\n": line_break}
_NEVER = 99
_KEPT = 1 << 16

Config = tuple[tuple[State, int], ...]


class Place:
    """All that a sentence may be so far: states, with what each costs more than the best.

    Attributes:
        config: The states and their costs.
        after: The number of a token's readings -> the place after it, and what that adds to the cost.
        ends: Whether a question mark ends the sentence -> what that costs, and whether it has a clause.
    """

    __slots__ = ("after", "config", "ends")

    def __init__(self, config: Config) -> None:
        self.config = config
        self.after: dict[int, tuple[Place, int]] = {}
        self.ends: dict[bool, tuple[int, bool]] = {}


class Parser:
    """Follows the cheapest readings of sentences.

    Places that sentences came to are kept, up to a bound, so a token mostly costs a look-up.

    Args:
        readings: Gives what a word can be.
    """

    def __init__(self, readings: Callable[[str], tuple[Reading, ...]]) -> None:
        self._readings = readings
        self._numbers: dict[str, int] = {}  # tokens -> their readings
        self._known: dict[tuple[Reading, ...], int] = {}
        self._keys: list[tuple[Reading, ...]] = []
        self._places: dict[Config, Place] = {}
        self._moved: dict[tuple[State, str, str], tuple[Move, ...]] = {}
        self.start = Place(((BEGIN, 0),))

    def step(self, at: Place, token: str) -> tuple[Place, int]:
        """Returns the place after a token other than a stop, and what that adds to the cost."""
        number = self._numbers.get(token)
        if number is None:
            number = self._number(token)
        found = at.after.get(number)
        if found is None:
            found = at.after[number] = self._step(at.config, number)
        return found

    def end(self, at: Place, asked: bool) -> tuple[int, bool]:
        """Returns what it costs to end a sentence, and whether it has a main clause.

        Args:
            at: The place.
            asked: Whether a question mark ends it.
        """
        found = at.ends.get(asked)
        if found is None:
            cost, lacks = min((cost + ending(state, asked), not state.finite) for state, cost in at.config)
            found = at.ends[asked] = (cost, not lacks)
        return found

    def _number(self, token: str) -> int:
        """Returns the number of a token's readings."""
        key = ((token, "", 0),) if token in _MARKS else self._readings(token)
        number = self._known.setdefault(key, len(self._keys))
        if number == len(self._keys):
            self._keys.append(key)
        if len(self._numbers) < _KEPT:
            self._numbers[token] = number
        return number

    def _step(self, config: Config, number: int) -> tuple[Place, int]:
        best: dict[State, int] = {}
        key = self._keys[number]
        for state, before in config:
            for tag, kind, cost in key:
                _add(best, self._moves(state, tag, kind), before + cost)
        low = min(best.values(), default=BROKEN)
        if low > 1 and key[0][0] not in _MARKS:  # the word is left out, or begins a new clause
            for state, before in config:
                _add(best, ((state, BROKEN),), before)
                if state.noun not in OPEN:
                    begun = BEGIN._replace(finite=state.finite)
                    for tag, kind, cost in key:
                        _add(best, self._moves(begun, tag, kind), before + cost + BROKEN)
            low = min(best.values())
        kept = sorted((cost - low, state) for state, cost in best.items() if cost <= low + _BEYOND)
        return self._place(tuple((state, cost) for cost, state in kept[:_MOST])), low

    def _moves(self, state: State, tag: str, kind: str) -> tuple[Move, ...]:
        """Returns where a reading leads from a state, each state at its least cost."""
        found = self._moved.get((state, tag, kind))
        if found is None:
            best: dict[State, int] = {}
            _add(best, _MARKS[tag](state) if tag in _MARKS else moves(state, tag, kind), 0)
            found = self._moved[state, tag, kind] = tuple(best.items())
        return found

    def _place(self, config: Config) -> Place:
        found = self._places.get(config)
        if found is None:
            if len(self._places) >= _KEPT:  # texts that are being read keep their places
                self._places.clear()
                self._moved.clear()
                self.start.after.clear()
            found = self._places[config] = Place(config)
        return found


def _add(best: dict[State, int], moved: Iterable[Move], before: int) -> None:
    """Adds states with their costs, each at its least."""
    for state, cost in moved:
        if before + cost < best.get(state, _NEVER):
            best[state] = before + cost
