"""log pi of an action and the KL to the reference over all actions, from one softmax."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def log_probs_and_kl(logits: Tensor, taken: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Returns log pi of the actions taken, and KL(pi || pi_ref) of their states, in nats: float32 (k,) each.

    Gradients flow to the logits, through both. One pass forwards and one back over (k, V) compute them, about
    as many as a cross-entropy takes.

    Args:
        logits: float32 (k, V); -inf for actions that are not allowed.
        taken: int64 (k,).
        reference: float32 (k, V), log pi_ref; -inf for the same actions.
    """
    log_probs, kl = _Reading.apply(logits, taken, reference)
    return log_probs, kl


class _Reading(torch.autograd.Function):
    """With p = softmax(z) and r = log p - log pi_ref: d log p_a / dz = 1_a - p; d KL / dz = p (r - KL)."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, taken: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
        log_probs = torch.log_softmax(logits, dim=1)
        of_taken = log_probs.gather(1, taken[:, None])[:, 0]
        probs = log_probs.exp()
        ratios = log_probs.sub_(reference).nan_to_num_(nan=0.0)  # -inf minus -inf, where p is 0
        kl = torch.einsum("kv,kv->k", probs, ratios)
        ctx.save_for_backward(probs, ratios, kl, taken)
        return of_taken, kl

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        of_taken, of_kl = gradients
        probs, ratios, kl, taken = ctx.saved_tensors
        gradient = ratios * of_kl[:, None]
        gradient.sub_((of_kl * kl + of_taken)[:, None]).mul_(probs)
        gradient.scatter_add_(1, taken[:, None], of_taken[:, None])
        return gradient, None, None
