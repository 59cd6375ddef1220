"""What is called with one Episode is a reward; what cannot be is refused when it is made."""

from __future__ import annotations

from functools import partial

import pytest

from llm_envs.episode import Episode, Example
from llm_envs.rewards import make_reward

EPISODE = Episode(Example("to the sea"), "a sea", (1, 2, 0), "stop")


def trl_with_prompts(prompts, completions, **kwargs):
    return [float(len(text)) for text in completions]


def trl(completions, **kwargs):
    return [float(len(text)) for text in completions]


def trl_by_name(*, prompts, completions, completion_ids=None):
    return [float(len(text)) for text in completions]


class TrlObject:
    def __call__(self, prompts, completions, **kwargs):
        return [1.0 for _ in completions]


@pytest.mark.parametrize("reward", [trl_with_prompts, trl, trl_by_name, TrlObject(), TrlObject])
def test_a_reward_function_of_trl_is_refused_and_told_how_to_adapt_it(reward):
    with pytest.raises(
        ValueError, match=r"looks like a reward function of TRL.*completions=\[episode.text\]"
    ):
        make_reward(reward)


def test_the_adapted_function_works():
    def adapted(episode):
        return trl_with_prompts(prompts=[episode.source], completions=[episode.text])[0]

    assert make_reward(adapted)(EPISODE) == 5.0


def two(episode, other):
    return 1.0


def two_positional(episode, other, /):
    return 1.0


def none_at_all():
    return 1.0


def only_named(*, episode):
    return 1.0


async def waits(episode):
    return 1.0


def yields(episode):
    yield 1.0


class Uncallable:
    pass


class CallsTwo:
    def __call__(self, episode, other):
        return 1.0


class Waits:
    async def __call__(self, episode):
        return 1.0


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        (two, "needs the option 'other'; it is called with an Episode"),
        (
            two_positional,
            r"called with one argument, an Episode, and two_positional\(.*needs 'other' besides",
        ),
        (none_at_all, "takes no positional argument"),
        (only_named, "takes no positional argument"),
        (waits, "async function"),
        (yields, "yields values"),
        (Uncallable, "cannot be called with an episode"),
        (CallsTwo, "needs 'other' besides"),
        (CallsTwo(), "needs the option 'other'"),
        (Waits, "async function"),
        (Waits(), "async function"),
        ("not a reward", "unknown reward 'not a reward'"),
        (7, "cannot make a reward from 7"),
        (None, "cannot make a reward from None"),
    ],
)
def test_what_cannot_be_called_with_one_episode_is_refused_when_made(reward, said):
    with pytest.raises(ValueError, match=said):
        make_reward(reward)


class Scorer:
    def __call__(self, episode):
        return 1.0

    def method(self, episode, bonus=0.0):
        return 1.0 + bonus


@pytest.mark.parametrize(
    "reward",
    [
        Scorer(),
        Scorer,
        Scorer().method,
        partial(two, other=1),
        {"id": two, "other": 1},
        lambda *episodes: 1.0,
        lambda episode, **options: 1.0,
        lambda episode, prompts=(): 1.0,
    ],
)
def test_other_callables_stay_rewards(reward):
    assert make_reward(reward)(EPISODE) == 1.0
