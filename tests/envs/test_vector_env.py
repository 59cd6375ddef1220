"""The native vector environment against Gymnasium's loop over single ones."""

from __future__ import annotations

import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from packaging.version import Version

import llm_envs
from llm_envs import WAIT
from llm_envs.envs.vector_env import TokenVectorEnv

ROWS = 5
IDS = ["TextGen-Tiny-v0", "TextGen-v0", "Translation-v0", "Dialogue-v0", "Dialogue-Chat-v0"]


def assert_infos_equal(ours, theirs, path="info"):
    assert set(ours) == set(theirs), path
    for key, value in theirs.items():
        if isinstance(value, dict):
            assert_infos_equal(ours[key], value, f"{path}/{key}")
        elif value.dtype == object:
            for a, b in zip(ours[key], value, strict=True):
                np.testing.assert_array_equal(a, b, err_msg=f"{path}/{key}")
        else:
            assert ours[key].dtype == value.dtype, f"{path}/{key}"
            np.testing.assert_array_equal(ours[key], value, err_msg=f"{path}/{key}")


def pair(env_id, mode, **kwargs):
    native = gym.make_vec(env_id, num_envs=ROWS, autoreset_mode=mode, **kwargs)
    assert isinstance(native.unwrapped, TokenVectorEnv)
    loop = SyncVectorEnv([lambda: gym.make(env_id, **kwargs) for _ in range(ROWS)], autoreset_mode=mode)
    return native, loop


def actions_for(env, step, end_share=0.15):
    rng = np.random.default_rng([11, step])
    actions = rng.integers(env.single_action_space.n, size=ROWS)
    ends = rng.random(ROWS) < end_share
    actions[ends] = env.get_attr("tokenizer")[0].end_token_ids[0]
    return actions


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("env_id", IDS)
def test_equal_to_single_environments(env_id, mode):
    native, loop = pair(env_id, mode, metrics="default")
    ours, theirs = native.reset(seed=42), loop.reset(seed=42)
    np.testing.assert_array_equal(ours[0], theirs[0])
    assert_infos_equal(ours[1], theirs[1])
    for step in range(120):
        actions = actions_for(native, step)
        ours, theirs = native.step(actions), loop.step(actions)
        for a, b in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
        assert_infos_equal(ours[4], theirs[4])
        if mode is AutoresetMode.DISABLED and ours[2].any():
            ours = native.reset(options={"reset_mask": ours[2]})
            theirs = loop.reset(options={"reset_mask": theirs[2]})
            np.testing.assert_array_equal(ours[0], theirs[0])
            assert_infos_equal(ours[1], theirs[1])


def growing(episode):
    """A score that every token changes, and the end."""
    return float(len(episode.action_ids) ** 2 + 5 * (episode.finish_reason is not None))


@pytest.mark.parametrize("reward", ["default", growing])
@pytest.mark.parametrize("timing", ["dense", {"id": "shaped", "gamma": 0.9}])
@pytest.mark.parametrize("env_id", ["TextGen-v0", "Dialogue-v0"])
def test_prefix_rewards_equal_single_environments(env_id, timing, reward):
    native, loop = pair(env_id, AutoresetMode.SAME_STEP, reward_timing=timing, reward=reward)
    native.reset(seed=1)
    loop.reset(seed=1)
    is_end = native.unwrapped.task.is_end
    paid, ends_of_turns, ends_of_episodes = [], [], []
    for step in range(80):
        actions = actions_for(native, step)
        _, rewards, terminated, *_ = native.step(actions)
        np.testing.assert_array_equal(rewards, loop.step(actions)[1])
        paid += rewards.tolist()
        ends_of_turns += rewards[is_end[actions] & ~terminated].tolist()
        ends_of_episodes += rewards[terminated].tolist()
    if reward is growing:
        assert all(paid), "what is compared is not zero"
        assert len(ends_of_episodes) >= ROWS
        assert len(ends_of_turns) >= ROWS or env_id == "TextGen-v0"


def test_metadata_names_the_autoreset_mode():
    for mode in AutoresetMode:
        env = gym.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode=mode)
        assert env.metadata["autoreset_mode"] is mode


