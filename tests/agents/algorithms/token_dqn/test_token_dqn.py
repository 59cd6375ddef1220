"""TokenDQN learns what is right: optima known from dynamic programming, and copying; and its loop's parts."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from small_models import TableModel
from token_worlds import (
    SMALL,
    Talk,
    World,
    as_observation,
    copy_world,
    in_rows,
    random_trajectory,
    soft_value,
    solve,
)

from llm_baselines import TokenDQN
from llm_baselines.algorithms.optimizer import make_optimizer
from llm_baselines.algorithms.token_dqn.objective import UpdateResult
from llm_baselines.lm.teacher_forcing import log_probs_under
from llm_baselines.play.trajectory import collate
from llm_envs import Episode
from llm_envs.lm.model import model_inputs

MODEL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
LEARNING = {
    "n_envs": 32,
    "batch_size": 64,
    "batch_tokens": 0,
    "reuse": 32.0,
    "learning_rate": 5e-3,
    "learning_rate_end": 0.0,
    "polyak_tau": 0.2,
    "target_update_interval": 1,
    "beta2": 0.99,
    "max_age": 0,
    "gamma": 1.0,
    "eval_freq": 0,
}
VALUE = {"value_learning_rate": 1e-2, "value_warmup": 0}
ANYTHING = {"exploration": "epsilon_greedy", "exploration_initial_eps": 1.0, "exploration_final_eps": 1.0}
WIDELY = {"exploration": "sample", "exploration_temperature": 4.0, "tau": 0.5, "reward_scale": 1.0}
HEAD = {"q": "head", **LEARNING, **ANYTHING}
LOGITS = {"q": "logits", "baseline": "value", "averaging": 0.0, **LEARNING, **VALUE, **WIDELY}
GROUP = {"q": "logits", "baseline": "group", **LEARNING, "tau": 0.5, "reward_scale": 1.0, "max_age": 1}
MANY_TEXTS = {"n_envs": 256, "batch_size": 256, "group_size": 64, "reuse": 4.0, "learning_rate": 3e-3}


@torch.no_grad()
def q_values(agent, observation):
    """Q of every token in observations (n, L): float (n, V); with logits, log pi_ref too."""
    inputs, n = model_inputs(observation), np.arange(len(observation))
    last = [int(np.flatnonzero(row >= 0)[-1]) for row in observation]
    features = agent.lm.features(inputs)[n, last]
    if agent.config.q == "head":
        return agent.network.scores(features).numpy(), None
    reference = agent.reference.log_probs(agent.reference.features(inputs)[n, last])
    advantages = agent.network.temperature * (agent.lm.log_probs(features) - reference)
    return (agent.network.values(features)[:, None] + advantages).numpy(), reference.numpy()


def errors(agent, world):
    """Differences to the optimum in every text that can go on."""
    texts = list(solve(world))
    found, reference = q_values(agent, np.stack([as_observation(world, text) for text in texts]))
    if reference is None:
        optimum = solve(world)
    else:
        prior = dict(zip(texts, reference, strict=True))
        optimum = solve(world, tau=agent.config.tau, log_reference=prior.__getitem__)
    return np.abs(found - np.stack([optimum[text] for text in texts]))


def cut_world():
    """A fifth of its episodes is cut off in the middle, which is no end: nothing of the optimum changes."""
    return World(steps=2, cut=0.2)


@pytest.mark.parametrize("options", [{"double": True}, {"double": False, "dueling": True, "n_steps": 2}])
def test_the_head_finds_the_optimal_q_of_every_text(options):
    agent = TokenDQN(MODEL, in_rows(cut_world, 32), seed=0, device="cpu", **{**HEAD, **options}).learn(2500)
    assert errors(agent, cut_world()).max() < 1e-2


@pytest.mark.parametrize("gradient", ["path", "action"])
def test_the_logits_find_the_kl_regularised_optimum_of_every_text(gradient):
    options = {**LOGITS, "to_the_end_gradient": gradient, "one_step_weight": float(gradient == "path")}
    agent = TokenDQN(MODEL, in_rows(cut_world, 32), seed=0, device="cpu", **options).learn(2500)
    assert errors(agent, cut_world()).max() < 1e-2


class Bounded(World):
    """Tokens 1 and 2 alone may be taken."""

    def action_mask(self, observation):
        return np.tile(np.isin(np.arange(4), (1, 2)), (len(np.atleast_2d(observation)), 1))


def bounded():
    return Bounded(steps=2, cut=0.2)


def test_the_logits_find_the_optimum_among_the_allowed_actions():
    """Probability of the other tokens, which are never taken, changes nothing."""
    agent = TokenDQN(MODEL, in_rows(bounded, 32), seed=0, device="cpu", **LOGITS, taper=False).learn(2500)
    world, tau = bounded(), agent.config.tau
    texts = [text for text in solve(world) if {*text[-1:]} <= {1, 2} or text in world.prompts]
    inputs = model_inputs(np.stack([as_observation(world, text) for text in texts]))
    last = [int(np.flatnonzero(row)[-1]) for row in inputs.attention_mask.numpy()]
    allowed = torch.tensor([1, 2])

    @torch.no_grad()
    def read(lm):
        features = lm.features(inputs)[torch.arange(len(texts)), last]
        return features, torch.log_softmax(lm.logits(features)[:, allowed], dim=1).numpy()

    features, log_pi = read(agent.lm)
    _, log_reference = read(agent.reference)
    values = agent.network.value(features).detach().numpy()
    prior = {text: np.full(4, -np.inf) for text in solve(world)}
    for text, row in zip(texts, log_reference, strict=True):
        prior[text][allowed] = row
    optimum = solve(world, tau=tau, log_reference=prior.__getitem__)
    found = values[:, None] + tau * (log_pi - log_reference)
    np.testing.assert_allclose(found, np.stack([optimum[text][1:3] for text in texts]), atol=1e-2)


def talk():
    return Talk(steps=2)


@pytest.mark.parametrize("options", [HEAD, LOGITS])
def test_random_environment_turns_give_the_optimum_of_the_mean(options):
    world = talk()
    texts = list(solve(world))
    ends = [
        (*text, action, *added)
        for text in texts
        for action in range(4)
        for added, _ in world.replies((*text, action))
    ]
    model = TableModel(dict.fromkeys([*texts, *ends]), 4)
    options = {**options, "learning_rate": 3e-2}
    if options["q"] == "logits":
        options["value_learning_rate"] = 3e-2
    agent = TokenDQN(model, in_rows(talk, 32), seed=0, device="cpu", **options).learn(2500)
    found = errors(agent, world)
    assert found.max() < 0.1
    assert found.mean() < 0.02


@pytest.mark.parametrize(
    ("options", "hidden_size", "steps", "tolerance"),
    [
        (HEAD, 32, 5000, 0.01),
        ({**LOGITS, "tau": 0.3, "batch_size": 128}, 64, 5000, 0.01),
        ({**GROUP, **MANY_TEXTS, "tau": 0.3, "averaging": 2.0}, 64, 40_000, 0.06),  # errors are a sample's
    ],
)
def test_spelling_two_letters_of_one_example_exactly(options, hidden_size, steps, tolerance):
    env = gym.make("TextGen-Tiny-v0", max_new_tokens=2)
    options = {**options, "train_fraction": 0.01, "warm_start": False}
    agent = TokenDQN({**MODEL, "hidden_size": hidden_size}, env, seed=0, device="cpu", **options).learn(steps)
    (example,) = {int(i) for i in agent.player._examples}
    start, _ = env.reset(options={"example": example})
    optimum = env.unwrapped.optimal_q(example)
    observations = np.stack([start] * len(optimum))
    for row, text in zip(observations, optimum, strict=True):
        row[4 : 4 + len(text)] = text
    found, reference = q_values(agent, observations)
    if reference is not None:
        optimum = regularised(env, example, 0.3, dict(zip(optimum, reference, strict=True)))
    if options.get("baseline") == "group":  # it has advantages alone
        for row, (text, q) in zip(reference, optimum.items(), strict=True):
            optimum[text] = q - soft_value(q, row, 0.3)
    np.testing.assert_allclose(found, np.stack(list(optimum.values())), atol=tolerance, rtol=0)


def regularised(env, example, tau, log_reference):
    """The optimal Q of the KL-regularised problem, text by text."""
    task, found = env.unwrapped.task, {}

    def value(text):
        q = np.empty(task.vocabulary_size)
        for action in range(len(q)):
            after = (*text, action)
            if action == 0 or len(after) == task.max_new_tokens:
                reason = "stop" if action == 0 else "length"
                q[action] = task.reward(
                    Episode(task.examples[example], task.tokenizer.decode(after), after, reason)
                )
            else:
                q[action] = value(after)
        found[text] = q
        return soft_value(q, log_reference[text], tau)

    value(())
    return {text: found[text] for text in log_reference}


COPYING = {**LEARNING, "reuse": 16.0, "learning_rate": 1e-2, "polyak_tau": 0.1, "beta2": 0.95}


@pytest.mark.parametrize(
    ("options", "score"),
    [
        (
            {
                "q": "head",
                "exploration": "epsilon_greedy",
                "exploration_final_eps": 0.05,
                "exploration_fraction": 0.5,
            },
            0.95,
        ),
        ({"q": "logits", "exploration": "sample", "tau": 0.1, "reward_scale": 1.0, **VALUE}, 0.85),
    ],
)
def test_copying_is_learned_from_scratch(options, score):
    model, world = {**MODEL, "num_hidden_layers": 2}, copy_world()
    agent = TokenDQN(model, in_rows(copy_world, 32), seed=0, device="cpu", **COPYING, **options).learn(7000)
    observation = np.stack([as_observation(world, prompt) for prompt in world.prompts])
    state = None
    for column in range(3, 6):
        observation = observation.copy()
        observation[:, column], state = agent.predict(observation, state, deterministic=True)
    assert (observation[:, :3] == observation[:, 3:]).mean() >= score


# The loop's parts.


def small(**options):
    options = {"n_envs": 4, "batch_size": 4, "batch_tokens": 0, "reuse": 2.0, "eval_freq": 0, **options}
    return TokenDQN(SMALL, World(), seed=0, device="cpu", **options)


def in_every_round(agent, steps, look):
    """Trains and looks at it at the end of every round."""
    seen, learn_round = [], agent.learn_round

    def watched(run):
        learn_round(run)
        seen.append(look(run))

    agent.learn_round = watched
    agent.learn(steps)
    return seen


def test_learning_starts_exactly_at_the_language_model():
    agent = small(q="logits")
    rng = np.random.default_rng(0)
    observation = np.full((5, 6), -1, np.int32)
    observation[:, :3] = rng.integers(4, size=(5, 3))
    q, _ = q_values(agent, observation)
    np.testing.assert_array_equal(q, 0.0)


def test_no_update_before_learning_starts():
    agent = small(learning_starts=40, value_warmup=0)
    before = agent.lm.identity()
    steps = in_every_round(agent, 60, lambda run: (agent.num_timesteps, agent.updates))
    assert all((updates > 0) == (taken >= 40) for taken, updates in steps)
    assert steps[0][1] == 0
    assert agent.lm.identity() != before


def test_the_value_is_trained_alone_at_first():
    agent = small(value_warmup=4, reuse=1.0)
    models = in_every_round(agent, 60, lambda run: (agent.updates, agent.lm.identity()))
    first = models[0][1]
    assert {identity for updates, identity in models if updates <= 4} == {first}
    assert first not in {identity for updates, identity in models if updates > 4}
    assert agent.network.value.out.weight.abs().max() > 0


def test_value_steps_learn_returns_and_leave_the_policy():
    agent = small(learning_starts=10**6, value_steps=100, max_age=0, n_envs=32, polyak_tau=0.2)
    before = agent.lm.identity()
    agent.learn(1500)
    assert agent.lm.identity() == before
    assert agent.updates == agent.report.gradient_steps == 0
    episodes = agent.replay.newest(10**6)
    for prompt in World().prompts:
        scores = [t.score for t in episodes if tuple(t.tokens[: t.actions[0]]) == prompt]
        inputs = model_inputs(as_observation(World(), prompt)[None])
        with torch.no_grad():
            value = agent.network.value(agent.lm.features(inputs)[0, World().width - 1])
        assert len(scores) > 100
        assert value.item() == pytest.approx(np.mean(scores), abs=0.05)


def test_the_target_moves_every_so_many_updates():
    agent = small(q="head", target_update_interval=3, polyak_tau=1.0)
    moved = []
    refresh = agent.network.refresh_target
    agent.network.refresh_target = lambda tau: (moved.append((agent.updates, tau)), refresh(tau))
    agent.learn(60)
    assert agent.updates > 6
    assert moved == [(update, 1.0) for update in range(3, agent.updates + 1, 3)]


def test_episodes_leave_by_age():
    agent = small(max_age=2)
    rounds = in_every_round(agent, 80, lambda run: {t.round for t in agent.replay.newest(10**6)})
    assert rounds == [{r for r in (number - 1, number) if r >= 0} for number in range(len(rounds))]
    assert len(rounds) > 4


def test_max_age_one_learns_only_from_the_latest_round():
    agent = small(max_age=1)
    rounds = in_every_round(agent, 60, lambda run: {t.round for t in agent.replay.newest(10**6)})
    assert rounds == [{number} for number in range(len(rounds))]
    assert len(rounds) > 4


def test_episodes_are_replayed_by_their_priority_to_the_exponent():
    agent = small(q="head", priority_exponent=2.0, batch_size=1)
    rng = np.random.default_rng(0)
    agent.replay.add(random_trajectory(rng, round=number) for number in range(3))
    used = []
    rng = np.random.default_rng(1)
    for _ in range(1000):
        (episode,), keys = agent.sample(rng)
        used.append(episode.round)
        agent.after_use(keys, updated(priorities=[(3.0, 1.0, 0.0)[episode.round]]))
    np.testing.assert_allclose(np.bincount(used) / 1000, (0.9, 0.1, 0.0), atol=0.04)


def test_an_update_sets_the_priorities_of_its_episodes():
    agent = small(q="head", priority_exponent=1.0, reuse=1.0, micro_batch_size=1)
    agent.tokens_per_episode = 3.0
    agent.optimizer = make_optimizer(agent.parameter_groups(), agent.config)
    rng = np.random.default_rng(0)
    episodes = [random_trajectory(rng, vocabulary=4) for _ in range(4)]
    agent.replay.add(episodes)
    wanted = {}
    for episode in episodes:
        batch = collate([episode])
        predicted = agent.network.predict(batch)
        found = agent.network.priorities(batch, predicted, agent.network.targets(batch, predicted))
        wanted[episode.tokens.tobytes()] = float(found[0])
    told = []
    agent.replay.set_priorities = lambda keys, priorities: told.extend(priorities)
    batch, keys = agent.sample(np.random.default_rng(1))
    result = agent.update(batch, Silent())
    assert not told, "once the update is over"
    agent.after_use(keys, result)
    assert told == pytest.approx([wanted[t.tokens.tobytes()] for t in batch], rel=1e-4)
    assert len(set(wanted.values())) == 4


def test_episodes_far_from_the_policy_leave_after_their_use():
    agent = small(max_distance=0.5, batch_size=4)
    rng = np.random.default_rng(0)
    agent.replay.add(random_trajectory(rng, round=number) for number in range(6))
    far = {1, 4}
    used = []
    rng = np.random.default_rng(1)
    for _ in range(3):
        batch, keys = agent.sample(rng)
        rounds = [t.round for t in batch]
        used += rounds
        agent.after_use(keys, updated(distances=[0.6 if number in far else 0.4 for number in rounds]))
    assert far <= set(used)
    assert max(used.count(number) for number in far) == 1
    assert {t.round for t in agent.replay.newest(10)} == {0, 2, 3, 5}


def test_the_temperature_follows_the_kl():
    agent = small(target_kl=2.0, tau=0.5)
    for kl, factor in ((2.0, 1.0), (2.2, 1.01), (1.8, 0.99), (100.0, 1.02), (0.0, 0.98)):
        agent.network.temperature = 0.5
        agent.objective.adapt_temperature(kl)
        assert agent.network.temperature == pytest.approx(0.5 * factor)
    agent = small(target_kl=0.0, tau=0.5)
    agent.objective.adapt_temperature(100.0)
    assert agent.network.temperature == 0.5


def test_epsilon_falls_with_the_training():
    agent = small(
        q="head",
        exploration="epsilon_greedy",
        exploration_initial_eps=1.0,
        exploration_final_eps=0.2,
        exploration_fraction=0.5,
    )
    seen = in_every_round(agent, 100, lambda run: agent.epsilon)
    assert seen[0] == 1.0
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 0.2


@pytest.mark.parametrize("q", ["logits", "head"])
def test_an_update_is_the_same_however_it_is_split(q, monkeypatch):
    rng = np.random.default_rng(0)
    trajectories = [random_trajectory(rng, vocabulary=4) for _ in range(9)]
    gradients, distances = [], []
    for tokens in (1, 25, 10_000):
        agent = TokenDQN(
            SMALL,
            World(steps=30),
            seed=0,
            device="cpu",
            q=q,
            micro_batch_tokens=tokens,
        )
        agent.tokens_per_episode = 3.0
        found = {}

        def catch(run, *, frozen=(), agent=agent, found=found):
            found.update({n: p.grad for n, p in agent.network.named_parameters() if p.grad is not None})
            return {}

        monkeypatch.setattr(agent, "optimizer_step", catch)
        distances.append(agent.update(trajectories, Silent()).distances)
        gradients.append(found)
    first, *others = gradients
    assert first
    assert all(distances[0] > 0) == (q == "logits")
    for other in distances[1:]:
        np.testing.assert_allclose(other, distances[0], rtol=1e-4)
    for other in others:
        assert other.keys() == first.keys()
        for name, gradient in first.items():
            scale = float(gradient.abs().max())
            torch.testing.assert_close(other[name], gradient, rtol=1e-3, atol=1e-4 * scale + 1e-9, msg=name)


def test_a_token_weighs_the_same_in_every_batch(monkeypatch):
    rng = np.random.default_rng(0)
    one, other = (random_trajectory(rng, vocabulary=4) for _ in range(2))
    agent = small(q="head")
    agent.tokens_per_episode = 3.0
    found = {}

    def catch(run, *, frozen=()):
        found.update({n: p.grad.clone() for n, p in agent.network.named_parameters() if p.grad is not None})
        agent.network.zero_grad()
        return {}

    monkeypatch.setattr(agent, "optimizer_step", catch)

    def gradient(trajectories):
        agent.update(trajectories, Silent())
        return dict(found)

    both, first, second = map(gradient, ([one, other], [one], [other]))
    assert both
    for name, together in both.items():
        torch.testing.assert_close(together, first[name] + second[name], rtol=1e-3, atol=1e-6, msg=name)


def test_losses_are_divided_by_the_mean_length_of_the_first_round():
    agent = small(value_warmup=0)
    lengths = in_every_round(agent, 60, lambda run: agent.tokens_per_episode)
    assert len(lengths) > 4
    (length,) = set(lengths)
    again = small(reuse=0.0, max_age=0).learn(60)
    assert length == np.mean([len(t) for t in again.replay.newest(10**6) if t.round == 0])


# What is drawn.


def prompts_of_world(count=32):
    """Prompts as long as the longest of World, as it would show them."""
    observation = np.full((count, 6), -1, np.int32)
    observation[:, :3] = np.random.default_rng(0).integers(4, size=(count, 3))
    return observation


@pytest.mark.parametrize("options", [{"top_k": 2}, {"top_p": 0.5}, {"exploration_temperature": 3.0}])
def test_stored_log_probs_are_the_policys_over_all_tokens(options):
    agent = small(q="logits", reuse=0.0, max_age=0, **options).learn(60)
    episodes = agent.replay.newest(10**6)
    assert len(episodes) > 10
    for t, wanted in zip(episodes, log_probs_under(agent.lm, episodes, 1000), strict=True):
        np.testing.assert_allclose(t.behaviour_log_probs, wanted, atol=1e-4)


@pytest.mark.parametrize("options", [{"top_p": 1e-6}, {"top_k": 1}])
def test_training_and_predict_sample_only_the_likeliest_tokens(options):
    agent = small(q="logits", reuse=0.0, max_age=0, **options).learn(60)
    episodes = agent.replay.newest(10**6)
    assert len(episodes) > 10
    assert len({tuple(t.tokens) for t in episodes}) == len(World().prompts), "nothing is left to chance"
    seen = prompts_of_world()
    np.testing.assert_array_equal(agent.predict(seen)[0], agent.predict(seen, deterministic=True)[0])


@pytest.mark.parametrize(("first", "last"), [(1.0, 0.0), (0.0, 1.0)])
def test_a_loaded_agent_plays_with_the_last_epsilon(first, last, tmp_path):
    small(q="head", exploration_initial_eps=first, exploration_final_eps=last).save(tmp_path / "agent")
    agent = TokenDQN.load(tmp_path / "agent", World(), device="cpu")
    seen = prompts_of_world()
    drawn, best = (agent.predict(seen, deterministic=deterministic)[0] for deterministic in (False, True))
    assert (drawn == best).all() == (last == 0.0)


def updated(**arrays):
    """The result of an update, as far as the replay is told of it."""
    empty = {"priorities": [], "distances": [], **arrays}
    return UpdateResult(0.0, {}, *map(np.array, empty.values()), {})


class Silent:
    """A run that nobody watches."""

    progress = 0.0

    def generator(self, purpose):
        return np.random.default_rng(purpose)

    def log(self, name, value):
        pass

    def check_finite(self, value, what):
        assert np.isfinite(value)
