"""The optimizer of language agents: parameter groups, gradient clipping and the learning rate schedule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import torch
from torch import nn

from llm_baselines.lm.settings import LanguageAgentConfig


def parameter_group(
    name: str, parameters: Iterable[nn.Parameter], learning_rate: float, max_grad_norm: float
) -> dict[str, Any]:
    """Returns a group of parameters with a step size and a limit on the norm of its gradients.

    Args:
        name: Names the group in logs and in `frozen`.
        parameters: The trained parameters.
        learning_rate: The step size at the start.
        max_grad_norm: The group's gradients are clipped to this norm.
    """
    return {
        "name": name,
        "params": list(parameters),
        "lr": learning_rate,
        "initial_lr": learning_rate,
        "max_grad_norm": max_grad_norm,
    }


def make_optimizer(groups: list[dict[str, Any]], config: LanguageAgentConfig) -> torch.optim.Optimizer:
    """Returns AdamW over groups from `parameter_group`."""
    betas = (0.9, config.beta2)
    return torch.optim.AdamW(groups, betas=betas, weight_decay=config.weight_decay, fused=True)


def rate_factor(config: LanguageAgentConfig, progress: float, updates: int) -> float:
    """Returns the factor of all step sizes. It rises over the warm-up and moves linearly over the training.

    Args:
        config: Holds the first and last step size, and the length of the warm-up.
        progress: Share of the training that is done, 0 to 1.
        updates: Updates so far.
    """
    end = config.learning_rate if config.learning_rate_end is None else config.learning_rate_end
    factor = 1.0 - progress * (1.0 - end / config.learning_rate)
    return factor * min(1.0, (updates + 1) / max(1, config.warmup_steps))


def prepare_step(
    optimizer: torch.optim.Optimizer,
    factor: float,
    check: Callable[[float, str], None],
    *,
    frozen: Collection[str] = (),
) -> dict[str, float]:
    """Sets the step sizes and clips the gradients, group by group.

    Args:
        optimizer: From `make_optimizer`.
        factor: From `rate_factor`.
        check: check(norm, what) raises if the norm is not finite.
        frozen: Names of groups that take no step; their gradients are dropped.

    Returns:
        The gradient norm of each group before clipping.
    """
    norms = {}
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor
        if group["name"] in frozen:
            for parameter in group["params"]:
                parameter.grad = None
            continue
        norm = float(nn.utils.clip_grad_norm_(group["params"], group["max_grad_norm"]))
        norms[group["name"]] = norm
        check(norm, f"the gradient's norm ({group['name']})")
    return norms
