"""What the language agents share: seeds, acting, options."""

from __future__ import annotations

import json
from dataclasses import asdict

import gymnasium as gym
import numpy as np
import pytest
import torch
from small_models import small_model
from tiny_agents import AGENTS, equal, make, observations, weights
from token_worlds import SMALL, World

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.agent import TrainableAgent
from llm_baselines.algorithms import kept_learner
from llm_baselines.algorithms.optimizer import make_optimizer
from llm_baselines.play.trajectory import collate, observations_of
from llm_baselines.registry import agent_defaults
from llm_envs.lm.model import model_inputs

NAMES = list(AGENTS)


# Seeds.


@pytest.mark.parametrize("name", NAMES)
def test_two_runs_with_one_seed_are_equal_and_another_seed_is_not(name, env, trained):
    torch.rand(7)  # what the global generator has given makes no difference
    state = torch.get_rng_state()
    again = make(name, env).learn(200)
    assert equal(weights(again), weights(trained[name]))
    assert torch.equal(torch.get_rng_state(), state)
    assert not equal(weights(make(name, env, seed=1).learn(200)), weights(again))


@pytest.mark.parametrize("name", NAMES)
def test_training_trains_and_its_cost_is_counted(name, env, trained):
    agent = trained[name]
    assert isinstance(agent, TrainableAgent)
    assert not equal(weights(agent), weights(make(name, env)))
    report = agent.report
    assert report.gradient_steps > 0
    assert report.parameters == sum(p.numel() for p in agent.network.parameters() if p.requires_grad)
    assert [r["timesteps"] for r in report.curve] == sorted({r["timesteps"] for r in report.curve})
    assert all(0 <= row["eval/mean_reward"] <= 1 for row in report.curve)
    if name == "supervised":
        assert (report.environment_steps, report.reward_calls) == (0, 0)
        assert report.tokens >= 200
    else:
        assert report.environment_steps >= 200
        assert report.reward_calls > 0


# Acting.


@pytest.mark.parametrize("name", NAMES)
def test_an_action_does_not_depend_on_the_batch_it_is_chosen_in(name, env, trained):
    agent, seen = trained[name], observations(env, 16)
    for deterministic in (True, False):
        together = agent.predict(seen, deterministic=deterministic)[0]
        assert together.dtype == np.int64
        assert together.shape == (16,)
        alone = [agent.predict(row, deterministic=deterministic)[0] for row in seen]
        assert all(np.shape(action) == () for action in alone)
        np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_does_not_depend_on_the_number_of_environments(name, env, trained):
    results = [
        llm_envs.evaluate(trained[name], llm_envs.vectorize(env, n), 20, seed=4, deterministic=False)
        for n in (1, 7)
    ]
    assert results[0].rows == results[1].rows


def test_a_state_of_older_weights_is_not_read_from(env):
    agent, seen = make("logits", env, warm_start=False), observations(env, 64)
    before, state = agent.predict(seen)
    agent.load_weights(weights(make("logits", env, warm_start=False, seed=1)), "another seed's")
    after, _ = agent.predict(seen, state)
    np.testing.assert_array_equal(after, agent.predict(seen)[0])
    assert (after != before).any()


def allowed(observation):
    """Only the prompt's last token, and the end: bool (n, 4)."""
    observation = np.atleast_2d(observation)
    mask = np.zeros((len(observation), 4), bool)
    mask[:, 0] = True
    mask[np.arange(len(observation)), observation[:, World().width - 1]] = True
    return mask


class Masked(World):
    def action_mask(self, observation):
        return allowed(observation)


class Mask(gym.Wrapper):
    def action_mask(self, observation):
        return allowed(observation)


