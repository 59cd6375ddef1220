"""Exploration: distributions by hand, within their support, and drawn as they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_baselines.play.exploration import STRATEGIES, Exploration, draw, linear_epsilon, top_k_support


def rows(*numbers):
    return torch.tensor(numbers, dtype=torch.float32)


def close(found, wanted):
    torch.testing.assert_close(found, torch.as_tensor(wanted, dtype=torch.float32), rtol=0, atol=1e-6)


def logs(*numbers):
    return rows(*numbers).log()


PRIOR = logs([0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4])


def test_epsilon_greedy_by_hand():
    scores = rows([1.0, 3.0, 2.0, 0.0])
    explore = Exploration("epsilon_greedy")
    close(explore.probabilities(scores, epsilon=0.2), [[0.05, 0.85, 0.05, 0.05]])
    close(explore.probabilities(scores), [[0, 1, 0, 0]])
    support = torch.tensor([[True, False, True, False]])
    close(explore.probabilities(scores, epsilon=0.2, support=support), [[0.1, 0, 0.9, 0]])


def test_boltzmann_by_hand():
    scores = rows([0.0, np.log(3.0)])
    close(Exploration("boltzmann").probabilities(scores), [[0.25, 0.75]])
    close(Exploration("boltzmann", temperature=0.5).probabilities(scores), [[0.1, 0.9]])


def test_epsilon_boltzmann_by_hand():
    scores = rows([0.0, np.log(3.0), -np.inf])
    explore = Exploration("epsilon_boltzmann", temperature=0.5)
    close(explore.probabilities(scores, epsilon=0.2), [[0.02, 0.98, 0]])
    close(explore.probabilities(scores), [[0, 1, 0]])
    close(explore.probabilities(scores, epsilon=1.0), [[0.1, 0.9, 0]])


def test_sample_is_the_policy_or_the_prior():
    scores = logs([0.25, 0.25, 0.25, 0.25], [0.7, 0.1, 0.1, 0.1])
    close(Exploration("sample").probabilities(scores), scores.exp())
    close(Exploration("sample").probabilities(scores, prior=PRIOR), PRIOR.exp())


def test_temperature_by_hand():
    close(
        Exploration("sample", temperature=0.5).probabilities(logs([0.6, 0.4])), [[0.36 / 0.52, 0.16 / 0.52]]
    )


def test_top_k_by_hand():
    close(
        Exploration("sample", top_k=2).probabilities(PRIOR),
        [[0.5 / 0.8, 0.3 / 0.8, 0, 0], [0, 0, 3 / 7, 4 / 7]],
    )
    for all_of_them in (0, 4, 9):
        close(Exploration("sample", top_k=all_of_them).probabilities(PRIOR), PRIOR.exp())


def test_top_p_by_hand():
    # The fewest tokens that hold so much: 0.5 + 0.3 and 0.4 + 0.3; then one more each.
    close(Exploration("sample", top_p=0.7).probabilities(PRIOR)[0], [0.5 / 0.8, 0.3 / 0.8, 0, 0])
    close(Exploration("sample", top_p=0.65).probabilities(PRIOR)[1], [0, 0, 3 / 7, 4 / 7])
    close(Exploration("sample", top_p=0.85).probabilities(PRIOR)[0], [50 / 95, 30 / 95, 15 / 95, 0])
    close(Exploration("sample", top_p=1e-6).probabilities(PRIOR), [[1, 0, 0, 0], [0, 0, 0, 1]])


def test_prior_epsilon_by_hand():
    scores = rows([0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0])
    found = Exploration("prior_epsilon", top_k=2).probabilities(scores, epsilon=0.1, prior=PRIOR)
    close(found, [[0.0625, 0.0375, 0, 0.9], [0.9, 0, 0.3 / 7, 0.4 / 7]])
    assert Exploration("prior_epsilon").needs_prior
    assert not Exploration("sample").needs_prior


@given(
    strategy=st.sampled_from(STRATEGIES),
    temperature=st.sampled_from([0.1, 1.0, 5.0]),
    top_k=st.integers(0, 8),
    top_p=st.sampled_from([0.05, 0.5, 0.9, 1.0]),
    epsilon=st.sampled_from([0.0, 0.3, 1.0]),
    bounded=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_whatever_the_options_rows_sum_to_1_and_stay_inside_the_support(
    strategy, temperature, top_k, top_p, epsilon, bounded, seed
):
    generator = torch.Generator().manual_seed(seed)
    scores, prior = 10 * torch.randn(2, 5, 7, generator=generator)
    support = None
    if bounded:
        support = torch.rand(5, 7, generator=generator) < 0.4
        support[torch.arange(5), torch.randint(7, (5,), generator=generator)] = True
    found = Exploration(strategy, temperature, top_k, top_p).probabilities(
        scores.log_softmax(1), epsilon=epsilon, prior=prior.log_softmax(1), support=support
    )
    assert found.shape == (5, 7)
    assert (found >= 0).all()
    torch.testing.assert_close(found.sum(1), torch.ones(5), rtol=0, atol=1e-5)
    if support is not None:
        assert (found[~support] == 0).all()


def test_the_support_is_the_priors_best():
    assert top_k_support(PRIOR, 2).tolist() == [[True, True, False, False], [False, False, True, True]]
    assert top_k_support(PRIOR, 99).all()


def test_draws_have_the_frequencies_of_their_distribution():
    wanted = np.array([0.0, 0.5, 0.0, 0.3, 0.2, 0.0])
    n = 20_000
    drawn = draw(torch.tensor(wanted, dtype=torch.float32).expand(n, -1), np.random.default_rng(0).random(n))
    counts = np.bincount(drawn, minlength=6)
    assert counts[wanted == 0].sum() == 0
    np.testing.assert_allclose(counts / n, wanted, atol=4 * np.sqrt(0.25 / n))


def test_a_draw_is_the_inverse_of_the_distribution():
    probabilities = rows([0.0, 0.25, 0.75, 0.0]).expand(5, -1)
    uniforms = np.array([0.0, 0.2499, 0.2501, 0.75, np.nextafter(1, 0)])
    assert draw(probabilities, uniforms).tolist() == [1, 1, 2, 2, 2]


def test_epsilon_falls_in_a_line_and_stays():
    schedule = {"initial": 1.0, "final": 0.1, "fraction": 0.5}
    found = [linear_epsilon(p, **schedule) for p in (0.0, 0.25, 0.5, 1.0)]
    assert found == pytest.approx([1.0, 0.55, 0.1, 0.1])
    assert linear_epsilon(0.0, initial=1.0, final=0.1, fraction=0.0) == 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "epsilon-greedy"}, "unknown exploration='epsilon-greedy'; there are epsilon_greedy"),
        ({"strategy": "sample", "temperature": 0.0}, "exploration_temperature=0.0"),
        ({"strategy": "sample", "top_k": -1}, "top_k=-1"),
        ({"strategy": "sample", "top_p": 0.0}, "top_p=0.0"),
    ],
)
def test_options_outside_their_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Exploration(**options)
