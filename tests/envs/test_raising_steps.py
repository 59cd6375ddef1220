"""A step that raises ends the episodes it was in; a reset begins whole ones."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import llm_envs  # noqa: F401
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_baselines.play.rollout import play_episodes
from llm_baselines.play.rows import make_rows
from llm_envs.envs.tiny import spelled
from llm_envs.rewards import RewardError
from llm_envs.simulators.booking.user import BookingUser
from llm_envs.wrappers.top_k import TopKActions

END, LETTER = 0, 5
MODES = list(AutoresetMode)


class Fragile:
    """The environment's own reward, which raises while `broken`."""

    def __init__(self):
        self.broken = False

    def __call__(self, episode):
        if self.broken:
            raise ZeroDivisionError("broken")
        return spelled(episode)


def made(mode, **kwargs):
    fragile = Fragile()
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode=mode, reward=fragile, **kwargs)
    return env, fragile


def played(env, seed, steps=24):
    """Everything that a fresh reset and some steps give."""
    rng = np.random.default_rng(3)
    shown = [env.reset(seed=seed)[0]]
    disabled = env.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    for _ in range(steps):
        observation, reward, terminated, _, _ = env.step(rng.integers(env.single_action_space.n, size=2))
        shown += [observation, reward, terminated]
        if disabled and terminated.any():
            shown.append(env.reset(options={"reset_mask": terminated})[0])
    return shown


def assert_recovers(env, other):
    for ours, fresh in zip(played(env, 7), played(other, 7), strict=True):
        np.testing.assert_array_equal(ours, fresh)


@pytest.mark.parametrize("timing", ["terminal", "dense", {"id": "shaped", "gamma": 0.9}])
@pytest.mark.parametrize("mode", MODES)
def test_rows_go_no_further_after_a_reward_that_raised(mode, timing):
    env, fragile = made(mode, reward_timing=timing)
    env.reset(seed=1)
    env.step(np.array([LETTER, LETTER]))
    fragile.broken = True
    with pytest.raises(RewardError, match="raised ZeroDivisionError"):
        env.step(np.array([END, LETTER]))
    for _ in range(2):
        with pytest.raises(ResetNeeded, match="reset"):
            env.step(np.array([END, LETTER]))
    fragile.broken = False
    with pytest.raises(ResetNeeded):  # it is not the reward that is asked first
        env.step(np.array([LETTER, LETTER]))
    assert_recovers(env, made(mode, reward_timing=timing)[0])


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.DISABLED])
def test_a_reset_of_one_row_leaves_the_other_over(mode):
    env, fragile = made(mode)
    env.reset(seed=1)
    fragile.broken = True
    with pytest.raises(RewardError):
        env.step(np.array([END, LETTER]))
    fragile.broken = False
    env.reset(options={"reset_mask": np.array([True, False])})
    assert env.unwrapped.over.tolist() == [False, True]
    with pytest.raises(ResetNeeded, match=r"rows \[1\] are over"):
        env.step(np.array([LETTER, LETTER]))
    env.reset(options={"reset_mask": np.array([False, True])})
    _, _, terminated, _, infos = env.step(np.array([END, LETTER]))
    assert terminated.tolist() == [True, False]
    outcome = infos.get("final_info", infos)["outcome"]
    assert outcome["action_ids"][0] == (END,)


def boom(*arguments, **options):
    raise OSError("broken")


