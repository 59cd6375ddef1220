"""What agents say of their tokens: the numbers, worked out from their own networks, token by token."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_agents
import torch
from token_worlds import SMALL

import llm_envs
from llm_baselines.agent import ValuesTokens
from llm_baselines.registry import list_agents, make_agent
from llm_benchmarks.run.valuing import played_again

TINY = "TextGen-Tiny-v0"


@pytest.fixture(scope="module")
def env():
    import gymnasium as gym

    return gym.make(f"llm_envs:{TINY}", split="test")


@pytest.fixture(scope="module")
def written(env):
    """Last observations of some episodes of random play, and the columns of their tokens."""
    agent = make_agent("random", env, seed=0)
    envs = llm_envs.vectorize(env, 6, autoreset_mode="Disabled")
    rows = llm_envs.evaluate(agent, env, 6, seed=3).to_dicts()
    return played_again(envs, rows)


def before(observation, column):
    """The observation in which a token was taken."""
    state = observation.copy()
    state[column:] = -1
    return state[None]


def test_log_probabilities_are_those_of_the_policy_in_each_state(env, written):
    agent = make_agent("lm_greedy", env, seed=0, device="cpu", config={"model": SMALL, "dtype": "float32"})
    scorer = agent.make_scorer()
    for observation, columns, values in zip(*written, agent.token_values(*written), strict=True):
        expected = [scorer(before(observation, c))[0, observation[c]] for c in columns]
        np.testing.assert_allclose(values.log_prob, expected, atol=1e-4)
        assert values.q is values.v is values.advantage is None


def test_a_q_head_says_q_of_the_token_and_the_largest_q_of_its_state(env, written):
    agent = make_agent("token_dqn", env, seed=0, device="cpu", config={"q": "head", "model": SMALL})
    with torch.no_grad():
        for parameter in agent.network.online.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    agent.weights_changed()
    for observation, columns, values in zip(*written, agent.token_values(*written), strict=True):
        for place, column in enumerate(columns):
            state = agent.read_state()
            rows = before(observation, column)
            with torch.no_grad():
                q = agent.bounded_scores([reader.read(rows) for reader in state.readers], rows)[0].numpy()
            assert values.q[place] == pytest.approx(q[observation[column]], abs=1e-4)
            assert values.v[place] == pytest.approx(q.max(), abs=1e-4)


def test_logits_with_a_value_head_say_q_as_v_plus_the_advantage(env, written):
    agent = tiny_agents.make("logits", env)
    agent.learn(120)
    for values in agent.token_values(*written):
        np.testing.assert_allclose(values.q, values.v + values.advantage, atol=1e-5)
        assert (values.log_prob <= 0).all()
    assert any(np.abs(values.advantage).max() > 0 for values in agent.token_values(*written))


def test_texts_that_are_each_others_baseline_have_no_v(env, written):
    values = tiny_agents.make("group", env).token_values(*written)[0]
    assert values.q is values.v is None
    np.testing.assert_allclose(values.advantage, 0, atol=1e-5)  # the policy is still its reference
    assert values.log_prob is not None


@pytest.mark.parametrize("name", ["sb3_dqn", "sb3_ppo"])
def test_agents_of_stable_baselines3_say_what_their_networks_do(name, env, written):
    agent = make_agent(name, env, seed=0, device="cpu")
    for observation, columns, values in zip(*written, agent.token_values(*written), strict=True):
        for place, column in enumerate(columns):
            rows = torch.as_tensor(before(observation, column))
            token = int(observation[column])
            with torch.no_grad():
                if name == "sb3_dqn":
                    q = agent.policy.q_net(rows)[0]
                    assert values.q[place] == pytest.approx(float(q[token]), abs=1e-4)
                    assert values.v[place] == pytest.approx(float(q.max()), abs=1e-4)
                else:
                    value, log_prob, _ = agent.policy.evaluate_actions(rows, torch.tensor([token]))
                    assert values.v[place] == pytest.approx(float(value), abs=1e-4)
                    assert values.log_prob[place] == pytest.approx(float(log_prob), abs=1e-4)


def test_asking_changes_no_action(env, written):
    asked, silent = (
        make_agent("lm_sample", env, seed=1, device="cpu", config={"model": SMALL}) for _ in range(2)
    )
    observations = written[0]
    state = asked.predict(observations[:, :6])[1]
    asked.token_values(*written)
    other = silent.predict(observations[:, :6])[1]
    for width in (7, 8):
        actions = [
            agent.predict(observations[:, :width], s)[0] for agent, s in ((asked, state), (silent, other))
        ]
        np.testing.assert_array_equal(*actions)


def test_which_agents_say_values_is_their_protocol(env):
    config = {"model": SMALL}
    says = {
        name
        for name in list_agents()
        if isinstance(
            make_agent(
                name,
                env,
                seed=0,
                device="cpu",
                config=config if name.startswith(("lm_", "token", "rloo", "super")) else {},
            ),
            ValuesTokens,
        )
    }
    assert says == set(list_agents()) - {"random", "reference", "constant", "unigram"}
