"""A training says once, in words, that its reward goes wrong; healthy trainings hear nothing."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from made_up_outcomes import evaluation, outcome

from llm_baselines.storage.sealed_folder import AgentFolderError
from llm_baselines.training.reward_statistics import PlayedRound, collapsed_share, component_statistics
from llm_baselines.training.reward_warnings import RewardWarning, RewardWarnings

ROUNDS = 12


def told(rounds, *, evaluations=(), watch=None, can_scale=True):
    """Shows rounds, and (result, reward, error) of evaluations, to a watch; returns its warnings as texts."""
    watch = RewardWarnings(can_scale=can_scale) if watch is None else watch
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        for played in rounds:
            statistics = component_statistics(played.outcomes, played.weights)
            watch.played(played, statistics, collapsed_share(played.scores, played.groups))
        for each in evaluations:
            watch.evaluated(*each)
    assert all(issubclass(one.category, RewardWarning) for one in given)
    return [str(one.message) for one in given]


def round_of(outcomes, weights=None, groups=None):
    lengths = [len(one.action_ids) for one in outcomes]
    return PlayedRound([one.reward for one in outcomes], lengths, outcomes, weights, groups)


def rounds_with(scale, *, other=1.0, count=ROUNDS):
    rng = np.random.default_rng(0)
    return [
        round_of(
            [outcome(bleu=float(a), length=float(b)) for a, b in rng.random((64, 2)) * (other, scale)],
            {"bleu": 1.0, "length": 1.0},
        )
        for _ in range(count)
    ]


def test_a_component_of_a_thousand_times_the_scale_is_named_once_with_the_way_out():
    [text] = told(rounds_with(1000.0))
    assert "'length' swamps the others" in text
    assert "99.9%" in text
    assert "'bleu' hardly counts" in text
    assert "component_scaling='normalize'" in text
    assert "multiply its weight by about 0.001" in text


def test_a_learner_without_the_option_does_not_hear_of_it():
    [text] = told(rounds_with(1000.0), can_scale=False)
    assert "component_scaling" not in text


@pytest.mark.parametrize(("scale", "other"), [(1.0, 1.0), (10.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_components_of_like_scale_and_constant_ones_are_healthy(scale, other):
    texts = told(rounds_with(scale, other=other))
    assert not [text for text in texts if "swamps" in text]


def test_a_component_that_swamps_for_a_few_rounds_only_is_healthy():
    assert not told([*rounds_with(1000.0, count=4), *rounds_with(1.0), *rounds_with(1000.0, count=4)])


def lengthy(words, reference="one two three four", count=ROUNDS):
    rng = np.random.default_rng(1)
    outcomes = [
        outcome(
            " ".join(["word"] * words), references=(reference,) if reference else (), r=float(rng.random())
        )
        for _ in range(64)
    ]
    return [round_of(outcomes, {"r": 1.0})] * count


def test_texts_that_grow_beyond_their_references_drift():
    [text] = told([*lengthy(4, count=3), *lengthy(20)])
    assert "times longer than their references are" in text
    assert "'length_penalty' with a negative weight" in text


def test_texts_that_shrink_drift():
    [text] = told([*lengthy(4, count=3), *lengthy(1)])
    assert "times shorter than their references are" in text
    assert "'length_target'" in text


def test_without_references_a_length_is_compared_with_the_start():
    [text] = told([*lengthy(4, "", count=3), *lengthy(12, "")])
    assert "longer than at the start" in text


def test_texts_that_come_nearer_to_their_references_do_not_drift():
    assert not told([*lengthy(40, count=3), *lengthy(20), *lengthy(12), *lengthy(4)])
    assert not told([*lengthy(5, "", count=3), *lengthy(8, "")])


def grouped(equal, groups=16):
    rng = np.random.default_rng(2)
    rounds = []
    for _ in range(ROUNDS):
        scores = rng.random((groups, 4))
        scores[:equal] = 0.5
        outcomes = [outcome(r=float(score)) for score in scores.ravel()]
        rounds.append(round_of(outcomes, {"r": 1.0}, np.repeat(np.arange(groups), 4).tolist()))
    return rounds


def test_groups_that_score_the_same_are_named():
    [text] = told(grouped(equal=14))
    assert "in 88% of the groups of texts all texts score the same" in text
    assert "llm-envs rewards audit" in text


def test_some_equal_groups_are_healthy():
    assert not told(grouped(equal=8))


def test_groups_that_are_equal_because_they_have_learned_are_healthy():
    best = [round_of([outcome(r=2.0)] * 64, {"r": 1.0}, np.repeat(np.arange(16), 4).tolist())]
    assert not told([*grouped(equal=0), *best * ROUNDS])


def test_a_learner_without_groups_hears_of_rounds_that_score_the_same():
    constant = [round_of([outcome(r=1.0)] * 64, {"r": 1.0})] * ROUNDS
    [text] = told(constant)
    assert "100% of the rounds" in text
    assert collapsed_share([1.0], None) is None


NOISE = np.random.default_rng(3).normal(0, 0.02, (8, 60))


def curve(chrf, rewards, noise=NOISE):
    """Evaluations whose chrF and training reward have these means."""
    return [
        (evaluation([0.5] * 60, chrf=(mean + noise[i]).tolist()), reward, 0.01)
        for i, (mean, reward) in enumerate(zip(chrf, rewards, strict=True))
    ]


def test_a_reward_that_rises_while_a_held_out_metric_falls_is_named_once():
    [text] = told([], evaluations=curve([0.5, 0.6, 0.4, 0.3, 0.2], [1.0, 1.1, 1.4, 1.6, 1.8]))
    assert "the reward rises (from 1 to 1.6) while chrf on validation falls (from 0.599 to 0.298)" in text
    assert "llm-envs rewards audit" in text


def test_a_reward_that_has_risen_and_stays_up_while_a_metric_falls_is_named():
    [text] = told([], evaluations=curve([0.5, 0.7, 0.6, 0.4, 0.3], [1.0, 1.8, 1.8, 1.79, 1.8]))
    assert "while chrf on validation falls (from 0.699" in text


@pytest.mark.parametrize(
    ("chrf", "rewards"),
    [
        ([0.5, 0.7, 0.6, 0.4, 0.3], [1.0, 1.8, 1.5, 1.3, 1.2]),  # the reward falls with it
        ([0.2, 0.3, 0.4, 0.5, 0.6], [1.0, 1.1, 1.4, 1.6, 1.8]),  # both rise
        ([0.6, 0.5, 0.4, 0.3, 0.2], [1.8, 1.6, 1.4, 1.2, 1.0]),  # both fall
        ([0.5, 0.501, 0.5, 0.499, 0.5], [1.0, 1.1, 1.4, 1.6, 1.8]),  # noise
        ([0.5, 0.6, 0.4, 0.6, 0.4], [1.0, 1.1, 1.4, 1.6, 1.8]),  # once at a time
    ],
)
def test_other_curves_are_healthy(chrf, rewards):
    assert not told([], evaluations=curve(chrf, rewards))


def test_a_penalty_that_rises_is_a_fall_and_variety_may_fall():
    up, down = np.linspace(0.1, 0.9, 5), np.linspace(0.9, 0.1, 5)

    def evaluations(name, means):
        return [
            (evaluation([0.5] * 60, **{name: (m + NOISE[i]).tolist()}), 1.0 + i, 0.01)
            for i, m in enumerate(means)
        ]

    [text] = told([], evaluations=evaluations("repetition", up))
    assert "repetition on validation falls" in text
    assert not told([], evaluations=evaluations("repetition", down))
    assert not told([], evaluations=evaluations("distinct", down))


def test_a_resumed_watch_goes_on_where_it_stopped():
    first, second = RewardWarnings(can_scale=True), RewardWarnings(can_scale=True)
    assert not told(rounds_with(1000.0, count=4), watch=first)
    second.restore(json.loads(json.dumps(first.state())))
    assert len(told(rounds_with(1000.0, count=1), watch=second)) == 1
    third = RewardWarnings(can_scale=True)
    third.restore(json.loads(json.dumps(second.state())))
    assert not told(rounds_with(1000.0), watch=third)  # it has been said


@pytest.mark.parametrize("name", ["given", "streaks", "start_lengths", "first_reward", "bests"])
def test_a_damaged_state_is_named(name):
    watch = RewardWarnings(can_scale=True)
    told(rounds_with(1.0), evaluations=curve([0.5], [1.0]), watch=watch)
    for damage in ({"given": 3, "streaks": "x"}.get(name, {"x": "y"}), object()):
        with pytest.raises(AgentFolderError, match="reward_watch is damaged"):
            RewardWarnings(can_scale=True).restore({**watch.state(), name: damage})
