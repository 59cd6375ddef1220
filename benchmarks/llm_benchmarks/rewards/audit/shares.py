"""The scale of an audit: which share of the references' reward a text earns, and how good it is otherwise.

The reward's share is (R - zero) / (R of the references - zero). Zero is 0 for a reward that pays nothing for
texts without merit. For other rewards, such as a log-probability, zero is what random words earn.

The held-out share of texts is the lesser of two: the greatest share over the metrics of relevance, and the
least over the metrics of form. So a text must answer its prompt by one measure at least, because an open
prompt has good answers that are unlike its reference. And no measure of form may object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llm_benchmarks.rewards.audit.held_out import HeldOut
from llm_benchmarks.rewards.audit.scoring import Floats, Raised, scores_of, worst_for_nan
from llm_envs.episode import Episode
from llm_envs.rewards import RewardSet

_NATURAL_ZERO = 0.05


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval over prompts; None if there is no number."""

    value: float
    low: float
    high: float

    def to_list(self) -> list[float]:
        """Returns value, low and high, rounded to six digits."""
        return [round(float(number), 6) for number in (self.value, self.low, self.high)]


@dataclass(frozen=True, slots=True)
class Zero:
    """What a share of 0 stands for.

    Attributes:
        value: The reward of texts without merit.
        of: "0", or the name of the texts.
    """

    value: float
    of: str


def zero_of(reference: float, levels: Mapping[str, float]) -> Zero:
    """Returns the zero of a reward's shares.

    Args:
        reference: The references' mean reward.
        levels: Mean rewards of the empty text and of random words, by name.
    """
    least = min(levels.values())
    if least >= 0 and least <= _NATURAL_ZERO * max(reference, 0.0):
        return Zero(0.0, "0")
    return Zero(levels["random words"], "random words")


class Scale:
    """Judges episodes by shares, with intervals over prompts.

    Args:
        rewards: The audited reward.
        held_out: The held-out metrics.
        references: The references' scores (n,).
        zero: What a share of 0 stands for.
        resamples: Bootstrap samples.
        seed: Seed of the bootstrap.
        raised: Takes texts on which the reward raises.
        reads_references: Whether the reward of a text depends on the references.
    """

    def __init__(
        self,
        rewards: RewardSet,
        held_out: Sequence[HeldOut],
        references: Floats,
        zero: Zero,
        *,
        resamples: int,
        seed: int,
        raised: list[Raised],
        reads_references: bool = False,
    ) -> None:
        self.rewards, self.held_out, self.zero, self.raised = rewards, held_out, zero, raised
        self.reads_references = reads_references
        self.reference = float(references.mean())
        self.scale = self.reference - zero.value
        self.has_scale = self.scale > 1e-9
        self._resamples, self._seed = resamples, seed
        self.worst = float(references.min())

    def scores(self, episodes: Sequence[Episode]) -> Floats:
        """Returns the rewards of episodes; the lowest known one where the reward raises."""
        found = scores_of(self.rewards, episodes, self.raised)
        if len(found) and not np.isnan(found).all():
            self.worst = min(self.worst, float(np.nanmin(found)))
        return worst_for_nan(found, self.worst)

    def shares(self, scores: Floats) -> Floats:
        """Returns shares of the references' reward.

        A reward that pays references no more than zero has no scale: then whatever earns more than the
        references has the share 1, and the rest has 0.
        """
        if self.has_scale:
            return (scores - self.zero.value) / self.scale
        return (scores > self.reference + 1e-9).astype(np.float64)

    def draws(self, n: int) -> np.ndarray:
        """Returns bootstrap samples of n prompts, int (resamples, n)."""
        return np.random.default_rng([self._seed, n]).integers(n, size=(self._resamples, n))

    def estimate(self, values: Floats) -> Estimate:
        """Returns the mean over prompts with its interval."""
        means = values[self.draws(len(values))].mean(axis=1)
        low, high = np.percentile(means, [2.5, 97.5])
        return Estimate(float(values.mean()), float(low), float(high))

    def held_out_values(self, episodes: Sequence[Episode]) -> dict[str, Floats]:
        """Returns the values of each held-out metric that sees something, by name."""
        seeing = [metric for metric in self.held_out if metric.aspect != "nothing"]
        return {metric.name: scores_of(metric.rewards, episodes) for metric in seeing}

    def quality(self, values: Mapping[str, Floats]) -> tuple[Estimate, dict[str, float]]:
        """Returns the held-out share of texts, with its interval, and the share of each metric.

        Args:
            values: What `held_out_values` returned for the texts.
        """
        n = len(next(iter(values.values()))) if values else 0
        if not n:
            return Estimate(float("nan"), float("nan"), float("nan")), {}
        draws = np.concatenate([np.arange(n)[None], self.draws(n)])
        found, each = self._qualities(values, draws)
        low, high = np.percentile(found[1:], [2.5, 97.5])
        return Estimate(float(found[0]), float(low), float(high)), each

    def quality_difference(self, first: Mapping[str, Floats], second: Mapping[str, Floats]) -> Estimate:
        """Returns the held-out share of some texts minus that of others for the same prompts."""
        n = len(next(iter(first.values())))
        draws = np.concatenate([np.arange(n)[None], self.draws(n)])
        found = self._qualities(first, draws)[0] - self._qualities(second, draws)[0]
        low, high = np.percentile(found[1:], [2.5, 97.5])
        return Estimate(float(found[0]), float(low), float(high))

    def _qualities(self, values: Mapping[str, Floats], draws: np.ndarray) -> tuple[Floats, dict[str, float]]:
        """Returns the held-out share for each draw of prompts, and each metric's share for the first draw."""
        aspects: dict[str, list[Floats]] = {"relevance": [], "form": []}
        each = {}
        for metric in self.held_out:
            if metric.name in values:
                shares = metric.share(values[metric.name][draws].mean(axis=1))
                aspects[metric.aspect].append(shares)
                each[metric.name] = float(shares[0])
        whole = list(aspects["form"])
        if aspects["relevance"]:
            whole.append(np.max(aspects["relevance"], axis=0))
        return np.clip(np.min(whole, axis=0), 0.0, None), each
