"""RewardWatch: what a training logs about its reward, the sampled texts, and the warnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.logger import Logger

from llm_baselines.training.reward_statistics import (
    PlayedRound,
    collapsed_share,
    component_statistics,
    log_values,
)
from llm_baselines.training.reward_warnings import RewardWarnings
from llm_baselines.training.sample_table import SAMPLES, SampleTable
from llm_envs import EvaluationResult

SamplesListener = Callable[[SampleTable], None]
"""Called with every table of sampled texts."""

_NO_TABLES = ("stdout", "log", "csv", "json")  # formats that show numbers


class RewardWatch:
    """Observes the rounds and evaluations of one training; it changes nothing in it.

    Args:
        log_samples: Rounds between tables of sampled texts; 0 for none.
        warns: Whether to warn.
        can_scale: Whether the learner has the option `component_scaling`.
        listener: Gets every table; None for none.
    """

    def __init__(
        self,
        *,
        log_samples: int,
        warns: bool,
        can_scale: bool = False,
        listener: SamplesListener | None = None,
    ) -> None:
        self._log_samples, self._listener = log_samples, listener
        self._warnings = RewardWarnings(can_scale=can_scale) if warns else None

    def played(self, played: PlayedRound, round: int, logger: Logger) -> dict[str, float]:
        """Takes note of a round.

        Args:
            played: The round.
            round: Its number.
            logger: Gets a table of texts, if one is due.

        Returns:
            Values to log, by key: `reward/<component>/mean`, `std` and `share`, and the share of groups
            whose texts all score the same.
        """
        if not len(played.scores):
            return {}
        statistics = component_statistics(played.outcomes, played.weights)
        collapsed = collapsed_share(played.scores, played.groups)
        if self._warnings is not None:
            self._warnings.played(played, statistics, collapsed)
        if self._log_samples and round % self._log_samples == 0 and played.outcomes:
            table = SampleTable.of(played.outcomes)
            logger.record(SAMPLES, table, exclude=_NO_TABLES)
            logger.log(table.in_terminal())
            if self._listener is not None:
                self._listener(table)
        return log_values(statistics, collapsed)

    def evaluated(self, result: EvaluationResult, recent_scores: Sequence[float]) -> None:
        """Takes note of an evaluation on validation.

        Args:
            result: The evaluation.
            recent_scores: Scores of the last training episodes.
        """
        if self._warnings is None:
            return
        count = len(recent_scores)
        mean = float(np.mean(recent_scores)) if count else None
        error = float(np.std(recent_scores, ddof=1)) / np.sqrt(count) if count > 1 else 0.0
        self._warnings.evaluated(result, mean, float(error))

    def state(self) -> dict[str, Any]:
        """Returns everything a checkpoint keeps, as JSON values."""
        return {} if self._warnings is None else self._warnings.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned."""
        if self._warnings is not None:
            self._warnings.restore(state)