@pytest.mark.parametrize(
    ("what", "vector"),
    [(what, vector) for what in ("metric", "decoding", "user") for vector in (False, True)]
    + [("autoreset", True)],
)
def test_whatever_raises_in_a_step_ends_the_episode(what, vector, monkeypatch):
    env_id = "Dialogue-v0" if what == "user" else "TextGen-Tiny-v0"
    kwargs = {"metrics": [lambda episode: boom()]} if what == "metric" else {}
    if vector:
        env = gym.make_vec(env_id, num_envs=2, autoreset_mode=AutoresetMode.SAME_STEP, **kwargs)
    else:
        env = gym.make(env_id, **kwargs)
    first, _ = env.reset(seed=3)
    if what == "decoding":
        monkeypatch.setattr(env.unwrapped.task.tokenizer, "decode", boom)
    elif what == "user":
        monkeypatch.setattr(BookingUser, "reply", boom)
    elif what == "autoreset":
        monkeypatch.setattr(env.unwrapped.task, "start", boom)
    end = np.array([END, END]) if vector else END
    with pytest.raises((OSError, RewardError), match="broken"):
        env.step(end)
    with pytest.raises(ResetNeeded):
        env.step(end)
    monkeypatch.undo()
    again, _ = env.reset(seed=3)
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("timing", ["terminal", "dense"])
def test_a_single_environment_needs_a_reset_too(timing):
    fragile = Fragile()
    env = gym.make("TextGen-Tiny-v0", reward=fragile, reward_timing=timing, render_mode="ansi")
    env.reset(seed=1)
    fragile.broken = True
    with pytest.raises(RewardError):
        env.step(END if timing == "terminal" else LETTER)
    with pytest.raises(ResetNeeded):
        env.step(LETTER)
    fragile.broken = False
    assert "ended by" not in env.render()  # no outcome that nobody was told of
    env.reset(seed=1, options={"example": 3})
    assert env.step(END)[4]["outcome"]["action_ids"] == (END,)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_gymnasiums_own_vector_environment_recovers_by_a_reset(mode):
    fragile = Fragile()
    make = lambda: gym.make("TextGen-Tiny-v0", reward=fragile)  # noqa: E731
    env = SyncVectorEnv([make, make], autoreset_mode=mode)
    env.reset(seed=1)
    fragile.broken = True
    with pytest.raises(RewardError):
        env.step(np.array([END, LETTER]))
    fragile.broken = False
    with pytest.raises(ResetNeeded):
        env.step(np.array([END, LETTER]))
    assert_recovers(env, made(mode)[0])


def uniform(observation):
    return np.full((len(observation), 8), -np.log(8), np.float32)


class FragileScorer(Fragile):
    def __call__(self, observation):
        if self.broken:
            raise OSError("broken")
        return uniform(observation)


@pytest.mark.parametrize("mode", [None, *MODES])
@pytest.mark.parametrize("what", ["reward", "scorer"])
def test_candidates_of_a_step_that_raised_are_not_acted_on(what, mode):
    fragile, scorer = Fragile(), FragileScorer()
    env = TopKActions(gym.make("TextGen-Tiny-v0", reward=fragile), scorer, k=8)
    actions = LETTER
    if mode is not None:
        inner = gym.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode=mode, reward=fragile)
        env, actions = env.vectorize(inner), np.array([LETTER, LETTER])
    env.reset(seed=1)
    env.step(actions)
    if what == "reward":
        fragile.broken, actions = True, actions * 0  # the first candidate is the end token
    else:
        scorer.broken = True
    with pytest.raises((RewardError, OSError), match="broken"):
        env.step(actions)
    fragile.broken = scorer.broken = False
    with pytest.raises(ResetNeeded):
        env.step(actions)
    if mode is not None:
        with pytest.raises(ResetNeeded, match="reset all rows"):
            env.reset(options={"reset_mask": np.array([True, False])})
    shown, _ = env.reset(seed=1)
    assert (shown["candidates"] >= 0).all()
    env.step(actions)


class EndsAtOnce:
    def act(self, observation, rng):
        return np.zeros(len(observation), np.int64), np.zeros(len(observation))

    def keep(self, rows):
        pass


def test_a_rollout_is_played_anew_after_a_reward_that_raised():
    fragile = Fragile()
    rows = make_rows(gym.make("TextGen-Tiny-v0", reward=fragile), 4)
    options = {"vocabulary_size": 8, "rng": np.random.default_rng(0)}
    fragile.broken = True
    with pytest.raises(RewardError):
        play_episodes(rows, EndsAtOnce(), seeds=[1, 2, 3, 4], examples=[0, 1, 2, 3], **options)
    fragile.broken = False
    again = play_episodes(rows, EndsAtOnce(), seeds=[5, 6], examples=[4, 5], **options)
    fresh = make_rows(gym.make("TextGen-Tiny-v0"), 4)
    expected = play_episodes(fresh, EndsAtOnce(), seeds=[5, 6], examples=[4, 5], **options)
    assert [t.tokens.tolist() for t in again] == [t.tokens.tolist() for t in expected]


def test_the_adapter_of_stable_baselines3_begins_anew():
    env, fragile = made(AutoresetMode.SAME_STEP)
    adapter = SB3TokenVecEnv(env)
    adapter.reset()
    fragile.broken = True
    with pytest.raises(RewardError):
        adapter.step(np.array([END, LETTER]))
    fragile.broken = False
    adapter.reset()
    _, _, _, infos = adapter.step(np.array([END, LETTER]))
    assert infos[0]["episode"]["l"] == 1
