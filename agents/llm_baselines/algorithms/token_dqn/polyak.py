"""Polyak averaging of target networks."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def move_towards(source: nn.Module, target: nn.Module, tau: float) -> None:
    """Sets target <- (1 - tau) target + tau source; tau = 1 copies (Lillicrap et al. 2016).

    Args:
        source: The online network.
        target: A network of the same shape. Parameters that it shares with `source` do not change.
        tau: In (0, 1].
    """
    for online, moving in zip(source.parameters(), target.parameters(), strict=True):
        if moving is not online:
            moving.lerp_(online.detach(), tau)
