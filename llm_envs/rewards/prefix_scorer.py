"""PrefixScorer: a weighted sum of rewards on the growing prefixes of one episode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llm_envs.episode import Episode, Example
from llm_envs.rewards.context import RewardError
from llm_envs.rewards.increments.growth import Growth, increment_of
from llm_envs.rewards.values import MAX_SCORE, checked_number, failed

Part = tuple[str, float, Callable[[Episode], Any]]
"""Name, weight and reward."""


class PrefixScorer:
    """Scores growing prefixes of one episode. It equals the RewardSet on each prefix.

    A reward with a method `increment(example)` supplies an increment, which keeps its counts between
    prefixes. Other rewards are called on the whole prefix.

    Args:
        parts: Name, weight and reward of each component.
        example: The example of the episode. None if `score` is to find it in the episodes it gets.

    Attributes:
        reads_growth: True if one of the rewards has an increment.
    """

    def __init__(self, parts: Sequence[Part], example: Example | None = None) -> None:
        self._parts = parts
        self._begin(example)

    def _begin(self, example: Example | None) -> None:
        self._example = example
        self._text = ""
        self._growth: Growth | None = None
        self._scorers: list[tuple[str, float, Callable[[Growth], Any]]] = []
        self.reads_growth = False
        if example is None:
            return
        for name, weight, reward in self._parts:
            try:
                found = increment_of(reward, example)
            except Exception as error:
                raise failed(name, Episode(example, ""), error) from error
            self.reads_growth = self.reads_growth or found is not None
            self._scorers.append((name, weight, _Whole(reward) if found is None else found))

    def grow(self, growth: Growth) -> float:
        """Returns the weighted sum for the next prefix.

        Args:
            growth: The episode so far. Its increments follow it, so no step may be left out.

        Raises:
            RewardError: A reward raised an error, or did not return a finite number.
        """
        total = 0.0
        for name, weight, scorer in self._scorers:
            try:
                value = scorer(growth)
            except RewardError:
                raise
            except Exception as error:
                raise failed(name, growth.episode(), error) from error
            total += weight * _checked(name, growth, value)
        return total

    def grow_components(self, growth: Growth) -> dict[str, float]:
        """Returns the unweighted values for the next prefix; parts of a composition as "name/part"."""
        values: dict[str, float] = {}
        for name, _, scorer in self._scorers:
            with_parts = getattr(scorer, "score_parts", None)
            try:
                value, parts = (scorer(growth), {}) if with_parts is None else with_parts(growth)
            except RewardError:
                raise
            except Exception as error:
                raise failed(name, growth.episode(), error) from error
            values[name] = _checked(name, growth, value)
            for part, part_value in parts.items():
                values[f"{name}/{part}"] = _checked(f"{name}/{part}", growth, part_value)
        return values

    def __call__(self, episode: Episode) -> float:
        """Returns the weighted sum for this prefix."""
        return self.score(episode)[0]

    def components(self, episode: Episode) -> dict[str, float]:
        """Returns the unweighted values for this prefix, by name."""
        return self.score(episode)[1]

    def score(self, episode: Episode) -> tuple[float, dict[str, float]]:
        """Returns the weighted sum and the components for this prefix.

        Args:
            episode: It usually extends the last one. If it does not, it is read from the start.
        """
        if episode.example is not self._example or not episode.text.startswith(self._text):
            self._begin(episode.example)
        growth = self._growth or Growth(episode.example, lambda: episode)
        growth.added, self._text = episode.text[len(self._text) :], episode.text
        growth.tokens, growth.turns = len(episode.action_ids), episode.turns
        growth.measures = episode.measures
        values = self.grow_components(growth)
        return sum(weight * values[name] for name, weight, _ in self._parts), values


def _checked(name: str, growth: Growth, value: Any) -> float:
    """Returns a checked value. The prefix is only built if it is wrong, for the error."""
    if type(value) is float and -MAX_SCORE <= value <= MAX_SCORE:
        return value
    return checked_number(name, growth.episode(), value)


class _Whole:
    """A reward without an increment, called on the whole prefix."""

    def __init__(self, reward: Callable[[Episode], Any]) -> None:
        self._reward = reward

    def __call__(self, growth: Growth) -> Any:
        return self._reward(growth.episode())

    def score_parts(self, growth: Growth) -> tuple[Any, dict[str, float]]:
        """Returns the value, and those of its parts."""
        with_parts = getattr(self._reward, "score_parts", None)
        value, parts = (
            (self._reward(growth.episode()), None) if with_parts is None else with_parts(growth.episode())
        )
        return value, parts or {}