@pytest.mark.skipif(
    Version(gym.__version__) < Version("1.4"),
    reason="DictInfoToList could not read what RecordEpisodeStatistics writes",
)
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_gymnasium_wrappers_run_over_it(mode):
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=4, autoreset_mode=mode)
    env = DictInfoToList(RecordEpisodeStatistics(env))
    env.reset(seed=0)
    env.action_space.seed(0)
    lengths = []
    for _ in range(30):
        *_, infos = env.step(env.action_space.sample())
        lengths += [info["episode"]["l"] for info in infos if "episode" in info]
    assert len(lengths) > 4
    assert all(1 <= length <= 5 for length in lengths)


def test_a_pickled_vector_environment_goes_on_where_it_was():
    for env_id in ("TextGen-Tiny-v0", "Dialogue-v0"):
        env = gym.make_vec(env_id, num_envs=3, autoreset_mode="SameStep")
        env.reset(seed=0)
        env.step(np.array([2, 3, 4]))
        copy = pickle.loads(pickle.dumps(env))
        for step in range(30):
            actions = np.random.default_rng(step).integers(env.single_action_space.n, size=3)
            ours, theirs = env.step(actions), copy.step(actions)
            for a, b in zip(ours[:4], theirs[:4], strict=True):
                np.testing.assert_array_equal(a, b)


def test_observations_given_out_do_not_change():
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    first, _ = env.reset(seed=0)
    kept = first.copy()
    second, *_ = env.step(np.array([2, 3]))
    np.testing.assert_array_equal(first, kept)
    second[:] = 0
    third, *_ = env.step(np.array([2, 3]))
    assert (third != 0).any()


def test_examples_can_be_chosen_per_row():
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=3)
    _, infos = env.reset(seed=0, options={"example": [4, 1, 2]})
    assert infos["example"].tolist() == [4, 1, 2]
    _, infos = env.reset(seed=0, options={"example": 3})
    assert infos["example"].tolist() == [3, 3, 3]


def test_a_seed_is_an_integer_of_any_kind():
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=3)
    wanted, _ = env.reset(seed=5)
    np.testing.assert_array_equal(env.reset(seed=np.int64(5))[0], wanted)
    np.testing.assert_array_equal(env.reset(seed=[5, 6, 7])[0], wanted)


def test_stepping_a_finished_row_is_an_error_when_autoreset_is_disabled():
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode="Disabled")
    env.reset(seed=0)
    env.step(np.array([0, 3]))
    with pytest.raises(ResetNeeded, match=r"rows \[0\] are over.*reset_mask.*WAIT \(-1\)"):
        env.step(np.array([2, 2]))


@pytest.mark.parametrize("timing", ["terminal", "dense"])
@pytest.mark.parametrize("env_id", ["TextGen-Tiny-v0", "Translation-v0", "Dialogue-v0"])
def test_waiting_rows_leave_the_other_rows_equal_to_single_environments(env_id, timing):
    reward = "default" if timing == "terminal" else growing
    kwargs = {"reward_timing": timing, "metrics": "default", "reward": reward}
    env = gym.make_vec(env_id, num_envs=ROWS, autoreset_mode="Disabled", **kwargs)
    singles = [gym.make(env_id, **kwargs) for _ in range(ROWS)]
    for wave in range(3):
        seeds = [100 * wave + row for row in range(ROWS)]
        observations, _ = env.reset(seed=seeds)
        for single, seed in zip(singles, seeds, strict=True):
            single.reset(seed=seed)
        over = np.zeros(ROWS, dtype=bool)
        for step in range(1000):
            actions = np.where(over, WAIT, actions_for(env, 1000 * wave + step))
            before = observations
            observations, rewards, terminated, truncated, infos = env.step(actions)
            assert not truncated.any()
            np.testing.assert_array_equal(observations[over], before[over])
            assert not rewards[over].any()
            assert not terminated[over].any()
            assert not infos or not infos["_outcome"][over].any()
            for row in np.flatnonzero(~over).tolist():
                observation, reward, ended, _, info = singles[row].step(int(actions[row]))
                np.testing.assert_array_equal(observations[row], observation)
                assert (rewards[row], terminated[row]) == (reward, ended)
                if ended:
                    assert infos["outcome"]["text"][row] == info["outcome"]["text"]
                    assert infos["outcome"]["reward"][row] == info["outcome"]["reward"]
            over |= terminated
            if over.all():
                break
        assert over.all()


