"""At the optimum of an MDP, as tables, there is nothing left to learn."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from small_models import TableModel, loss_of
from token_worlds import Talk, World, soft_value, solve

from llm_baselines.algorithms.token_dqn.head_network import HeadConfig, HeadNetwork
from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, ValueNetwork
from llm_baselines.algorithms.token_dqn.targets import one_step_residuals
from llm_baselines.play.trajectory import Trajectory, collate
from llm_envs.lm.model import LanguageModel


class Solved:
    """The exact optimum of a world as networks over tables."""

    def __init__(self, world: World, tau: float | None = None, gamma: float = 1.0) -> None:
        rng = np.random.default_rng(5)
        self.world, self.size = world, int(world.action_space.n)
        texts = list(solve(world))
        everything = [*texts, *self._endings(texts)]
        self.prior = {text: np.log(rng.dirichlet(np.ones(self.size))) for text in texts}
        self.q = solve(world, gamma=gamma, tau=tau, log_reference=self.prior.__getitem__)
        self.model = TableModel(everything, self.size)
        self.texts = texts
        self.tau = tau
        self.gamma = gamma

    def _endings(self, texts):
        return [
            (*text, action, *added)
            for text in texts
            for action in range(self.size)
            for added, _ in self.world.replies((*text, action))
            if (*text, action, *added) not in texts
        ]

    def table(self, rows: dict) -> torch.Tensor:
        table = torch.zeros(self.size, len(self.model.numbers))
        for text, row in rows.items():
            table[:, self.model.numbers[text]] = torch.as_tensor(row, dtype=torch.float32)
        return table

    def logits_network(self, **options) -> ValueNetwork:
        lm, reference = (LanguageModel(copy.deepcopy(self.model), self.size) for _ in range(2))
        values = {t: soft_value(self.q[t], self.prior[t], self.tau) for t in self.texts}
        policy = {t: self.prior[t] + (self.q[t] - values[t]) / self.tau for t in self.texts}
        config = LogitsConfig(tau=self.tau, gamma=self.gamma, **options)
        network = ValueNetwork(lm, reference, config)
        with torch.no_grad():
            lm.model.head.weight.copy_(self.table(policy))
            reference.model.head.weight.copy_(self.table(self.prior))
            head = network.value  # V as a table: gelu(20) is 20
            head.hidden.weight.copy_(20 * torch.eye(lm.hidden_size))
            head.hidden.bias.zero_()
            head.out.weight.copy_(self.table({t: np.full(self.size, v) for t, v in values.items()})[:1] / 20)
            network.target_value.load_state_dict(head.state_dict())
        return network

    def head_network(self, **options) -> HeadNetwork:
        lm = LanguageModel(copy.deepcopy(self.model), self.size)
        network = HeadNetwork(lm, None, HeadConfig(gamma=self.gamma, **options), from_prior=False)
        with torch.no_grad():
            for body in (network.online, network.target):
                body.advantage.weight.copy_(self.table(self.q))
        return network

    def play(self, count=40, seed=0) -> list[Trajectory]:
        """Random episodes, truncated ones among them."""
        self.world.reset(seed=seed)
        rng = np.random.default_rng(seed)
        return [self._play_one(rng) for _ in range(count)]

    def _play_one(self, rng) -> Trajectory:
        self.world.reset()
        columns, rewards, reference = [], [], []
        while True:
            action = int(rng.integers(self.size))
            reference.append(self.prior[self.world.text][action])
            columns.append(len(self.world.text))
            _, reward, terminated, truncated, _ = self.world.step(action)
            rewards.append(reward)
            if terminated or truncated:
                numbers = (np.array(n, np.float32) for n in (rewards, np.zeros(len(rewards)), reference))
                return Trajectory(
                    np.array(self.world.text, np.int32), np.array(columns, np.int32), *numbers, terminated
                )


@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_at_the_regularised_optimum_every_residual_is_zero(gamma):
    solved = Solved(World(cut=0.2), tau=0.3, gamma=gamma)
    network, batch = solved.logits_network(), collate(solved.play())
    assert not batch.terminated.all()
    assert batch.terminated.any()
    assert loss_of(network, batch).item() < 1e-9
    with torch.no_grad():
        network.value.out.bias += 0.1  # V is off by 0.1 everywhere, its target is not
    assert loss_of(network, batch).item() == pytest.approx(2 * 0.5 * 0.01 * int(batch.mask.sum()), rel=1e-3)


def test_at_the_regularised_optimum_every_gradient_is_zero():
    solved = Solved(World(cut=0.2), tau=0.3)
    network = solved.logits_network()
    loss_of(network, collate(solved.play())).backward()
    for name, parameter in network.named_parameters():
        if parameter.grad is not None:
            assert float(parameter.grad.abs().max()) < 1e-3, name


def test_another_temperature_is_another_optimum():
    solved = Solved(World(), tau=0.3)
    network, batch = solved.logits_network(), collate(solved.play())
    network.temperature = 0.4
    assert loss_of(network, batch).item() > 0.1


@pytest.mark.parametrize("options", [{}, {"double": False}, {"n_steps": 3}, {"loss": "huber"}])
def test_at_the_optimum_of_dqn_every_error_is_zero(options):
    solved = Solved(World(cut=0.2))
    network, batch = solved.head_network(**options), collate(solved.play())
    assert loss_of(network, batch).item() < 1e-9
    with torch.no_grad():
        network.online.advantage.bias += 0.1
    assert loss_of(network, batch).item() > 1e-3


@torch.no_grad()
def test_values_before_environment_turns_are_right_on_average():
    solved = Solved(Talk(steps=2), tau=0.3)
    network, batch = solved.logits_network(), collate(solved.play(4000))
    predicted = network.predict(batch)
    errors = one_step_residuals(
        predicted.values[:, :-1],
        predicted.log_probs - batch.reference_log_probs,
        batch.rewards,
        network.targets(batch, predicted),
        batch.mask,
        batch.terminated,
        temperature=network.temperature,
        gamma=1.0,
    )[:, 0]
    assert float(errors.abs().max()) > 0.05, "what is said is chance"
    assert float(errors.mean()) == pytest.approx(0.0, abs=4 * float(errors.std()) / len(batch) ** 0.5)
