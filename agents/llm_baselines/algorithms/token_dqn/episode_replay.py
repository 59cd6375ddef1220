"""EpisodeReplay: a replay of whole episodes that stores every token once, in a few bytes a transition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from llm_baselines.play.trajectory import Trajectory
from llm_baselines.storage.interruption import deferred_signals

_LEAST_ROOM = 256
_LEAST_PRIORITY = 1e-6  # every episode can be sampled
_EPISODE = np.dtype(
    [
        ("token_start", "<i8"),
        ("action_start", "<i8"),
        ("turn_start", "<i8"),
        ("tokens", "<i4"),
        ("actions", "<i4"),
        ("turns", "<i4"),
        ("round", "<i4"),
        ("start", "<i4"),
        ("example", "<i4"),
        ("priority", "<f4"),  # infinite until `set_priorities` sets it
        ("terminated", "?"),
        ("alive", "?"),
    ]
)
_TURN = np.dtype([("column", "<i4"), ("length", "<i4")])
_NUMBERS = ("rewards", "behaviour_log_probs", "reference_log_probs")


@dataclass(frozen=True)
class ReplayMemory:
    """The memory of a replay.

    Attributes:
        used: Bytes of the stored episodes.
        allocated: Bytes of the arrays, including spare room.
        transitions: Number of stored transitions.
    """

    used: int
    allocated: int
    transitions: int

    @property
    def bytes_per_transition(self) -> float:
        """Bytes used per transition; NaN when empty."""
        return self.used / self.transitions if self.transitions else float("nan")


class _Arena:
    """A queue in one array: entries are added at the end and dropped at the front.

    Positions are absolute: an entry keeps its position when earlier entries are dropped.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self._array = np.empty(0, dtype)
        self._offset = 0  # absolute position of the array's first entry
        self.start = self.stop = 0

    @property
    def nbytes(self) -> int:
        return self._array.nbytes

    def extend(self, values: np.ndarray) -> int:
        """Appends values; returns the absolute position of the first."""
        begin, needed = self.stop, self.stop + len(values) - self._offset
        if needed > len(self._array):
            kept = self._array[self.start - self._offset : self.stop - self._offset]
            room = len(kept) + len(values)
            # Moves the remaining entries to the front; a sixteenth of spare room keeps such moves rare.
            fresh = np.empty(room + room // 16 + _LEAST_ROOM, self._array.dtype)
            fresh[: len(kept)] = kept
            self._array, self._offset = fresh, self.start
        at = begin - self._offset
        self._array[at : at + len(values)] = values
        self.stop += len(values)
        return begin

    def get(self, start: int, count: int) -> np.ndarray:
        at = start - self._offset
        return self._array[at : at + count].copy()

    def drop_before(self, position: int) -> None:
        self.start = position


def _as_turns(columns: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return np.rec.fromarrays([columns, lengths], dtype=_TURN).view(np.ndarray)


class EpisodeReplay:
    """Experience replay (Lin 1992) of episodes, first in, first out.

    Args:
        capacity: Maximal number of tokens, including prompts and environment turns.
        components: Number of reward components that are stored with an episode.

    Attributes:
        recombine: Applied to every episode that is returned, to recombine its components; None changes none.

    Raises:
        ValueError: The capacity is not positive.
    """

    def __init__(self, capacity: int, components: int = 0) -> None:
        if capacity < 1:
            raise ValueError(f"buffer_size={capacity!r} is the number of tokens to keep: at least 1")
        self.capacity = capacity
        self.recombine: Callable[[Trajectory], Trajectory] | None = None
        self._width = components
        self._components = _Arena(np.dtype(np.float32))  # as many for each episode
        self._tokens = _Arena(np.dtype(np.int32))
        self._numbers = {name: _Arena(np.dtype(np.float32)) for name in _NUMBERS}
        # The agent's tokens form one run per turn, stored as (first column, length).
        self._turns = _Arena(_TURN)
        self._episodes = _Arena(_EPISODE)

    def __len__(self) -> int:
        return int(self._records()["alive"].sum())

    @property
    def tokens(self) -> int:
        """Number of tokens held, including prompts and environment turns."""
        return self._tokens.stop - self._tokens.start

    @property
    def transitions(self) -> int:
        """Number of actions held."""
        records = self._records()
        return int(records["actions"][records["alive"]].sum())

    def _records(self) -> np.ndarray:
        arena = self._episodes
        at = arena.start - arena._offset
        return arena._array[at : at + arena.stop - arena.start]

    def add(self, trajectories: Iterable[Trajectory]) -> None:
        """Stores episodes; the oldest ones leave if there is no room.

        Raises:
            ValueError: An episode is longer than the capacity, or has no action.
        """
        for t in trajectories:
            if not len(t):
                raise ValueError("an episode without an action cannot be replayed")
            if len(t.tokens) > self.capacity:
                raise ValueError(
                    f"an episode of {len(t.tokens)} tokens does not fit buffer_size={self.capacity}"
                )
            with deferred_signals():  # an episode is in all arrays or in none
                self._add(t)

    def _add(self, t: Trajectory) -> None:
        while self.tokens + len(t.tokens) > self.capacity:
            self._drop_oldest()
        record = np.zeros(1, _EPISODE)
        starts = np.flatnonzero(np.diff(t.actions, prepend=-2) != 1)
        turns = _as_turns(t.actions[starts], np.diff(np.append(starts, len(t))))
        record["token_start"] = self._tokens.extend(np.asarray(t.tokens, np.int32))
        record["turn_start"] = self._turns.extend(turns)
        for name in _NUMBERS:
            record["action_start"] = self._numbers[name].extend(np.asarray(getattr(t, name), np.float32))
        record["tokens"], record["actions"], record["turns"] = len(t.tokens), len(t), len(turns)
        record["round"], record["start"], record["example"] = t.round, t.start, t.example
        if self._width:
            if t.components is None or len(t.components) != self._width:
                raise ValueError(f"an episode has not the {self._width} reward components of this replay")
            self._components.extend(np.asarray(t.components, np.float32))
        record["priority"] = np.inf
        record["terminated"], record["alive"] = t.terminated, True
        self._episodes.extend(record)

    def _drop_oldest(self) -> None:
        first = self._records()[0]
        self._tokens.drop_before(int(first["token_start"] + first["tokens"]))
        self._turns.drop_before(int(first["turn_start"] + first["turns"]))
        for arena in self._numbers.values():
            arena.drop_before(int(first["action_start"] + first["actions"]))
        self._components.drop_before(self._components.start + self._width)
        self._episodes.drop_before(self._episodes.start + 1)

    def sample(
        self, batch_size: int, rng: np.random.Generator, exponent: float = 0.0
    ) -> tuple[list[Trajectory], np.ndarray]:
        """Samples episodes, without replacement if there are enough.

        Args:
            batch_size: Number of episodes.
            rng: Decides which episodes.
            exponent: Episodes are drawn in proportion to priority^exponent (Schaul et al. 2016, eq. 1). An
                episode without a priority gets the largest known one, at least 1. 0 draws uniformly.

        Returns:
            The trajectories, and their keys for `remove` and `set_priorities`.

        Raises:
            ValueError: The replay is empty.
        """
        alive, probabilities = self._drawn_from(exponent)
        drawn = rng.choice(alive, batch_size, replace=len(alive) < batch_size, p=probabilities)
        return [self._trajectory(int(i)) for i in drawn], drawn + self._episodes.start

    def sample_actions(
        self, actions: int, rng: np.random.Generator, exponent: float = 0.0
    ) -> tuple[list[Trajectory], np.ndarray]:
        """Samples episodes without replacement until they have a number of actions, or all are drawn.

        Args:
            actions: Number of actions; the last episode may exceed it.
            rng: As for `sample`.
            exponent: As for `sample`.

        Returns:
            As `sample`.

        Raises:
            ValueError: The replay is empty.
        """
        alive, probabilities = self._drawn_from(exponent)
        order = rng.choice(alive, len(alive), replace=False, p=probabilities)
        before = np.cumsum(self._records()["actions"][order]) - self._records()["actions"][order]
        drawn = order[before < actions]
        return [self._trajectory(int(i)) for i in drawn], drawn + self._episodes.start

    def _drawn_from(self, exponent: float) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns the indices of the episodes held, and their probabilities; None draws uniformly."""
        alive = np.flatnonzero(self._records()["alive"])
        if not len(alive):
            raise ValueError("the replay is empty: play episodes before sampling")
        return alive, self._probabilities(alive, exponent) if exponent else None

    def sample_groups(self, batch_size: int, rng: np.random.Generator) -> tuple[list[Trajectory], np.ndarray]:
        """Samples examples with all their episodes, until there are at least `batch_size` episodes.

        An example with a single episode is left out, because it has nothing to be compared with.

        Args:
            batch_size: Number of episodes; fewer if the replay has no more.
            rng: Decides which examples.

        Returns:
            The trajectories, and their keys for `remove`.
        """
        alive = np.flatnonzero(self._records()["alive"])
        played = self._records()["example"][alive]
        _, member, counts = np.unique(played, return_inverse=True, return_counts=True)
        order = rng.permutation(np.flatnonzero(counts > 1))
        needed = int(np.searchsorted(np.cumsum(counts[order]), batch_size)) + 1
        drawn = np.concatenate([alive[:0], *(alive[member == group] for group in order[:needed])])
        return [self._trajectory(int(i)) for i in drawn], drawn + self._episodes.start

    def _probabilities(self, alive: np.ndarray, exponent: float) -> np.ndarray:
        priorities = self._records()["priority"][alive].astype(np.float64)
        known = np.isfinite(priorities)
        priorities[~known] = priorities[known].max(initial=1.0)
        weights: np.ndarray = (priorities + _LEAST_PRIORITY) ** exponent
        return weights / weights.sum()

    def set_priorities(self, keys: np.ndarray, priorities: np.ndarray) -> None:
        """Sets the priorities of episodes; keys of episodes that have left are ignored.

        Args:
            keys: From `sample`, int (n,).
            priorities: float (n,), at least 0.
        """
        inside = keys >= self._episodes.start
        self._records()["priority"][keys[inside] - self._episodes.start] = priorities[inside]

    def newest(self, count: int) -> list[Trajectory]:
        """Returns the `count` newest episodes, oldest first."""
        alive = np.flatnonzero(self._records()["alive"])
        return [self._trajectory(int(i)) for i in alive[max(0, len(alive) - count) :]]

    def _trajectory(self, index: int) -> Trajectory:
        record = self._records()[index]
        turns = self._turns.get(int(record["turn_start"]), int(record["turns"]))
        actions = np.concatenate([np.arange(c, c + n, dtype=np.int32) for c, n in turns.tolist()])
        start, count = int(record["action_start"]), int(record["actions"])
        trajectory = Trajectory(
            tokens=self._tokens.get(int(record["token_start"]), int(record["tokens"])),
            actions=actions,
            rewards=self._numbers["rewards"].get(start, count),
            behaviour_log_probs=self._numbers["behaviour_log_probs"].get(start, count),
            reference_log_probs=self._numbers["reference_log_probs"].get(start, count),
            terminated=bool(record["terminated"]),
            round=int(record["round"]),
            start=int(record["start"]),
            example=int(record["example"]),
            components=self._components_of(index),
        )
        return trajectory if self.recombine is None else self.recombine(trajectory)

    def _components_of(self, index: int) -> np.ndarray | None:
        return (
            self._components.get(self._components.start + index * self._width, self._width)
            if self._width
            else None
        )

    def remove(self, keys: np.ndarray) -> None:
        """Removes episodes; their room becomes free once all older ones have left too."""
        records = self._records()
        inside = keys[keys >= self._episodes.start] - self._episodes.start
        with deferred_signals():
            records["alive"][inside] = False
            while len(self._records()) and not self._records()["alive"][0]:
                self._drop_oldest()

    def remove_older(self, oldest_round: int) -> None:
        """Removes the episodes that were played before a round."""
        records = self._records()
        self.remove(np.flatnonzero(records["round"] < oldest_round) + self._episodes.start)

    def memory(self) -> ReplayMemory:
        """Returns the exact memory of the replay."""
        arenas: Sequence[_Arena] = [self._tokens, self._turns, self._episodes, self._components]
        arenas = [*arenas, *self._numbers.values()]
        used = sum((a.stop - a.start) * a._array.dtype.itemsize for a in arenas)
        return ReplayMemory(used, sum(a.nbytes for a in arenas), self.transitions)

    def save(self, path: Path) -> None:
        """Writes everything it holds as safetensors."""
        arrays = {"tokens": self._content(self._tokens)}
        arrays |= {name: self._content(self._numbers[name]) for name in _NUMBERS}
        turns = self._content(self._turns)
        arrays["turns"] = np.stack([turns["column"], turns["length"]], axis=1)
        records = self._records()
        for name in ("tokens", "actions", "turns", "round", "start", "example", "priority"):
            arrays[f"episodes.{name}"] = np.ascontiguousarray(records[name])
        for name in ("terminated", "alive"):
            arrays[f"episodes.{name}"] = records[name].astype(np.uint8)
        if self._width:
            arrays["components"] = self._content(self._components).reshape(-1, self._width)
        save_file(arrays, path)

    @classmethod
    def load(cls, path: Path, capacity: int, components: int = 0) -> EpisodeReplay:
        """Reads a replay that `save` wrote; it gives the same samples.

        Args:
            path: The file.
            capacity: As for a new replay.
            components: As for a new replay.

        Raises:
            ValueError: The arrays do not fit together, or hold NaN or infinity.
        """
        arrays = load_file(path)
        _check_arrays(arrays, path)
        replay = cls(capacity, components)
        if components:
            replay._components.extend(_checked_components(arrays, components, path).ravel())
        replay._tokens.extend(arrays["tokens"])
        for name in _NUMBERS:
            replay._numbers[name].extend(arrays[name])
        replay._turns.extend(_as_turns(arrays["turns"][:, 0], arrays["turns"][:, 1]))
        records = np.zeros(len(arrays["episodes.round"]), _EPISODE)
        for name in records.dtype.names or ():
            if not name.endswith("_start"):
                records[name] = arrays[f"episodes.{name}"]
        for start, count in (("token_start", "tokens"), ("action_start", "actions"), ("turn_start", "turns")):
            records[start] = np.cumsum(records[count]) - records[count]
        replay._episodes.extend(records)
        return replay

    @staticmethod
    def _content(arena: _Arena) -> np.ndarray:
        return arena.get(arena.start, arena.stop - arena.start)


def _checked_components(arrays: Mapping[str, np.ndarray], width: int, path: Path) -> np.ndarray:
    """Returns the components of the episodes, float32 (n, width), or raises if they do not fit."""
    found = arrays.get("components")
    if found is None or found.shape != (len(arrays["episodes.round"]), width) or found.dtype != np.float32:
        raise ValueError(f"'{path}': it does not hold {width} reward components for each episode")
    if not np.isfinite(found).all():
        raise ValueError(f"'{path}': components hold NaN or infinity")
    return found


def _check_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Raises if the arrays hold numbers that are not finite, or do not fit together."""
    for name in _NUMBERS:
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"'{path}': {name} hold NaN or infinity")
    if np.isnan(arrays["episodes.priority"]).any():  # an infinite priority is not set yet
        raise ValueError(f"'{path}': priorities hold NaN")
    turns, counts = arrays["turns"], {n: arrays[f"episodes.{n}"] for n in ("tokens", "actions", "turns")}
    stored = {"tokens": len(arrays["tokens"]), "actions": len(arrays["rewards"]), "turns": len(turns)}
    for name, count in counts.items():
        if (count < 0).any() or int(count.sum(dtype=np.int64)) != stored[name]:
            raise ValueError(f"'{path}': the {name} of its episodes do not add up to the {name} it holds")
    if (arrays["tokens"] < 0).any() or (turns < 0).any():
        raise ValueError(f"'{path}': a token or a turn is below 0")