def test_waiting_is_an_error_where_nothing_waits():
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode="Disabled")
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.step(np.array([WAIT, WAIT]))
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=r"action -1 of row 1 .* only a row that is over may WAIT"):
        env.step(np.array([2, WAIT]))
    env.step(np.array([0, 3]))
    with pytest.raises(InvalidAction, match="action -2 of row 0"):
        env.step(np.array([-2, 3]))
    with pytest.raises(InvalidAction, match="action -1 of row 1"):
        env.step(np.array([WAIT, WAIT]))
    env.step(np.array([WAIT, 0]))
    with pytest.raises(ResetNeeded, match="every row is over and waits"):
        env.step(np.array([WAIT, WAIT]))
    env.reset(options={"reset_mask": np.array([True, False])})
    env.step(np.array([3, WAIT]))


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_no_row_waits_where_rows_reset_themselves(mode):
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode=mode)
    env.reset(seed=0)
    env.step(np.array([0, 3]))
    with pytest.raises(InvalidAction, match=r"action -1 of row 0 is outside the vocabulary, 0 to 7$"):
        env.step(np.array([WAIT, 3]))


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("wrong", [3, 99_999])
def test_after_a_reset_that_raised_no_row_steps(mode, wrong, monkeypatch):
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=3, autoreset_mode=mode)
    start = env.task.start
    monkeypatch.setattr(env.task, "start", lambda index: start({3: -1_000}.get(index, index)))
    env.reset(seed=0)
    env.step(np.array([5, 5, 5]))
    with pytest.raises(IndexError):
        env.reset(options={"example": [0, wrong, 1]})
    assert env.over.all()
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.step(np.array([5, 5, 5]))
    first, _ = env.reset(options={"example": [0, 1, 2]})
    np.testing.assert_array_equal(env.step(np.array([5, 5, 5]))[0][:, :4], first[:, :4])


def test_rows_outside_the_mask_of_a_reset_that_raised_go_on_after_another():
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=3, autoreset_mode="Disabled")
    env.reset(seed=0)
    env.step(np.array([0, 0, 3]))
    with pytest.raises(IndexError):
        env.reset(options={"reset_mask": np.array([True, True, False]), "example": [0, 99_999, 0]})
    assert env.over.tolist() == [True, True, False]
    env.reset(options={"reset_mask": np.array([True, False, False])})
    observations, *_ = env.step(np.array([5, WAIT, 4]))
    assert observations[0, 4:6].tolist() == [5, -1]
    assert observations[2, 4:7].tolist() == [3, 4, -1]


def test_an_autoreset_that_raises_leaves_no_row_to_step_on(monkeypatch):
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode="SameStep")
    env.reset(seed=0)
    with monkeypatch.context() as broken:
        broken.setattr(env.task, "start", lambda index: env.task.examples[-1_000])
        with pytest.raises(IndexError):
            env.step(np.array([0, 3]))
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.step(np.array([2, 2]))


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.array([1, 8]), "action 8 of row 1 is outside the vocabulary, 0 to 7"),
        (np.array([-1, 2]), "action -1 of row 0"),
        (np.array([1.0, 2.0]), "integers"),
        (np.array([1, 2, 3]), r"shape \(2,\)"),
    ],
)
def test_bad_actions_are_named(actions, message):
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=message):
        env.step(actions)


def test_step_before_reset_is_an_error():
    with pytest.raises(ResetNeeded):
        gym.make_vec("TextGen-Tiny-v0", num_envs=2).step(np.array([1, 1]))


def test_bad_reset_masks_are_named():
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=2, autoreset_mode="Disabled")
    env.reset(seed=0)
    for mask in ([True, False], np.array([1, 0]), np.zeros(2, dtype=bool)):
        with pytest.raises(ValueError, match="reset_mask"):
            env.reset(options={"reset_mask": mask})


def test_vectorize_keeps_the_arguments():
    env = gym.make("Translation-v0", max_new_tokens=7, split="validation")
    rows = llm_envs.vectorize(env, 3, autoreset_mode="SameStep")
    assert rows.unwrapped.task.max_new_tokens == 7
    assert rows.unwrapped.task.split == "validation"
    assert llm_envs.vectorize(env, 2, split="test").unwrapped.task.split == "test"


def test_texts_that_end_together_are_scored_in_one_batch():
    calls = []

    class Counting:
        def __call__(self, episode):
            return 0.0

        def score_batch(self, episodes):
            calls.append(len(episodes))
            return [0.0] * len(episodes)

    env = gym.make_vec("TextGen-Tiny-v0", num_envs=6, reward=Counting())
    env.reset(seed=0)
    env.step(np.zeros(6, dtype=int))
    assert calls == [6]
