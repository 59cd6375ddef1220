"""RLOO: its advantages by hand, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
from token_worlds import World, copy_world, in_rows, soft_value, solve

from llm_baselines.algorithms.rloo import RLOO, leave_one_out
from llm_baselines.play.trajectory import Trajectory

MODEL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def test_leave_one_out_by_hand():
    found = leave_one_out(np.array([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]]))
    np.testing.assert_allclose(found, [[1 - 4, 2 - 3.5, 6 - 1.5], [0, 0, 0]])


def test_advantages_are_scores_less_the_kl():
    agent = RLOO(MODEL, World(), device="cpu", n_envs=4, group_size=2, kl_coef=0.5)
    rewards = ([1.0, 0.5], [2.0, 0.0], [0.0, 0.0], [0.0, 1.0])
    played = [
        Trajectory(
            np.arange(4, dtype=np.int32),
            np.array([2, 3], np.int32),
            np.array(r, np.float32),
            np.array([-1.0, -2.0], np.float32),
            np.array([-1.0, -2.0 - gap], np.float32),
        )
        for r, gap in zip(rewards, (0.0, 1.0, 0.0, 4.0), strict=True)
    ]
    # Returns: 1.5, 2 - 0.5; 0, 1 - 2.
    np.testing.assert_allclose(agent._advantages(played), [0.0, 0.0, 1.0, -1.0], atol=1e-6)


def test_a_group_plays_on_one_example():
    agent = RLOO(
        MODEL, "TextGen-Tiny-v0", device="cpu", n_envs=8, group_size=4, warm_start=False, eval_freq=0
    )
    seen = []
    update = agent.update
    agent.update = lambda played, run: (
        seen.append([tuple(t.tokens[:4]) for t in played]),
        update(played, run),
    )
    agent.learn(100)
    for prompts in seen:
        assert len(set(prompts[:4])) == len(set(prompts[4:])) == 1
    assert len({prompt for prompts in seen for prompt in prompts}) > 4


def test_training_and_predict_sample_only_the_k_best_tokens():
    agent = RLOO(MODEL, World(), device="cpu", n_envs=8, group_size=4, top_k=1, eval_freq=0)
    played = []
    agent.update = lambda episodes, run: played.extend(episodes)
    agent.learn(60)
    assert len(played) > 10
    assert len({tuple(t.tokens) for t in played}) == len(World().prompts), "nothing is left to chance"
    observation = np.full((32, 6), -1, np.int32)
    observation[:, :3] = np.random.default_rng(0).integers(4, size=(32, 3))
    drawn, best = (agent.predict(observation, deterministic=d)[0] for d in (False, True))
    np.testing.assert_array_equal(drawn, best)


def test_it_learns_to_copy():
    env = in_rows(lambda: copy_world(tokens=3, length=2), 32)
    agent = RLOO(MODEL, env, seed=0, device="cpu", n_envs=32, group_size=4, learning_rate=1e-2, kl_coef=0.0)
    agent.learn(12_000)
    world, right = copy_world(tokens=3, length=2), []
    for seed in range(20):
        observation, _ = world.reset(seed=seed)
        for _ in range(2):
            observation, reward, *_ = world.step(int(agent.predict(observation, deterministic=True)[0]))
            right.append(reward == 0.5)
    assert np.mean(right) >= 0.9


def test_with_a_kl_it_comes_near_the_regularised_optimum():
    tau, make_world = 0.5, lambda: World(prompts=[(1, 2)], steps=1, seed=1)
    agent = RLOO(
        MODEL,
        in_rows(make_world, 32),
        seed=0,
        device="cpu",
        n_envs=64,
        group_size=4,
        learning_rate=5e-3,
        kl_coef=tau,
    ).learn(8000)
    observation, _ = make_world().reset(seed=0)
    scores = [
        lm.log_probs(lm.features(_inputs(observation)))[0, -1].detach().numpy().astype(float)
        for lm in (agent.lm, agent.network.reference)
    ]
    q = solve(make_world())[(1, 2)]
    wanted = scores[1] + (q - soft_value(q, scores[1], tau)) / tau
    np.testing.assert_allclose(np.exp(scores[0]), np.exp(wanted), atol=0.05)


def _inputs(observation):
    from llm_envs.lm.model import model_inputs

    return model_inputs(observation[None, observation >= 0])


def test_groups_must_fit_the_round():
    with pytest.raises(ValueError, match="group_size=1 must be at least 2"):
        RLOO(MODEL, World(), device="cpu", group_size=1)