@pytest.mark.parametrize(
    "env", [Masked(), Mask(World()), gym.wrappers.RecordEpisodeStatistics(Mask(World()))]
)
@pytest.mark.parametrize("q", ["logits", "head"])
def test_the_environments_own_mask_bounds_what_is_done(q, env):
    agent = TokenDQN(SMALL, env, device="cpu", q=q, n_envs=16, exploration_final_eps=0.9).learn(150)
    for t in agent.replay.newest(1000):
        last = t.tokens[t.actions[0] - 1]
        assert set(t.tokens[t.actions].tolist()) <= {0, int(last)}
    if q == "head":
        batch = collate(agent.replay.newest(40))
        predicted = agent.network.predict(batch)
        asked = observations_of(batch, agent.network._reached(batch), agent.context_length)
        assert torch.equal(predicted.support, torch.as_tensor(allowed(asked)))
        best = predicted.best[agent.network._reached(batch)]
        assert predicted.support.gather(1, best[:, None]).all()
    for seed in range(5):
        observation, _ = env.reset(seed=seed)
        for deterministic in (True, False):
            action, _ = agent.predict(observation, deterministic=deterministic)
            assert allowed(observation)[0, action]


def test_a_support_within_the_environments_mask_leaves_a_token():
    options = {"q": "head", "support_top_k": 1, "exploration_final_eps": 0.9, "n_envs": 16, "eval_freq": 0}
    model = small_model("llama", 4)  # likes tokens that may not be taken
    agent = TokenDQN(model, Masked(), device="cpu", **options).learn(150)
    episodes = agent.replay.newest(1000)
    for t in episodes:
        assert set(t.tokens[t.actions].tolist()) <= {0, int(t.tokens[t.actions[0] - 1])}
    support = agent.network.predict(collate(episodes[:40])).support
    assert (support.sum(dim=1) == 1).all(), "the reference's best of what is allowed"
    for seed in range(5):
        observation, _ = agent.env.reset(seed=seed)
        for deterministic in (True, False):
            assert allowed(observation)[0, agent.predict(observation, deterministic=deterministic)[0]]


# Options.


def test_unknown_options_name_the_nearest(env):
    with pytest.raises(
        ValueError, match="unknown option 'batchsize' of LogitsConfig; did you mean 'batch_size'"
    ):
        make("logits", env, batchsize=3)
    with pytest.raises(ValueError, match="'batch_size' of LogitsConfig is of type int, got 'many'"):
        make("logits", env, batch_size="many")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("logits", {"q": "both"}, "unknown q='both'"),
        ("logits", {"tau": 0.0}, "tau=0.0 must be above 0"),
        ("logits", {"loss": "cubic"}, "unknown loss='cubic'"),
        (
            "logits",
            {"to_the_end_gradient": "text"},
            "unknown to_the_end_gradient='text'; there are 'path' and 'action'",
        ),
        ("logits", {"gamma": 1.5}, "gamma=1.5"),
        ("logits", {"polyak_tau": 0.0}, "polyak_tau=0.0"),
        ("head", {"n_steps": 0}, "n_steps"),
        ("head", {"exploration": "none"}, "unknown exploration='none'"),
        ("rloo", {"group_size": 3}, "group_size=3 must divide the 8 episodes"),
        ("rloo", {"n_envs": 0}, "n_envs=0 must be at least 1"),
        ("supervised", {"train_fraction": 0.0}, "train_fraction=0.0"),
        ("supervised", {"learning_rate": 0.0}, "learning_rate=0.0"),
        ("supervised", {"batch_size": 0}, "batch_size=0 must be at least 1"),
        ("supervised", {"patience": -1}, "patience=-1 must be at least 0"),
        ("logits", {"max_age": -1}, "max_age=-1 must be at least 0"),
        ("logits", {"temperature": float("nan")}, "temperature=nan must be a finite number"),
        ("logits", {"max_grad_norm": float("nan")}, "max_grad_norm=nan must be a finite number"),
        ("logits", {"beta2": 1.0}, "beta2=1.0 must be below 1"),
        ("logits", {"batch_size": None}, "'batch_size' of LogitsConfig is of type int, got None"),
        ("head", {"exploration_initial_eps": 3}, "exploration_initial_eps=3.0 must be at most 1"),
        (
            "logits",
            {"supervised": {"batchsize": 3}},
            "'batchsize' of SupervisedConfig; did you mean 'batch_size'",
        ),
        ("rloo", {"supervised": {"total_timesteps": 0}}, "supervised.total_timesteps=0 must be at least 1"),
    ],
)
def test_options_outside_their_range_are_named(name, options, message, env):
    with pytest.raises(ValueError, match=message):
        make(name, env, **options)


