"""Polyak averaging of target networks."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def move_towards(source: nn.Module, target: nn.Module, tau: float) -> None:
    """Target <- (1 - tau) target + tau source; tau = 1 copies (Lillicrap et al. 2016).

    Args:
        source: The online network.
        target: Of the same shape; parameters that both share stay as they are.
        tau: In (0, 1].
    """
    for mine, theirs in zip(source.parameters(), target.parameters(), strict=True):
        if theirs is not mine:
            theirs.lerp_(mine.detach(), tau)
