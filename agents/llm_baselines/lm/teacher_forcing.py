"""Teacher forcing: one causal pass over whole episodes gives the features of every prefix at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch, micro_batches
from llm_envs.lm.model import LanguageModel, model_inputs

Allowed = Callable[[TrajectoryBatch, Tensor], Tensor | None]
"""allowed(batch, states bool (n, m + 1)) returns the allowed actions in the k chosen states, bool (k, V)."""


def state_features(lm: LanguageModel, batch: TrajectoryBatch) -> Tensor:
    """Returns the features of all states of a batch, (n, m + 1, hidden_size), from one causal pass."""
    features = lm.features(model_inputs(batch.tokens, batch.tokens.device))
    index = batch.states[..., None].expand(-1, -1, features.shape[2])
    return features.gather(1, index)


def scatter(values: Tensor, mask: Tensor) -> Tensor:
    """Returns a tensor of the mask's shape with values (k,) at its k true places, and 0 elsewhere."""
    return torch.zeros(mask.shape, dtype=values.dtype, device=values.device).masked_scatter(mask, values)


def action_log_probs(
    lm: LanguageModel, features: Tensor, batch: TrajectoryBatch, allowed: Allowed | None = None
) -> Tensor:
    """Returns log pi of the actions taken: float32 (n, m), 0 outside the mask.

    Args:
        lm: The language model.
        features: The features of the batch's states, (n, m + 1, hidden_size).
        batch: The batch.
        allowed: Returns the actions that the environment allows: pi is over these. None: the full vocabulary.
    """
    logits = acting_logits(lm, features, batch, allowed)
    losses = nn.functional.cross_entropy(logits, batch.actions[batch.mask], reduction="none")
    return scatter(-losses, batch.mask)


def acting_logits(
    lm: LanguageModel, features: Tensor, batch: TrajectoryBatch, allowed: Allowed | None = None
) -> Tensor:
    """Returns the logits in the k states in which actions are taken, row by row: float32 (k, V).

    They are -inf for actions that the environment does not allow. The arguments are those of
    `action_log_probs`.
    """
    logits = lm.logits(features[:, :-1][batch.mask]).float()
    if allowed is not None:
        acting = nn.functional.pad(batch.mask, (0, 1))
        if (tokens := allowed(batch, acting)) is not None:
            logits = logits.masked_fill(~tokens, -torch.inf)
    return logits


def token_losses(
    lm: LanguageModel, batch: TrajectoryBatch, context_weight: float, *, unpredictable: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Returns -log pi summed over the agent's tokens, with a weight for all other tokens.

    Args:
        lm: The language model.
        batch: The batch.
        context_weight: Weight of the prompt's and the environment's tokens; 0 skips them.
        unpredictable: Token ids, int64, without loss unless the agent wrote them: nothing predicts them.

    Returns:
        The weighted sum, and the sum over the agent's tokens alone, without gradient.
    """
    if not context_weight:
        loss = -action_log_probs(lm, state_features(lm, batch), batch).sum()
        return loss, loss.detach()
    features = lm.features(model_inputs(batch.tokens, batch.tokens.device))
    following = batch.tokens[:, 1:]
    counts = torch.zeros(batch.tokens.shape, dtype=torch.int64, device=batch.tokens.device)
    is_action = counts.scatter_add(1, batch.states[:, :-1], batch.mask.long())[:, :-1] > 0
    present = following >= 0
    if unpredictable is not None:
        present &= is_action | ~torch.isin(following, unpredictable)
    losses = nn.functional.cross_entropy(
        lm.logits(features[:, :-1][present]).float(), following[present], reduction="none"
    )
    by_agent = is_action[present]
    weighted = torch.where(by_agent, losses, context_weight * losses)
    return weighted.sum(), losses.detach()[by_agent].sum()


@torch.no_grad()
def log_probs_under(
    lm: LanguageModel, trajectories: Sequence[Trajectory], tokens: int, allowed: Allowed | None = None
) -> list[np.ndarray]:
    """Returns log pi of each trajectory's actions under a model, float32 (m,), by teacher forcing."""
    log_probs: list[np.ndarray] = [np.empty(0, np.float32)] * len(trajectories)
    for part, batch in micro_batches(trajectories, tokens):
        batch = batch.to(lm.device)
        values = action_log_probs(lm, state_features(lm, batch), batch, allowed).cpu().numpy()
        for row, index in enumerate(part):
            log_probs[index] = values[row, : len(trajectories[index])]
    return log_probs


def with_reference(
    lm: LanguageModel, trajectories: Sequence[Trajectory], tokens: int, allowed: Allowed | None = None
) -> list[Trajectory]:
    """Returns the trajectories with the log-probabilities of their actions under the reference model."""
    log_probs = log_probs_under(lm, trajectories, tokens, allowed)
    return [replace(t, reference_log_probs=r) for t, r in zip(trajectories, log_probs, strict=True)]
