"""Runs Stable-Baselines3's callbacks for a learner that is not one of its algorithms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList, ConvertCallback

from llm_baselines.agent import Learner
from llm_baselines.training.callback_counters import CallbackCounters

AnyCallback = BaseCallback | list[BaseCallback] | Callable[..., bool] | None


class Callbacks:
    """The callbacks of a training run.

    Args:
        callback: A callback of Stable-Baselines3, a list of them, a function, or None.
    """

    def __init__(self, callback: AnyCallback) -> None:
        if isinstance(callback, list):
            self._callback: BaseCallback = CallbackList(callback)
        elif isinstance(callback, BaseCallback):
            self._callback = callback
        else:
            self._callback = ConvertCallback(callback)

    def begin(self, learner: Learner, total_timesteps: int, counters: Mapping[str, Any] | None) -> None:
        """Tells the callbacks that training begins.

        Args:
            learner: Callbacks find it as `model`.
            total_timesteps: Environment steps of the training.
            counters: From a checkpoint's `counters`; None for a new run.
        """
        self._callback.init_callback(cast(BaseAlgorithm, learner))  # it has what callbacks ask for
        self._counters = CallbackCounters(self._callback)
        if counters is not None:
            self._counters.restore(counters)
        self._callback.on_training_start({"total_timesteps": total_timesteps, "self": learner}, {})

    def on_step(self, dones: np.ndarray | None) -> bool:
        """Tells the callbacks of a step; False if one of them stops the training.

        Args:
            dones: Which of the rows ended; None for a learner without rows.
        """
        self._callback.update_locals({"dones": np.zeros(0, bool) if dones is None else dones})
        return self._callback.on_step()

    @contextmanager
    def rollout(self) -> Iterator[None]:
        """Tells the callbacks when playing begins and ends."""
        self._callback.on_rollout_start()
        try:
            yield
        finally:
            self._callback.on_rollout_end()

    def end(self) -> None:
        """Tells the callbacks that training has ended."""
        self._callback.on_training_end()

    def counters(self) -> dict[str, Any]:
        """Returns what the callbacks have counted, for a checkpoint."""
        return self._counters.changed()
