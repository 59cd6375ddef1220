"""The two parametrisations: zero error at the exact optimum, and what bootstraps from what."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_models import TableModel, loss_of, small_model
from token_worlds import random_trajectory
from torch import nn

from llm_baselines.algorithms.token_dqn.head_network import HeadConfig, HeadNetwork
from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, ValueNetwork
from llm_baselines.algorithms.token_dqn.objective_choice import make_token_dqn_config
from llm_baselines.lm.teacher_forcing import state_features
from llm_baselines.play.trajectory import Trajectory, collate, observations_of
from llm_envs.lm.model import LanguageModel

V = 8


def language_model(family="llama"):
    return LanguageModel(small_model(family, V), V)


def networks(family="llama", logits=(), head=(), **options):
    """Both, with heads that are not zero; `logits` and `head` are options of one alone."""
    lm = language_model(family)
    made = [
        ValueNetwork(copy.deepcopy(lm), copy.deepcopy(lm), LogitsConfig(**options, **dict(logits))),
        HeadNetwork(copy.deepcopy(lm), None, HeadConfig(**options, **dict(head)), from_prior=False),
    ]
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        for network in made:
            for name, parameter in network.named_parameters():
                if any(part in name for part in ("value", "advantage")):
                    parameter.normal_()
    return made


def trajectories(count=6, seed=0):
    rng = np.random.default_rng(seed)
    return [random_trajectory(rng, vocabulary=V) for _ in range(count)]


# What reaches what.


def test_the_gradient_of_the_value_does_not_reach_the_trunk():
    network = networks()[0]
    network.predict(collate(trajectories())).values.square().sum().backward()
    assert all(p.grad is None for p in network.lm.parameters())
    assert all(p.grad is not None for p in network.value.parameters())


def test_the_target_sends_no_gradient_and_the_reference_gets_none():
    for network in networks():
        loss_of(network, collate(trajectories())).backward()
        for name, parameter in network.named_parameters():
            if name.startswith(("target", "reference")):
                assert parameter.grad is None, name
    network = networks()[0]
    assert not any(
        p.requires_grad for p in [*network.reference.parameters(), *network.target_value.parameters()]
    )


def test_a_language_models_own_head_is_trained_only_where_it_is_used():
    for tied in (True, False):
        lm = LanguageModel(small_model("llama", V, tie_word_embeddings=tied), V)
        head = HeadNetwork(lm, None, HeadConfig(), from_prior=True)
        trained = {id(p) for p in head.parameter_groups()[0]["params"]}
        assert (id(lm.model.get_output_embeddings().weight) in trained) == tied
        assert id(lm.model.get_input_embeddings().weight) in trained
        assert not trained & {id(p) for p in head.target.parameters()}


def snapshot(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("tau", [0.25, 1.0])
def test_targets_move_by_polyak_or_are_copied(tau):
    logits, head = networks()
    pairs = [(logits, logits.value, logits.target_value), (head, head.online, head.target)]
    for network, online, target in pairs:
        with torch.no_grad():
            for parameter in online.parameters():
                parameter.add_(1.0)
        before, mine = snapshot(target), snapshot(online)
        rest = {k: v for k, v in snapshot(network).items() if "target" not in k}
        network.refresh_target(tau)
        for name, found in target.state_dict().items():
            wanted = (1 - tau) * before[name] + tau * mine[name]
            torch.testing.assert_close(found, wanted, rtol=0, atol=0 if tau == 1 else 1e-6)
            assert not torch.equal(found, before[name]), name
        for name, tensor in rest.items():
            assert torch.equal(network.state_dict()[name], tensor), name


# The classic head.


@torch.no_grad()
def test_the_scale_follows_the_targets_and_q_stays():
    for options in ({}, {"dueling": True}, {"polyak_tau": 1.0}):
        lm = LanguageModel(small_model("llama", V), V)
        head = HeadNetwork(lm, None, HeadConfig(target_scale=0.5, **options), from_prior=True)
        batch = collate(trajectories())
        before = head.predict(batch), head.targets(batch, head.predict(batch))
        for _ in range(40):
            head.observe(-30.0, 1300.0)
        assert head.scale == 1.0, "it moves between rounds only"
        head.rescale()
        assert head.scale == pytest.approx(20.0)
        after = head.predict(batch), head.targets(batch, head.predict(batch))
        torch.testing.assert_close(after[0].chosen, before[0].chosen)
        torch.testing.assert_close(after[0].values, before[0].values)
        torch.testing.assert_close(after[1], before[1])
        for _ in range(40):
            head.observe(0.0, 0.0)
        head.rescale()
        assert head.scale == pytest.approx(0.01), "nothing was earned yet"


def hand_made(**options):
    """One text (1,), then (1, a): Q online and of the target are tables."""
    texts = [(1,), (1, 0), (1, 1), (1, 2)]
    lm = LanguageModel(TableModel(texts, 3), 3)
    reference = None
    if "support_top_k" in options:
        reference = LanguageModel(TableModel(texts, 3), 3)
        with torch.no_grad():
            reference.model.head.weight[:, 2] = torch.tensor([5.0, 0.0, 4.0])  # after (1, 1): 0 and 2
    network = HeadNetwork(lm, reference, HeadConfig(**options), from_prior=False)
    with torch.no_grad():
        network.online.advantage.weight[:, 2] = torch.tensor([1.0, 3.0, 2.0])
        if network.target is not None:
            network.target.advantage.weight[:, 2] = torch.tensor([0.5, 0.25, 9.0])
    return network


def two_steps(terminated=True, last=2):
    numbers = np.array([0.125, 7.0], np.float32)
    return Trajectory(
        np.array([1, 1, last], np.int32), np.array([1, 2], np.int32), numbers, numbers, numbers, terminated
    )


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"double": False}, 9.0),  # max of the target
        ({"double": True}, 0.25),  # the target's value of what is best online
        ({"double": False, "support_top_k": 1}, 0.5),  # max over what the reference would say
        ({"double": True, "support_top_k": 2}, 9.0),  # best online of 0 and 2 is 2
        ({"double": True, "gamma": 0.5}, 0.125),
    ],
)
def test_the_maximum_double_and_the_support_by_hand(options, value):
    network = hand_made(**options)
    batch = collate([two_steps()])
    found = network.targets(batch, network.predict(batch))
    assert found[0].tolist() == [0.125 + value, 7.0]


@pytest.mark.parametrize("options", [{"double": False}, {"double": True}, {"support_top_k": 1}])
def test_no_target_network_equals_copy_every_update(options):
    copied, without = (hand_made(polyak_tau=1.0, target_update_interval=k, **options) for k in (2, 1))
    copied.refresh_target(1.0)
    without.refresh_target(1.0)
    assert copied.target is not None
    assert without.target is None
    batch = collate([two_steps()])
    wanted, found = (network.targets(batch, network.predict(batch)) for network in (copied, without))
    assert torch.equal(found, wanted)
    assert found[0].tolist() == [0.125 + (1.0 if "support_top_k" in options else 3.0), 7.0]


@pytest.mark.parametrize("options", [{"double": False}, {"double": True}, {"support_top_k": 2}])
def test_what_the_environment_forbids_is_no_maximum(options):
    network = hand_made(**options)
    asked = []

    def allowed(batch, states):
        asked.append(observations_of(batch, states, 4).tolist())
        return torch.tensor([[True, False, False]] * int(states.sum()))

    network.allowed = allowed
    batch = collate([replace(two_steps(), start=1)])
    found = network.targets(batch, network.predict(batch))
    assert found[0].tolist() == [0.125 + 0.5, 7.0]  # token 0 of the target, though 1 and 2 are worth more
    assert asked[0] == [[-1, 1, -1, -1], [-1, 1, 1, -1], [-1, 1, 1, 2]]


def test_the_support_is_the_best_of_what_the_environment_allows():
    network = hand_made(double=False, support_top_k=1)  # the reference's order after (1, 1): 0, 2, 1
    network.allowed = lambda batch, states: torch.tensor([[False, True, True]] * int(states.sum()))
    batch = collate([two_steps()])
    assert network.targets(batch, network.predict(batch))[0].tolist() == [0.125 + 9.0, 7.0]


def test_a_truncated_text_without_allowed_tokens_bootstraps_from_the_best():
    network = hand_made(double=False)
    network.allowed = lambda batch, states: torch.zeros((int(states.sum()), 3), dtype=torch.bool)
    batch = collate([two_steps(terminated=False)])
    assert network.targets(batch, network.predict(batch))[0].tolist() == [0.125 + 9.0, 7.0]


@pytest.mark.parametrize("double", [False, True])
def test_the_best_of_a_support_may_be_worth_less_than_nothing(double):
    network = hand_made(double=double, support_top_k=1)
    with torch.no_grad():
        network.online.advantage.weight[:, 2] = torch.tensor([-1.0, -3.0, -2.0])
        network.target.advantage.weight[:, 2] = torch.tensor([-0.5, -0.25, -9.0])
    batch = collate([two_steps()])
    predicted = network.predict(batch)
    assert network.targets(batch, predicted)[0].tolist() == [0.125 - 0.5, 7.0]
    assert predicted.values[0].tolist() == [0.0, -1.0, 0.0]


def test_what_is_logged_are_sums_over_actions():
    network = hand_made(double=False)
    batch = collate([two_steps(last=1)])
    predicted = network.predict(batch)
    loss, logged = network.loss(batch, predicted, network.targets(batch, predicted))
    assert logged == {"td_error": 9.125 + 4.0, "q_mean": 3.0, "target_mean": 9.125 + 7.0}
    assert loss.item() == 0.5 * (9.125**2 + 4.0**2)


def test_n_steps_pass_through_actions_that_are_greedy_online():
    for last, target in ((1, 0.125 + 7.0), (2, 0.125 + 0.25)):  # 1 is greedy, 2 is not
        network = hand_made(n_steps=2)
        batch = collate([two_steps(last=last)])
        assert float(network.targets(batch, network.predict(batch))[0, 0]) == target


def test_a_tightened_target_is_at_least_what_the_episode_earned():
    for gamma, target in ((1.0, 0.125 + 7.0), (0.01, 0.125 + 0.07)):  # the target network says 0.25
        network = hand_made(optimality_tightening=True, gamma=gamma)
        batch = collate([two_steps(last=2)])
        found = network.targets(batch, network.predict(batch))[0].tolist()
        assert found == pytest.approx([target, 7.0])
    network = hand_made(optimality_tightening=True, double=False)  # and here 9
    batch = collate([two_steps(last=2)])
    assert network.targets(batch, network.predict(batch))[0].tolist() == [0.125 + 9.0, 7.0]


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("last", [0, 1, 2])
def test_advantage_learning_takes_from_what_is_not_the_best(last, double):
    plain, wide = (hand_made(double=double, advantage_learning=share) for share in (0.0, 0.5))
    batch = collate([two_steps(last=last)])
    before, after = (n.targets(batch, n.predict(batch))[0].tolist() for n in (plain, wide))
    assert after[0] == before[0]  # all the same in the first state
    assert after[1] == before[1] - 0.5 * (9.0 - (0.5, 0.25, 9.0)[last])  # the target network's gap
    followed = hand_made(advantage_learning=0.5, polyak_tau=1.0, target_update_interval=1)
    assert followed.target is None
    found = followed.targets(batch, followed.predict(batch))[0].tolist()
    assert found[1] == before[1] - 0.5 * (3.0 - (1.0, 3.0, 2.0)[last])


@pytest.mark.parametrize(("last", "gap"), [(0, 0.0), (1, 0.25), (2, 0.0)])
def test_advantage_learning_looks_for_the_best_within_the_support(last, gap):
    plain, wide = (hand_made(support_top_k=1, advantage_learning=share) for share in (0.0, 0.5))
    batch = collate([two_steps(last=last)])
    before, after = (n.targets(batch, n.predict(batch))[0].tolist() for n in (plain, wide))
    assert after[1] == before[1] - 0.5 * gap  # the reference allows 0 alone, which the target gives 0.5


def test_a_priority_is_the_largest_error_of_the_episode():
    network = hand_made()
    batch = collate([two_steps(last=0), two_steps(last=1), two_steps(last=2)])
    predicted = network.predict(batch)
    targets = network.targets(batch, predicted)
    errors = (predicted.chosen - targets).abs()
    assert network.priorities(batch, predicted, targets).tolist() == errors.max(dim=1).values.tolist()
    assert network.priorities(batch, predicted, targets).tolist() == [6.0, 4.0, 5.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"optimality_tightening": True},
            "optimality_tightening is an option of q='head'",
        ),
        (
            {"priority_exponent": 0.6},
            "priority_exponent is an option of q='head'",
        ),
        (
            {"advantage_learning": 0.5},
            "advantage_learning is an option of q='head'",
        ),
        ({"double": False}, "double is an option of q='head'"),
        ({"dueling": True}, "dueling is an option of q='head'"),
        ({"n_steps": 3}, "n_steps is an option of q='head'"),
        ({"head_scale": 0.1}, "head_scale is an option of q='head'"),
        (
            {"max_distance": 0.5, "q": "head"},
            "max_distance is an option of q='logits'",
        ),
        ({"tau": 0.1, "q": "head"}, "tau=0.1: tau is an option of q='logits'; with q='head' leave it out"),
        ({"q": "head", "optimality_tightening": True, "n_steps": 3}, "n_steps=3 has no effect"),
        ({"q": "head", "priority_exponent": -1.0}, r"priority_exponent=-1\.0 must be at least 0"),
    ],
)
def test_options_that_would_do_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_token_dqn_config(options)


def test_nothing_bootstraps_past_a_terminated_end():
    logits, head = networks()
    with torch.no_grad():  # whatever bootstraps is large
        logits.target_value.out.bias += 1e4
        head.target.advantage.bias += 1e4
    batch = collate(trajectories())
    last = torch.arange(len(batch)), batch.lengths - 1
    ended, cut = (replace(batch, terminated=torch.full_like(batch.terminated, t)) for t in (True, False))

    predicted = head.predict(batch)
    assert torch.equal(head.targets(ended, predicted)[last], batch.rewards[last])
    assert (head.targets(cut, predicted)[last] > 5e3).all()

    only_last = [
        replace(t, actions=t.actions[-1:], **_last_numbers(t), terminated=True) for t in trajectories()
    ]
    assert loss_of(logits, collate(only_last)).item() < 1e4
    assert loss_of(logits, collate([replace(t, terminated=False) for t in only_last])).item() > 1e7


def _last_numbers(t):
    return {name: getattr(t, name)[-1:] for name in ("rewards", "behaviour_log_probs", "reference_log_probs")}


@torch.no_grad()
def test_a_dueling_heads_advantages_have_mean_zero():
    network = networks(head={"dueling": True})[1]
    features = torch.randn(5, network.lm.hidden_size, generator=torch.Generator().manual_seed(0))
    advantages = network.scores(features) - network.online.value(features)
    torch.testing.assert_close(advantages.mean(1), torch.zeros(5), rtol=0, atol=1e-5)
    assert float(advantages.abs().max()) > 0.1


def test_q_starts_at_zero_or_in_the_priors_order():
    features = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
    lm = language_model()
    for dueling in (True, False):
        config = HeadConfig(dueling=dueling)
        assert (HeadNetwork(copy.deepcopy(lm), None, config, from_prior=False).scores(features) == 0).all()
    config = HeadConfig(head_scale=0.05)
    found = HeadNetwork(copy.deepcopy(lm), None, config, from_prior=True).scores(features)
    torch.testing.assert_close(found, 0.05 * lm.logits(features))
    logits = ValueNetwork(lm, copy.deepcopy(lm), LogitsConfig())
    assert (logits.value(features) == 0).all()
    torch.testing.assert_close(logits.scores(features), lm.log_probs(features))


# Padding and splitting change nothing.


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("options", [{}, {"gamma": 0.9, "head": {"n_steps": 3, "dueling": True}}])
def test_a_padded_batch_equals_its_episodes_one_by_one(family, which, options):
    network, episodes = networks(family, **options)[which], trajectories(8)
    together, one_by_one = [], []
    for losses, parts in ((together, [episodes]), (one_by_one, [[t] for t in episodes])):
        network.zero_grad()
        for part in parts:
            loss = loss_of(network, collate(part))
            loss.backward()
            losses.append(loss.item())
        losses.append({n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None})
    assert sum(one_by_one[:-1]) == pytest.approx(together[0], rel=1e-4)
    assert together[-1].keys() == one_by_one[-1].keys()
    for name, gradient in together[-1].items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(gradient, one_by_one[-1][name], rtol=1e-3, atol=1e-4 * scale, msg=name)


def test_distance_is_the_mean_gap_of_log_probabilities():
    network = networks()[0]
    episodes = trajectories(3)
    batch = collate(episodes)
    log_probs = network.predict(batch).log_probs.detach().numpy()
    found = network.distances(batch, network.predict(batch).log_probs)
    for row, t in enumerate(episodes):
        wanted = np.abs(log_probs[row, : len(t)] - t.behaviour_log_probs).mean()
        assert found[row] == pytest.approx(wanted, rel=1e-5)


def test_distance_is_of_absolute_gaps_that_do_not_cancel():
    network, batch = networks()[0], collate(trajectories())
    predicted = network.predict(batch)
    log_probs = predicted.log_probs.detach()
    signs = torch.where(torch.arange(log_probs.shape[1]) % 2 == 0, 0.5, -0.5)
    behaviour = torch.where(batch.mask, log_probs + signs, 0.0)
    found = network.distances(replace(batch, behaviour_log_probs=behaviour), log_probs)
    np.testing.assert_allclose(found, 0.5, rtol=1e-5)


# What is lost.


def lost(which=0, **options):
    """The loss on some episodes, and its gradient with respect to what is said of the actions taken."""
    network, batch = networks(**{("logits", "head")[which]: options})[which], collate(trajectories())
    predicted = network.predict(batch)
    loss, _ = network.loss(batch, predicted, network.targets(batch, predicted))
    (gradient,) = torch.autograd.grad(loss, predicted.chosen if which else predicted.log_probs)
    return loss.item(), gradient


def test_the_two_consistencies_are_weighed():
    one_step, _ = lost(one_step_weight=1.0, to_the_end_weight=0.0)
    to_the_end, _ = lost(one_step_weight=0.0, to_the_end_weight=1.0)
    assert one_step != pytest.approx(to_the_end, rel=0.01)
    both, _ = lost(one_step_weight=2.0, to_the_end_weight=3.0)
    assert both == pytest.approx(2 * one_step + 3 * to_the_end, rel=1e-4)


def test_to_the_end_gradient_changes_the_gradient_but_not_the_loss():
    (path, through), (action, alone) = (lost(to_the_end_gradient=kind) for kind in ("path", "action"))
    assert path == pytest.approx(action, rel=1e-6)
    assert not torch.allclose(through, alone)


@pytest.mark.parametrize(
    ("which", "options"), [(0, {"to_the_end_weight": 0.0}), (0, {"one_step_weight": 0.0}), (1, {})]
)
def test_every_loss_is_hubers_where_that_is_wanted(which, options):
    (squared, _), (huber, _) = (lost(which, loss=kind, **options) for kind in ("squared", "huber"))
    assert huber < 0.99 * squared


@torch.no_grad()
def test_q_is_the_value_and_tau_times_the_log_ratio_to_the_reference():
    network, batch = networks(logits={"tau": 0.25})[0], collate(trajectories())
    for parameter in network.reference.parameters():
        parameter.mul_(0.5)
    features = state_features(network.lm, batch)
    found = network.q_values(features, batch)
    reference = network.reference.log_probs(state_features(network.reference, batch))
    wanted = network.value(features)[..., None] + 0.25 * (network.lm.log_probs(features) - reference)
    torch.testing.assert_close(found, wanted)
    expected = torch.logsumexp(reference + found / 0.25, dim=-1) * 0.25
    torch.testing.assert_close(expected, network.value(features), rtol=1e-4, atol=1e-4)


class _Values(nn.Module):
    """V of the states (1,) and (1, 1); 0 elsewhere."""

    def __init__(self, first, second):
        super().__init__()
        self.table = nn.Parameter(torch.tensor([first, 0.0, second, 0.0]))

    def forward(self, features):
        return features @ self.table


def test_the_consistencies_of_logits_by_hand():
    lm = LanguageModel(TableModel([(1,), (1, 0), (1, 1), (1, 2)], 3), 3)
    config = LogitsConfig(gamma=0.5, one_step_weight=3.0, to_the_end_weight=0.25)
    network = ValueNetwork(lm, copy.deepcopy(lm), config)
    network.value, network.target_value = _Values(0.5, 2.0), _Values(100.0, 3.0)
    network.temperature = 0.25  # moved by target_kl: the option's 0.1 is where it began
    references = {"reference_log_probs": np.float32([-1.0, -2.0]), "behaviour_log_probs": np.zeros(2)}
    two = replace(two_steps(), **references)
    one = Trajectory(two.tokens[:2], two.actions[:1], *[np.float32([-1.0])] * 3, terminated=True)
    batch = collate([two, one])
    predicted = network.predict(batch)
    loss, logged = network.loss(batch, predicted, network.targets(batch, predicted))

    ratios = 1 - math.log(3), 2 - math.log(3), 1 - math.log(3)  # every token has the probability 1/3
    steps = (
        0.5 + 0.25 * ratios[0] - (0.125 + 0.5 * 3.0),  # bootstrapped with the target's V of (1, 1)
        2.0 + 0.25 * ratios[1] - 7.0,
        0.5 + 0.25 * ratios[2] + 1.0,
    )
    to_the_end = (0.5 + 0.25 * ratios[0] - 0.125 + 0.5 * (0.25 * ratios[1] - 7.0), *steps[1:])
    squares = [sum(error**2 for error in errors) for errors in (steps, to_the_end)]
    assert loss.item() == pytest.approx(0.5 * (3.0 * squares[0] + 0.25 * squares[1]))
    assert logged == pytest.approx(
        {
            "td_error": sum(map(abs, steps)),
            "path_error": sum(map(abs, to_the_end)),
            "value_mean": 0.5 + 2.0 + 0.5,
            "log_ratio": sum(ratios),
        }
    )


def test_language_model_and_value_head_have_step_sizes_of_their_own():
    lm = language_model()
    network = ValueNetwork(lm, copy.deepcopy(lm), LogitsConfig(learning_rate=0.125, value_learning_rate=0.5))
    policy, value = network.parameter_groups()
    assert (policy["lr"], value["lr"]) == (0.125, 0.5)
    assert {id(p) for p in policy["params"]} == {id(p) for p in lm.parameters()}
    assert {id(p) for p in value["params"]} == {id(p) for p in network.value.parameters()}
