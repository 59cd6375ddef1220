"""One pass over whole episodes against prefix by prefix, and losses by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import small_model
from token_worlds import random_trajectory

from llm_baselines.lm.teacher_forcing import (
    action_log_probs,
    log_probs_under,
    scatter,
    state_features,
    token_losses,
    with_reference,
)
from llm_baselines.play.trajectory import collate
from llm_envs.lm.model import LanguageModel, model_inputs

V = 8


@pytest.fixture(scope="module")
def lm():
    return LanguageModel(small_model("llama", V), V)


@pytest.fixture(scope="module")
def trajectories():
    rng = np.random.default_rng(0)
    return [random_trajectory(rng, vocabulary=V) for _ in range(7)]


@torch.no_grad()
def one_by_one(lm, tokens):
    """Log pi of every token but the first, each from its own prefix alone."""
    found = []
    for column in range(1, len(tokens)):
        features = lm.features(model_inputs(tokens[None, :column]))[0, -1]
        found.append(float(lm.log_probs(features)[tokens[column]]))
    return np.array([0.0, *found])


@torch.no_grad()
def test_log_probabilities_are_those_of_each_prefix(lm, trajectories):
    batch = collate(trajectories)
    found = action_log_probs(lm, state_features(lm, batch), batch).numpy()
    for row, t in enumerate(trajectories):
        np.testing.assert_allclose(found[row, : len(t)], one_by_one(lm, t.tokens)[t.actions], atol=1e-4)
        assert (found[row, len(t) :] == 0).all()


@torch.no_grad()
def test_the_last_state_is_the_whole_text(lm, trajectories):
    features = state_features(lm, collate(trajectories))
    for row, t in enumerate(trajectories):
        whole = lm.features(model_inputs(t.tokens[None]))[0, -1]
        torch.testing.assert_close(features[row, len(t)], whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tokens", [1, 30, 10_000])
def test_the_reference_is_noted_whatever_the_parts(lm, trajectories, tokens):
    for found, t in zip(log_probs_under(lm, trajectories, tokens), trajectories, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, one_by_one(lm, t.tokens)[t.actions], atol=1e-4)
    for noted, t in zip(with_reference(lm, trajectories, tokens), trajectories, strict=True):
        np.testing.assert_allclose(noted.reference_log_probs, one_by_one(lm, t.tokens)[t.actions], atol=1e-4)
        np.testing.assert_array_equal(noted.rewards, t.rewards)
    assert with_reference(lm, [], tokens) == []


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_the_loss_weighs_what_others_wrote(lm, trajectories, weight):
    own = others = 0.0
    for t in trajectories:
        losses = -one_by_one(lm, t.tokens)
        mine = losses[t.actions].sum()
        own, others = own + mine, others + losses.sum() - mine
    loss, agents = token_losses(lm, collate(trajectories), weight)
    assert loss.item() == pytest.approx(own + weight * others, rel=1e-4)
    assert agents.item() == pytest.approx(own, rel=1e-4)
    assert not agents.requires_grad
    assert loss.requires_grad


def test_values_go_where_the_mask_is():
    mask = torch.tensor([[True, False], [True, True]])
    assert scatter(torch.tensor([1.0, 2.0, 3.0]), mask).tolist() == [[1.0, 0.0], [2.0, 3.0]]


def test_what_nothing_tells_is_learned_from_the_agent_alone(lm, trajectories):
    ids = torch.tensor([2, 5])
    expected = 0.0
    for t in trajectories:
        losses = -one_by_one(lm, t.tokens)
        own = np.zeros(len(t.tokens), bool)
        own[t.actions] = True
        told = own | ~np.isin(t.tokens, ids.numpy())
        expected += losses[own].sum() + 0.5 * losses[1:][(told & ~own)[1:]].sum()
    loss, _ = token_losses(lm, collate(trajectories), 0.5, unpredictable=ids)
    assert loss.item() == pytest.approx(expected, rel=1e-4)
