"""Stock DQN under TopKActions."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN

import llm_envs
from llm_baselines.algorithms.sb3.candidates import (
    CandidateDQNPolicy,
    CandidateFeaturesExtractor,
    CandidateHead,
)
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_baselines.registry import make_agent
from llm_envs.wrappers.top_k import TopKActions, TopKPolicy

SMALL = {"embedding_dim": 32, "layers": 1}


def letters_of_the_prompt(observation):
    """What may be written, not in which order: the three letters, and the end."""
    scores = np.full((len(observation), 8), -9.0, np.float32)
    scores[:, 0] = -1.6
    prompt = observation[:, :3]
    np.put_along_axis(scores, np.where(prompt > 1, prompt, 7), -1.4, axis=1)
    return scores


@pytest.fixture(scope="module")
def env():
    return TopKActions(gym.make("TextGen-Tiny-v0"), letters_of_the_prompt, 4)


def rows(env):
    return SB3TokenVecEnv(llm_envs.vectorize(env, 8, autoreset_mode="SameStep", reward_timing="dense"))


def make(policy, env, **options):
    return DQN(
        policy,
        rows(env),
        learning_rate=5e-3,
        learning_starts=200,
        batch_size=64,
        gamma=0.9,
        train_freq=1,
        target_update_interval=100,
        exploration_fraction=0.5,
        exploration_final_eps=0.1,
        seed=0,
        device="cpu",
        **options,
    )


def score(model, env):
    test = llm_envs.vectorize(env, 25, split="test", autoreset_mode="Disabled")
    return llm_envs.evaluate(model, test, seed=1).mean_reward


def test_dqn_learns_to_spell_with_its_values_read_off_the_candidates(env):
    torch.set_num_threads(1)
    model = make(CandidateDQNPolicy, env, policy_kwargs={"features_extractor_kwargs": SMALL})
    assert score(model, env) < 0.3
    model.learn(2_000)
    assert score(model, env) > 0.9
    plain = llm_envs.evaluate(TopKPolicy(model, env), "TextGen-Tiny-v0", seed=1)
    assert plain.mean_reward == score(model, env)


def test_the_multi_input_policy_learns_with_and_without_our_body(env):
    torch.set_num_threads(1)
    body = {"features_extractor_class": CandidateFeaturesExtractor, "features_extractor_kwargs": SMALL}
    for options in ({}, body):
        model = make("MultiInputPolicy", env, policy_kwargs={"net_arch": [64], **options})
        before = score(model, env)
        model.learn(2_500)
        assert score(model, env) > before + 0.1


def test_candidate_values_follow_the_token_and_not_its_position(env):
    torch.manual_seed(0)
    model = make(CandidateDQNPolicy, env, policy_kwargs={"features_extractor_kwargs": SMALL})
    observation = model.env.reset()
    order = np.array([2, 0, 3, 1])
    shuffled = {name: value[:, order] for name, value in observation.items() if name != "tokens"}
    q = model.q_net(model.policy.obs_to_tensor(observation)[0])
    moved = model.q_net(model.policy.obs_to_tensor({**observation, **shuffled})[0])
    torch.testing.assert_close(q[:, order], moved)
    assert q.std(dim=1).min() > 0


def test_head_by_hand():
    extractor = CandidateFeaturesExtractor(
        TopKActions(gym.make("TextGen-Tiny-v0"), letters_of_the_prompt, 3).observation_space,
        embedding_dim=4,
        heads=1,
    )
    head = CandidateHead(extractor)
    with torch.no_grad():
        head.output.weight.copy_(torch.eye(4))
        head.value.weight.zero_()
        head.value.bias.fill_(2.0)
        extractor.tokens.embedding.weight.copy_(torch.arange(8.0)[:, None].expand(8, 4))
        # State of ones; the text is tokens 5 and 3 with scores 0.5 and 0.25.
        scores, ids = torch.zeros(9), torch.zeros(9)
        scores[:2], ids[:2] = torch.tensor([0.5, 0.25]), torch.tensor([6.0, 4.0])
        candidates, log_probs = torch.tensor([4.0, 6.0, 1.0]), torch.tensor([-1.0, -2.0, -3.0])
        features = torch.cat([torch.ones(4), scores, ids, candidates, log_probs])[None]
        wanted = [2 + 4 * 3 - 0.1 + 0.25, 2 + 4 * 5 - 0.2 + 0.5, 2 + 0 - 0.3]
        torch.testing.assert_close(head(features), torch.tensor([wanted]))


def test_what_does_not_fit_is_refused(env):
    with pytest.raises(ValueError, match="a Dict of tokens, candidates and log_probs"):
        CandidateFeaturesExtractor(gym.make("TextGen-Tiny-v0").observation_space)
    with pytest.raises(ValueError, match="CandidateDQNPolicy"):
        make_agent("sb3_dqn", env, seed=0)
