"""Teacher forcing: one causal pass over whole episodes gives the features of every prefix at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch, micro_batches
from llm_envs.lm.model import LanguageModel, model_inputs


def state_features(lm: LanguageModel, batch: TrajectoryBatch) -> Tensor:
    """Features of all states of a batch: (n, m + 1, hidden_size), one causal pass."""
    features = lm.features(model_inputs(batch.tokens, batch.tokens.device))
    index = batch.states[..., None].expand(-1, -1, features.shape[2])
    return features.gather(1, index)


def scatter(values: Tensor, mask: Tensor) -> Tensor:
    """Values (k,) of the k places in a mask, as a tensor of the mask's shape, 0 elsewhere."""
    return torch.zeros(mask.shape, dtype=values.dtype, device=values.device).masked_scatter(mask, values)


def action_log_probs(lm: LanguageModel, features: Tensor, batch: TrajectoryBatch) -> Tensor:
    """Log pi of the actions taken, over the full vocabulary: float32 (n, m), 0 where there is none.

    Args:
        lm: The language model.
        features: (n, m + 1, hidden_size), of the batch's states.
        batch: The batch.
    """
    logits = lm.logits(features[:, :-1][batch.mask]).float()
    taken = batch.actions[batch.mask]
    return scatter(-nn.functional.cross_entropy(logits, taken, reduction="none"), batch.mask)


def token_losses(
    lm: LanguageModel, batch: TrajectoryBatch, context_weight: float, *, by_chance: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """-log pi summed over the agent's tokens, those of others weighed.

    Args:
        lm: The language model.
        batch: The batch.
        context_weight: Weight of the prompt's and the environment's tokens; at 0 they cost nothing.
        by_chance: Token ids, int64, that are not learned where they are not the agent's: nothing tells them.

    Returns:
        The weighed sum, and without gradient the sum over the agent's tokens alone.
    """
    if not context_weight:
        loss = -action_log_probs(lm, state_features(lm, batch), batch).sum()
        return loss, loss.detach()
    features = lm.features(model_inputs(batch.tokens, batch.tokens.device))
    following = batch.tokens[:, 1:]
    own = torch.zeros(batch.tokens.shape, dtype=torch.int64, device=batch.tokens.device)
    own = own.scatter_add(1, batch.states[:, :-1], batch.mask.long())[:, :-1] > 0
    present = following >= 0
    if by_chance is not None:
        present &= own | ~torch.isin(following, by_chance)
    losses = nn.functional.cross_entropy(
        lm.logits(features[:, :-1][present]).float(), following[present], reduction="none"
    )
    mine = own[present]
    weighed = torch.where(mine, losses, context_weight * losses)
    return weighed.sum(), losses.detach()[mine].sum()


@torch.no_grad()
def log_probs_under(lm: LanguageModel, trajectories: Sequence[Trajectory], tokens: int) -> list[np.ndarray]:
    """Log pi of the actions of each trajectory under a model, float32 (m,): teacher-forced, in batches."""
    found: list[np.ndarray] = [np.empty(0, np.float32)] * len(trajectories)
    for part, batch in micro_batches(trajectories, tokens):
        batch = batch.to(lm.device)
        values = action_log_probs(lm, state_features(lm, batch), batch).cpu().numpy()
        for row, index in enumerate(part):
            found[index] = values[row, : len(trajectories[index])]
    return found


def with_reference(lm: LanguageModel, trajectories: Sequence[Trajectory], tokens: int) -> list[Trajectory]:
    """The trajectories with what the reference model says of their actions."""
    found = log_probs_under(lm, trajectories, tokens)
    return [replace(t, reference_log_probs=r) for t, r in zip(trajectories, found, strict=True)]