@pytest.mark.parametrize("name", ["token_dqn", "rloo", "supervised"])
@pytest.mark.parametrize("env_id", [*llm_envs.list_envs(), "Other-v0"])
def test_every_table_of_hyperparameters_is_valid(name, env_id):
    from llm_baselines.configuration.tables import AGENT_OPTIONS

    defaults = agent_defaults(name, env_id)
    json.dumps(defaults)
    assert AGENT_OPTIONS.timesteps(name, env_id, "demo") <= AGENT_OPTIONS.timesteps(name, env_id, "bench")


def test_rows_use_the_training_reward_or_else_the_environments_own():
    own = gym.make("TextGen-Tiny-v0", reward="chrf")
    agent = make("logits", own, reward=None)
    rows = agent.training_rows()
    assert "chrf" in rows._envs.task.reward.signature
    rows.close()
    rows = make("logits", own, reward={"bleu": 1.0}, reward_timing="dense").training_rows()
    assert "bleu" in rows._envs.task.reward.signature
    assert rows._envs.task.reward_timing == "dense"


def test_the_best_weights_are_chosen_by_the_environments_own_reward():
    own = gym.make("TextGen-Tiny-v0", reward="chrf")
    for agent in (make("logits", own, reward="bleu"), make("supervised", own)):
        assert agent.validation_envs().task.reward.signature == own.unwrapped.task.reward.signature
    env = gym.make("TextGen-Tiny-v0", reward="length_penalty")
    row = make("rloo", env).learn(100).report.curve[-1]
    assert row["eval/mean_reward"] == pytest.approx(row["eval/mean_length"] / 100)


def test_the_configuration_is_json_able(env):
    for name in NAMES:
        json.dumps(asdict(make(name, env).config))


class Progress:
    """A run that has come so far."""

    def __init__(self, progress):
        self.progress = progress

    def check_finite(self, value, what):
        pass


def test_step_sizes_rise_first_and_fall_in_a_line_group_by_group():
    options = {"learning_rate": 0.1, "learning_rate_end": 0.02, "warmup_steps": 4, "value_learning_rate": 0.5}
    agent = TokenDQN(SMALL, World(), device="cpu", q="logits", **options)
    agent.optimizer = make_optimizer(agent.parameter_groups(), agent.config)
    found = []
    for progress in (0.0, 0.0, 0.0, 0.0, 0.5, 1.0):
        agent.optimizer_step(Progress(progress))
        found.append([group["lr"] for group in agent.optimizer.param_groups])
    shares = [0.25, 0.5, 0.75, 1.0, 0.6, 0.2]
    np.testing.assert_allclose(found, [[0.1 * share, 0.5 * share] for share in shares])
    assert agent.report.gradient_steps == 6


def test_a_learning_rate_rises_over_the_learners_own_updates():
    agent = TokenDQN(SMALL, World(), device="cpu", q="logits", learning_rate=0.1, warmup_steps=4)
    agent.report.gradient_steps = 500  # of a supervised warm start
    agent.optimizer = make_optimizer(agent.parameter_groups(), agent.config)
    agent.optimizer_step(Progress(0.0))
    assert agent.optimizer.param_groups[0]["lr"] == pytest.approx(0.025)
    assert agent.report.gradient_steps == 501


