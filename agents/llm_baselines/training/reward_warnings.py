"""RewardWarnings: says once, in words and with the way out, when a reward goes wrong while training.

| warning | condition |
| --- | --- |
| a component swamps the others | its share of the spread is above 0.98, and another varies too |
| length drift | texts are twice or half as long as the references, and were nearer to them at the start |
| collapsed groups | over 80 % of the groups have texts that all score the same, no better than the start |
| rising reward, falling held-out value | see `evaluated` |

The first three have to hold for at least 5 rounds in a row, and over at least 256 episodes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from llm_baselines.storage.sealed_folder import AgentFolderError
from llm_baselines.training.reward_statistics import ComponentStatistics, PlayedRound
from llm_envs import EvaluationResult
from llm_envs.foreign import shown
from llm_envs.rewards.cards import CARDS

_ROUNDS, _EPISODES = 5, 256  # rounds in a row, and their episodes, before a warning
_SWAMPS, _COLLAPSED = 0.98, 0.8
_DRIFT = math.log(2.0)
_MOVED = math.log(1.5)  # how far a length has moved from the start if it drifts
_FALL, _RISE = 3.0, 2.0  # standard errors
_EVALUATIONS = 2  # evaluations in a row
_VARIETY = ("distinct", "novelty")  # random texts are the most varied, so these fall in healthy trainings
OWN = "the environment's default reward"


class RewardWarning(UserWarning):
    """The reward of a training shows a known way to go wrong."""


class RewardWarnings:
    """Watches rounds and evaluations; each warning is given once.

    Args:
        can_scale: True if the learner has the option `component_scaling`, which a warning may name.
    """

    def __init__(self, *, can_scale: bool) -> None:
        self._can_scale = can_scale
        self._given: list[str] = []
        self._streaks: dict[str, tuple[int, int]] = {}
        self._start_lengths: list[float] = []  # log ratios of the first rounds
        self._first_reward: float | None = None
        self._first_spread = 0.0
        self._count = 0  # episodes of the present round
        self._bests: dict[str, dict[str, Any]] = {}

    def played(
        self, played: PlayedRound, statistics: Mapping[str, ComponentStatistics], collapsed: float | None
    ) -> None:
        """Takes note of a round, and warns if a condition has held for some rounds in a row."""
        if self._first_reward is None and len(played.scores):
            self._first_reward = float(np.mean(played.scores))
            self._first_spread = float(np.std(played.scores))
        self._count = len(played.scores)
        self._components(statistics)
        if collapsed is not None and self._holds(
            "groups", collapsed > _COLLAPSED and not self._risen(played)
        ):
            what = "groups of texts" if played.groups is not None else "rounds"
            self._warn(
                "groups",
                f"in {collapsed:.0%} of the {what} all texts score the same, so nothing can be learned from "
                "them. Sample more varied texts (a higher temperature, larger groups), or use a reward that "
                "tells these texts apart: `llm-envs rewards audit` shows its ties",
            )
        self._lengths(played)

    def _risen(self, played: PlayedRound) -> bool:
        """Returns True if the reward has risen: groups that are equal then have learned what they could."""
        assert self._first_reward is not None
        return float(np.mean(played.scores)) > self._first_reward + self._first_spread

    def _components(self, statistics: Mapping[str, ComponentStatistics]) -> None:
        shares = {name: one.share for name, one in statistics.items() if one.share > 0}
        largest = max(shares, key=lambda name: shares[name], default="")
        swamps = len(shares) > 1 and shares[largest] > _SWAMPS
        if self._holds("swamps", swamps):
            scaling = (
                "component_scaling='normalize' divides each by its spread, or " if self._can_scale else ""
            )
            others = ", ".join(repr(shown(name, 60)) for name in shares if name != largest)
            self._warn(
                "swamps",
                f"the component {shown(largest, 60)!r} swamps the others: it has {shares[largest]:.1%} of "
                f"the spread of the reward, so {others} hardly count{'s' if len(shares) == 2 else ''}. "
                f"{scaling}multiply its weight by about {1 / _ratio(shares, largest):.1g}",
            )

    def _lengths(self, played: PlayedRound) -> None:
        ratio, what = _log_length(played)
        if len(self._start_lengths) < 3:
            self._start_lengths.append(ratio)
            return
        start = float(np.mean(self._start_lengths))
        if what == "references":
            drifts = abs(ratio) > _DRIFT and abs(ratio) > abs(start) + _MOVED
        else:
            drifts = abs(ratio - start) > _DRIFT
            ratio -= start
        if self._holds("length", drifts):
            longer = "longer" if ratio > 0 else "shorter"
            pays = "length" if ratio > 0 else "brevity"
            way_out = "'length_penalty' with a negative weight, or " if ratio > 0 else ""
            than = "their references are" if what == "references" else "at the start"
            self._warn(
                "length",
                f"texts drift: they are {math.exp(abs(ratio)):.1f} times {longer} than {than}. If the reward "
                f"pays for {pays} alone, add {way_out}'length_target', the length that texts should have",
            )

    def evaluated(self, result: EvaluationResult, reward: float | None, error: float) -> None:
        """Takes note of an evaluation on validation.

        A held-out value falls if it is below its best evaluation by 3 standard errors of the difference
        paired by episode, twice in a row. The training reward meanwhile is above its start, and not below
        what it was at that best evaluation, by 2 of its standard errors.

        Args:
            result: The evaluation.
            reward: Mean training reward of the last episodes; None before the first.
            error: Its standard error.
        """
        if self._first_reward is None:
            self._first_reward = reward
        reward = self._first_reward if reward is None else reward
        for name, values in _held_out(result).items():
            best = self._bests.get(name)
            if (
                best is None
                or len(best["values"]) != len(values)
                or np.mean(values) >= np.mean(best["values"])
            ):
                self._bests[name] = {"values": values, "reward": reward, "error": error}
                self._streaks[f"held-out {name}"] = 0, 0
                continue
            before = self._first_reward if best["reward"] is None else best["reward"]
            differences = np.subtract(values, best["values"])
            spread = float(differences.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
            falls = float(differences.mean()) < -_FALL * spread
            noise = _RISE * math.hypot(error, best["error"])
            rises = (
                reward is not None
                and before is not None
                and self._first_reward is not None
                and reward > self._first_reward + noise
                and reward > before - noise
            )
            if self._holds(f"held-out {name}", falls and rises, _EVALUATIONS, 0):
                self._warn(
                    "held-out",
                    f"the reward rises (from {self._first_reward:.3g} to {reward:.3g}) while "
                    f"{shown(name, 60)} on validation falls (from "
                    f"{np.mean(best['values']):.3g} to {np.mean(values):.3g}): the agent may exploit the "
                    "reward. Read the samples in the log, stop earlier (keep_best), "
                    "stay nearer to the start (tau, kl_coef, target_kl), or mend the reward: `llm-envs "
                    "rewards audit` looks for what earns without being good",
                )

    def _holds(self, name: str, condition: bool, rounds: int = _ROUNDS, episodes: int = _EPISODES) -> bool:
        """Returns True if a condition has now held for so many rounds in a row, and so many episodes."""
        times, seen = self._streaks.get(name, (0, 0))
        times, seen = (times + 1, seen + self._count) if condition else (0, 0)
        self._streaks[name] = times, seen
        return times >= rounds and seen >= episodes

    def _warn(self, name: str, text: str) -> None:
        if name not in self._given:
            self._given.append(name)
            warnings.warn(text, RewardWarning, stacklevel=2)

    def state(self) -> dict[str, Any]:
        """Returns everything a checkpoint keeps, as JSON values."""
        return {
            "given": list(self._given),
            "streaks": {name: list(streak) for name, streak in self._streaks.items()},
            "start_lengths": list(self._start_lengths),
            "first_reward": self._first_reward,
            "first_spread": self._first_spread,
            "bests": {name: dict(best) for name, best in self._bests.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned; checkpoints of earlier versions have nothing.

        Raises:
            AgentFolderError: The state is damaged.
        """
        if not state:
            return
        try:
            self._restore(state)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise AgentFolderError(f"a checkpoint's reward_watch is damaged: {error!r}") from error

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._given = [str(name) for name in state["given"]]
        self._streaks = {str(name): (int(n), int(m)) for name, (n, m) in state["streaks"].items()}
        self._start_lengths = [float(value) for value in state["start_lengths"]]
        first = state["first_reward"]
        self._first_reward = None if first is None else float(first)
        self._first_spread = float(state["first_spread"])
        self._bests = {
            str(name): {
                "values": [float(value) for value in best["values"]],
                "reward": None if best["reward"] is None else float(best["reward"]),
                "error": float(best["error"]),
            }
            for name, best in state["bests"].items()
        }


