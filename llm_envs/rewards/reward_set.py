"""RewardSet.

A weighted sum of rewards with checked values, for single texts, batches and growing prefixes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from llm_envs.episode import Episode, Example
from llm_envs.rewards.context import RewardContext, RewardError
from llm_envs.rewards.prefix_rows import FollowedRows, PrefixRows
from llm_envs.rewards.prefix_scorer import PrefixScorer
from llm_envs.rewards.signatures import number_text
from llm_envs.rewards.specs import Entry, build, parse_spec
from llm_envs.rewards.values import MAX_SCORE, checked_number, failed
from llm_envs.tokenizers import Tokenizer

_Score = tuple[float, dict[str, float]]


class Component(NamedTuple):
    """One reward of a set."""

    entry: Entry
    reward: Callable[[Episode], Any]
    signature: str


def make_reward(spec: Any, context: RewardContext | None = None) -> RewardSet:
    """Makes a reward from its specification.

    Args:
        spec: An id, "package.module:name", {id: weight, ...}, or a dict with "id" and optional "weight",
            "name" and the reward's options. Or a list of such, any callable `Episode -> float`, or a
            RewardSet, which is returned unchanged.
        context: What the environment knows. Rewards that are fitted on the train split need it.

    Raises:
        ValueError: The spec is wrong, or needs something the context does not have.
    """
    if isinstance(spec, RewardSet):
        if spec.needs_references and context is not None and not context.has_references:
            raise ValueError(_no_references(spec.signature))
        return spec
    components = []
    for entry in parse_spec(spec):
        reward, signature = build(entry, context)
        if getattr(reward, "needs_references", False) and context is not None and not context.has_references:
            raise ValueError(_no_references(entry.name))
        components.append(Component(entry, reward, signature))
    return RewardSet(components)


class RewardSet:
    """A weighted sum of rewards. Made by `make_reward`. It can be pickled if its rewards can.

    Attributes:
        needs_references: True if one of its rewards reads references.
        needs_text: True if one of its rewards reads the text. If not, an environment may skip decoding.
        lazy: True if one of its rewards is loaded when it first scores, and so may fail only then.
        signature: Every option and version that changes a number, in one line.
    """

    def __init__(self, components: Sequence[Component]) -> None:
        self._components = tuple(components)
        self.needs_references = any(getattr(c.reward, "needs_references", False) for c in self._components)
        self.needs_text = any(getattr(c.reward, "needs_text", True) for c in self._components)
        self.lazy = any(getattr(c.reward, "lazy", False) for c in self._components)
        self._batched = any(hasattr(c.reward, "score_batch") for c in self._components)
        self.signature = _signature(self._components)

    def __repr__(self) -> str:
        return f"RewardSet({self.signature})"

    @property
    def weights(self) -> dict[str, float]:
        """The weight of every reward, by name."""
        return {c.entry.name: c.entry.weight for c in self._components}

    @property
    def signatures(self) -> dict[str, str]:
        """The signature of every reward, without its weight, by name."""
        return {c.entry.name: c.signature for c in self._components}

    @property
    def tolerance(self) -> float:
        """The most the sum may differ between machines and batch sizes: 0 unless a neural model scores."""
        return sum(abs(c.entry.weight) * getattr(c.reward, "tolerance", 0.0) for c in self._components)

    @property
    def tolerances(self) -> dict[str, float]:
        """The most each reward may differ between machines and batch sizes, without its weight, by name."""
        return {c.entry.name: getattr(c.reward, "tolerance", 0.0) for c in self._components}

    def __call__(self, episode: Episode) -> float:
        """Returns the weighted sum.

        Raises:
            RewardError: A reward raised an error, or did not return a finite number.
        """
        return self.score(episode)[0]

    def components(self, episode: Episode) -> dict[str, float]:
        """Returns the unweighted values by name; parts of a composition as "name/part"."""
        return self.score(episode)[1]

    def score(self, episode: Episode) -> _Score:
        """Returns the weighted sum and the components, computed once."""
        return _score(self._components, [c.reward for c in self._components], episode)

    def score_batch(self, episodes: Sequence[Episode]) -> tuple[list[float], list[dict[str, float]]]:
        """Scores many episodes. A reward with a `score_batch` scores them in one call.

        Returns:
            The weighted sums and the components, each in the order of `episodes`.
        """
        if not self._batched:
            scorers = [c.reward for c in self._components]
            scores = [_score(self._components, scorers, episode) for episode in episodes]
            return [total for total, _ in scores], [values for _, values in scores]
        totals = [0.0] * len(episodes)
        tables: list[dict[str, float]] = [{} for _ in episodes]
        for component in self._components:
            name, weight = component.entry.name, component.entry.weight
            for i, (value, parts) in enumerate(_batch(component, episodes)):
                totals[i] += weight * value
                tables[i][name] = value
                for part, part_value in parts.items():
                    tables[i][f"{name}/{part}"] = part_value
        return totals, tables

    def by_level(self) -> tuple[RewardSet | None, RewardSet | None]:
        """Splits metrics into those of an episode and those of a whole evaluation (`score_corpus`)."""
        parts: tuple[list[Component], list[Component]] = [], []
        for component in self._components:
            parts[hasattr(component.reward, "score_corpus")].append(component)
        single, whole = (RewardSet(part) if part else None for part in parts)
        return single, whole

    def score_corpus(self, episodes: Sequence[Episode]) -> dict[str, float]:
        """Scores an evaluation as a whole. All rewards must have a `score_corpus`.

        Returns:
            One unweighted value per reward, by name.

        Raises:
            RewardError: A reward raised an error, or did not return a finite number.
        """
        values = {}
        for (name, _), reward in zip(self.weights.items(), (c.reward for c in self._components), strict=True):
            try:
                value = reward.score_corpus(episodes)  # type: ignore[attr-defined]
            except RewardError:
                raise
            except Exception as error:
                reason = f"raised {type(error).__name__} on {len(episodes)} texts together: {error}"
                raise RewardError(name, None, reason) from error
            values[name] = checked_number(name, None, value)
        return values

    def prefix_scorer(self, example: Example | None = None) -> PrefixScorer:
        """Returns a scorer for the growing prefixes of one episode (dense reward timing).

        Args:
            example: The example of the episode. None if it is to be found in the episodes that are scored.
        """
        parts = [(c.entry.name, c.entry.weight, c.reward) for c in self._components]
        return PrefixScorer(parts, example)

    def rows(self, tokenizer: Tokenizer, number: int) -> PrefixRows | None:
        """Returns a scorer of many growing texts of one turn; None if a reward does not offer that.

        Args:
            tokenizer: The environment's tokenizer.
            number: The number of texts.
        """
        parts = self._made("increment_rows", tokenizer, number)
        return None if parts is None else PrefixRows(parts)

    def final_rows(self, tokenizer: Tokenizer, number: int) -> FollowedRows | None:
        """Returns what reads many growing texts of one turn, and scores those that end.

        It is None if a reward does not offer that: it is then cheaper to score finished texts from scratch.

        Args:
            tokenizer: The environment's tokenizer.
            number: The number of texts.
        """
        parts = self._made("final_rows", tokenizer, number)
        return None if parts is None else FollowedRows(parts)

    def _made(self, name: str, tokenizer: Tokenizer, number: int) -> list[tuple[str, float, Any]] | None:
        parts = []
        for entry, reward, _ in self._components:
            make = getattr(reward, name, None)
            rows = None if make is None else make(tokenizer, number)
            if rows is None:
                return None
            parts.append((entry.name, entry.weight, rows))
        return parts

    def to_spec(self) -> list[dict[str, Any]] | None:
        """Returns a JSON-able spec that makes this reward again, or None if it holds a callable.

        A record with None cannot be verified by others.
        """
        specs = [c.entry.to_spec() for c in self._components]
        return None if None in specs else [s for s in specs if s is not None]


def _score(
    components: Sequence[Component], scorers: Sequence[Callable[[Episode], Any]], episode: Episode
) -> _Score:
    total = 0.0
    values: dict[str, float] = {}
    for (entry, _, _), scorer in zip(components, scorers, strict=True):
        name = entry.name
        with_parts = getattr(scorer, "score_parts", None)
        try:
            value, parts = (scorer(episode), None) if with_parts is None else with_parts(episode)
        except RewardError:
            raise
        except Exception as error:
            raise failed(name, episode, error) from error
        if type(value) is not float or not -MAX_SCORE <= value <= MAX_SCORE:
            value = checked_number(name, episode, value)
        total += entry.weight * value
        values[name] = value
        if parts is not None:
            for part, part_value in parts.items():
                values[f"{name}/{part}"] = checked_number(f"{name}/{part}", episode, part_value)
    return total, values


def _batch(component: Component, episodes: Sequence[Episode]) -> list[_Score]:
    """Returns value and parts of one reward for each episode."""
    name, reward = component.entry.name, component.reward
    many = getattr(reward, "score_batch", None)
    if many is None:
        scores = []
        for episode in episodes:
            _, values = _score((component,), (reward,), episode)
            parts = {k[len(name) + 1 :]: v for k, v in values.items() if k != name}
            scores.append((values[name], parts))
        return scores
    try:
        results = list(many(episodes))
    except RewardError:
        raise
    except Exception as error:
        for episode in episodes:  # find the episode that raises, to name it
            _score((component,), (reward,), episode)
        raise failed(name, episodes[0], error) from error
    if len(results) != len(episodes):
        reason = f"returned {len(results)} scores for a batch of {len(episodes)} episodes"
        raise RewardError(name, episodes[0].text if episodes else "", reason)
    pairs = [r if isinstance(r, tuple) else (r, {}) for r in results]
    return [
        (
            checked_number(name, episode, value),
            {part: checked_number(f"{name}/{part}", episode, one) for part, one in parts.items()},
        )
        for episode, (value, parts) in zip(episodes, pairs, strict=True)
    ]


def _signature(components: Sequence[Component]) -> str:
    if len(components) == 1 and components[0].entry.weight == 1.0:
        return components[0].signature
    return " + ".join(f"{number_text(c.entry.weight)}*{c.signature}" for c in components)


def _no_references(name: str) -> str:
    return (
        f"reward {name!r} needs references, and this data set has examples without any; "
        "add a references column or choose another reward (llm_envs.list_rewards())"
    )
