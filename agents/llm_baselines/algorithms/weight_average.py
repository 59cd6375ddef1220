"""WeightAverage: the mean of the weights of a training with a constant step size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """The mean of all weights so far, in which late ones count most (Shamir and Zhang 2013, section 4).

    With a constant step size the last weights are noisy, and their mean is less so. Unlike a falling step
    size, it needs no end of the training: update t moves the mean by (decay + 1) / (decay + t), so it always
    covers about the last 1 / (decay + 1) of the training.

    Args:
        network: Its trained parameters are averaged.
        decay: 0 is the plain mean; the larger, the more late weights count.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._now = {name: p for name, p in network.named_parameters() if p.requires_grad}
        self._mean = self._copies()
        self._last: Mapping[str, Tensor] | None = None

    @torch.no_grad()
    def add(self, updates: int) -> None:
        """Adds the present weights.

        Args:
            updates: Updates so far, this one included.
        """
        share = (self._decay + 1) / (self._decay + updates)
        for name, mean in self._mean.items():
            mean.lerp_(self._now[name].detach(), share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Puts the mean in the place of the weights, and puts the weights back at the end."""
        self.keep()
        try:
            yield
        finally:
            self.go_on()

    def keep(self) -> None:
        """Replaces the weights by their mean."""
        self._last = self._copies()
        self._put(self._mean)

    def go_on(self) -> None:
        """Puts the weights back that `keep` replaced, to train them on."""
        if self._last is not None:
            self._put(self._last)
            self._last = None

    def tensors(self) -> dict[str, Tensor]:
        """Returns the mean, by the parameters' names."""
        return self._mean

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restores what `tensors` returned.

        Raises:
            KeyError: A parameter is missing.
        """
        for name, mean in self._mean.items():
            mean.copy_(tensors[name])

    def _copies(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self._now.items()}

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self._now[name].copy_(value)