def test_what_has_begun_does_not_begin_again_after_loading(env, tmp_path):
    agent = make("logits", env).learn(0)
    assert agent.num_timesteps == 0
    agent.save(tmp_path / "begun")
    loaded = TokenDQN.load(tmp_path / "begun", env)
    assert equal(weights(loaded.learn(0)), weights(agent))
    make("logits", env).save(tmp_path / "untouched")
    begun = TokenDQN.load(tmp_path / "untouched", env).learn(0)
    assert torch.equal(begun.lm.logits(torch.ones(1, 16)), agent.lm.logits(torch.ones(1, 16)))


def test_gradients_are_clipped_group_by_group_and_frozen_groups_stay():
    agent = TokenDQN(SMALL, World(), device="cpu", q="logits", max_grad_norm=0.5, value_max_grad_norm=2.0)
    agent.optimizer = make_optimizer(agent.parameter_groups(), agent.config)
    clipped = {}

    def step():
        for group in agent.optimizer.param_groups:
            norms = [p.grad.norm() for p in group["params"] if p.grad is not None]
            clipped[group["name"]] = float(torch.stack(norms).norm()) if norms else None

    agent.optimizer.step = step
    for frozen, policy in (((), 0.5), (("policy",), None)):
        for group in agent.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.full_like(parameter, 3.0)
        norms = agent.optimizer_step(Progress(0.0), frozen=frozen)
        assert norms["value"] > 10
        assert clipped["value"] == pytest.approx(2.0, rel=1e-3)
        assert clipped["policy"] == (policy and pytest.approx(policy, rel=1e-3))
        assert ("policy" in norms) == (not frozen)
    assert all(p.grad is None for p in agent.network.parameters())


@pytest.mark.parametrize("name", ["logits", "rloo", "supervised"])
def test_a_low_temperature_acts_like_greedy_and_a_high_one_like_chance(trained, env, name):
    agent = trained[name]
    seen = observations(env, 64)
    greedy = agent.predict(seen, deterministic=True)[0]
    cold = make(name, env, temperature=1e-4)
    hot = make(name, env, temperature=1e4)
    for other in (cold, hot):
        other.load_weights(agent.network.state_dict(), "a test")
    np.testing.assert_array_equal(cold.predict(seen)[0], greedy)
    assert (hot.predict(seen)[0] != greedy).mean() > 0.5
    with pytest.raises(ValueError, match=r"temperature=0\.0 must be above 0"):
        make(name, env, temperature=0.0)


@pytest.mark.parametrize("name", ["logits", "rloo"])
def test_another_data_set_is_played_with_the_environments_own_tokens(name):
    env = gym.make("llm_envs:TextGen-v0")
    agent = make(name, env, warm_start=False, train_dataset="poem-requests")
    rows = agent.training_rows()
    try:
        assert len(rows.task.examples) == len(env.unwrapped.task.examples) + 4000
        assert rows.task.tokenizer.content_hash == env.unwrapped.task.tokenizer.content_hash
        observation = rows.reset([1, 2], [len(env.unwrapped.task.examples), 0])
        assert observation.shape == (2, env.unwrapped.task.context_length)
    finally:
        rows.close()


@pytest.mark.parametrize(("q", "exploration"), [("logits", "sample"), ("head", "epsilon_greedy")])
def test_exploration_suits_the_parametrisation(q, exploration, env):
    agent = TokenDQN(SMALL, env, device="cpu", q=q)
    assert agent.config.exploration == exploration
    assert TokenDQN(SMALL, env, device="cpu", q=q, exploration="boltzmann").config.exploration == "boltzmann"


def test_the_finite_check_runs_on_the_device_of_the_weights(env, monkeypatch):
    agent, asked = make("logits", env, warm_start=False), []
    monkeypatch.setattr(
        kept_learner, "model_inputs", lambda *given: asked.append(given[1:]) or model_inputs(*given)
    )
    assert agent.is_finite()
    assert asked == [(agent.device,)]
