"""log pi and KL from one softmax equal those of plain autograd, gradients included."""

from __future__ import annotations

import pytest
import torch

from llm_baselines.algorithms.token_dqn.state_kl import log_probs_and_kl


@pytest.mark.parametrize("masked", [False, True])
def test_values_and_gradients_are_those_of_autograd(masked):
    generator = torch.Generator().manual_seed(0)
    logits, before = (torch.randn(5, 7, generator=generator) for _ in range(2))
    taken = torch.tensor([0, 2, 2, 3, 0])
    if masked:  # two actions are not allowed
        logits[:, 5:] = before[:, 5:] = -torch.inf
    reference = torch.log_softmax(before, dim=1)
    weights, costs = torch.randn(5, generator=generator), torch.rand(5, generator=generator)

    def gradient(read):
        leaf = logits.clone().requires_grad_()
        log_probs, kl = read(leaf)
        ((weights * log_probs).sum() + (costs * kl).sum()).backward()
        return log_probs.detach(), kl.detach(), leaf.grad

    def plainly(leaf):
        allowed = torch.log_softmax(leaf[:, :5] if masked else leaf, dim=1)
        kl = (allowed.exp() * (allowed - reference[:, : allowed.shape[1]])).sum(dim=1)
        return allowed.gather(1, taken[:, None])[:, 0], kl

    wanted, found = gradient(plainly), gradient(lambda leaf: log_probs_and_kl(leaf, taken, reference))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert (found[1] > 0).all()


def test_at_the_reference_there_is_no_kl_and_no_pull():
    logits = torch.randn(4, 6, requires_grad=True)
    _, kl = log_probs_and_kl(logits, torch.zeros(4, dtype=torch.int64), torch.log_softmax(logits.detach(), 1))
    kl.sum().backward()
    torch.testing.assert_close(kl, torch.zeros(4), rtol=0, atol=1e-6)
    torch.testing.assert_close(logits.grad, torch.zeros(4, 6), rtol=0, atol=1e-6)
