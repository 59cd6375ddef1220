"""Teaches a fresh model to copy from its context, before it sees any demonstration.

Agents copy words from requests, database rows and source sentences. Induction heads do the copying (Olsson et
al. 2022). On a few hundred texts a model memorises the texts before it forms these heads. On random tokens
there is nothing to memorise, and the heads form within a minute on one core.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from tqdm.auto import trange

from llm_envs.lm.model import LanguageModel, ModelInputs

_BATCH, _LEARNING_RATE, _WARMUP = 32, 2e-3, 100
_LEAST, _MOST, _GAP, _LEAD = 4, 16, 20, 3


def teach_copying(
    lm: LanguageModel,
    steps: int,
    seed: int,
    *,
    progress_bar: bool = False,
    on_step: Callable[[int], None] = lambda done: None,
) -> float:
    """Trains a model to repeat runs of random tokens from its context.

    A sequence holds some random tokens, a run of 4 to 16 tokens, up to 20 others, and the run again. The loss
    covers the repetition without its first token.

    Args:
        lm: The model; changed in place.
        steps: Updates.
        seed: Decides the tokens; the global generator does not change.
        progress_bar: Show a progress bar.
        on_step: Called after each update with the number of updates so far.

    Returns:
        The loss of the last step, in nats per token.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(lm.parameters(), lr=_LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.0)
    loss = torch.zeros(())
    for step in trange(steps, desc="learning to copy", unit="update", leave=False, disable=not progress_bar):
        run_length = int(torch.randint(_LEAST, _MOST + 1, (1,), generator=generator))
        gap = int(torch.randint(0, _GAP, (1,), generator=generator))
        tokens = torch.randint(lm.vocabulary_size, (_BATCH, _LEAD + run_length + gap), generator=generator)
        tokens = torch.cat([tokens, tokens[:, _LEAD : _LEAD + run_length]], dim=1).to(lm.device)
        positions = torch.arange(tokens.shape[1], device=lm.device).expand_as(tokens)
        features = lm.features(ModelInputs(tokens, torch.ones_like(tokens), positions))
        logits = lm.logits(features[:, -run_length:-1]).flatten(0, 1).float()
        loss = nn.functional.cross_entropy(logits, tokens[:, -run_length + 1 :].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * min(1.0, (step + 1) / _WARMUP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        on_step(step + 1)
    return float(loss.detach())