def _ratio(shares: Mapping[str, float], largest: str) -> float:
    """Returns how many times the largest share is that of the others together."""
    rest = sum(share for name, share in shares.items() if name != largest)
    return shares[largest] / rest if rest > 0 else math.inf


def _log_length(played: PlayedRound) -> tuple[float, str]:
    """Returns the logarithm of the mean length, in units of the references' if every example has one."""
    with_reference = [outcome for outcome in played.outcomes if outcome.references]
    if with_reference and len(with_reference) == len(played.outcomes):
        texts = np.mean([len(outcome.text) for outcome in with_reference])
        references = np.mean([len(outcome.references[0]) for outcome in with_reference])
        if references > 0:
            return math.log(max(1.0, float(texts)) / float(references)), "references"
    return math.log(max(1.0, float(np.mean(played.lengths)))), "start"


def _held_out(result: EvaluationResult) -> dict[str, list[float]]:
    """Returns the value of each episode for what a good text should have, higher is better, by name."""
    if not result.rows:
        return {}
    values = {OWN: [row.reward for row in result.rows]}
    for name in result.rows[0].metrics:
        card = CARDS.get(name)
        if card is None or name in _VARIETY or not all(name in row.metrics for row in result.rows):
            continue
        sign = -1.0 if card.direction == "lower" else 1.0
        values[name] = [sign * row.metrics[name] for row in result.rows]
    return values
