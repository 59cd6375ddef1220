"""What other libraries do with an environment, beyond reset and step: each thing they probe, done here.

Stable-Baselines3 and Gymnasium are installed. What RLlib and TorchRL ask when they make an environment is
asked in their place: the kinds of what is returned, the pixels wrapper, the metadata.
"""

from __future__ import annotations

import copy
import sys
import types
import warnings
from unittest.mock import MagicMock

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import vector as vector_wrappers
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecCheckNan,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)

import llm_envs
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_envs.envs.picture import HEIGHT, WIDTH

TINY = "TextGen-Tiny-v0"
pytestmark = pytest.mark.filterwarnings("error:::gymnasium", "error:::stable_baselines3")


# Stable-Baselines3.


@pytest.mark.parametrize("env_id", llm_envs.list_envs())
def test_make_vec_env_of_every_id(env_id):
    envs = make_vec_env(env_id, n_envs=2, seed=1)
    observations = envs.reset()
    again = make_vec_env(env_id, n_envs=2, seed=1).reset()
    np.testing.assert_array_equal(observations, again)
    _, rewards, dones, infos = envs.step(np.array([2, 3]))
    assert rewards.shape == dones.shape == (2,)
    assert len(infos) == 2
    assert envs.render_mode == "rgb_array"
    assert envs.render().shape == (2 * HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("env_id", llm_envs.list_envs())
def test_dqn_by_id_alone(env_id):
    model = DQN("MlpPolicy", f"llm_envs:{env_id}", buffer_size=20, learning_starts=3, batch_size=2)
    model.learn(8)
    action, _ = model.predict(model.get_env().reset(), deterministic=True)
    assert model.action_space.contains(action[0])


@pytest.mark.parametrize("algorithm", [PPO, A2C])
def test_on_policy_learners_and_their_evaluation(algorithm):
    options = {"batch_size": 8} if algorithm is PPO else {}
    model = algorithm("MlpPolicy", TINY, n_steps=8, device="cpu", **options).learn(16)
    for env in (model.get_env(), Monitor(gym.make(TINY)), make_vec_env(TINY, n_envs=2)):
        rewards, lengths = evaluate_policy(model, env, 3, return_episode_rewards=True)
        assert len(rewards) == 3
        assert all(1 <= length <= 5 for length in lengths)


def test_vec_env_methods_reach_the_environments(tmp_path):
    envs = make_vec_env(TINY, n_envs=2, monitor_dir=str(tmp_path))
    assert envs.get_attr("tokenizer")[0] is envs.get_attr("tokenizer")[1]
    assert envs.env_is_wrapped(Monitor) == [True, True]
    assert not envs.has_attr("action_masks")  # sb3-contrib: no action is ever forbidden
    envs.set_options({"example": 3})
    envs.seed(4)
    first = envs.reset()
    np.testing.assert_array_equal(first[0], first[1])
    assert [info["example"] for info in envs.reset_infos] == [3, 3]
    (observation, info), _ = envs.env_method("reset", seed=5, options={"example": 7})
    assert info["example"] == 7
    assert observation.dtype == np.int32
    infos = [envs.step(np.zeros(2, int))[3] for _ in range(2)][-1]
    assert {"episode", "outcome", "terminal_observation"} <= set(infos[0])


def test_masks_of_ones_own_are_found():
    class Masked(gym.Wrapper):
        def action_masks(self):
            return np.arange(self.action_space.n) > 1

    envs = make_vec_env(TINY, n_envs=2, wrapper_class=Masked)
    assert envs.has_attr("action_masks")
    assert envs.env_method("action_masks")[0].tolist() == [False, False, *[True] * 6]


def test_an_environment_in_a_process_of_its_own():
    envs = make_vec_env(f"llm_envs:{TINY}", seed=3, vec_env_cls=SubprocVecEnv)
    here = make_vec_env(TINY, seed=3)
    try:
        np.testing.assert_array_equal(envs.reset(), here.reset())
        np.testing.assert_array_equal(envs.step(np.array([2]))[0], here.step(np.array([2]))[0])
        np.testing.assert_array_equal(envs.render(), here.render())
    finally:
        envs.close()


@pytest.mark.parametrize(
    "wrap",
    [lambda v: VecFrameStack(v, 3), VecCheckNan, VecNormalize, lambda v: VecNormalize(v, norm_obs=False)],
)
def test_vec_wrappers(wrap):
    envs = wrap(make_vec_env(TINY, n_envs=2))
    for observation in (envs.reset(), *(envs.step(np.array([2, 0]))[0] for _ in range(6))):
        assert observation.shape == (2, *envs.observation_space.shape)
    PPO("MlpPolicy", envs, n_steps=4, batch_size=4, device="cpu").learn(8)


def test_vec_monitor_counts_episodes():
    envs = VecMonitor(DummyVecEnv([lambda: gym.make(TINY)] * 2))
    envs.reset()
    infos = envs.step(np.zeros(2, int))[3]
    assert infos[0]["episode"]["l"] == 1


def test_our_vec_env_gives_pictures_where_it_has_them():
    env = gym.make(TINY)
    for mode, shape in (("rgb_array", (2 * HEIGHT, WIDTH, 3)), (None, None)):
        changes = {"render_mode": mode} if mode else {}
        envs = SB3TokenVecEnv(llm_envs.vectorize(env, 2, autoreset_mode="SameStep", **changes))
        envs.reset()
        if shape:
            assert envs.render().shape == shape
        else:
            assert envs.get_images() == [None, None]


# Gymnasium.

WRAPPERS = {
    "episode statistics": wrappers.RecordEpisodeStatistics,
    "time limit": lambda env: wrappers.TimeLimit(env, 3),
    "time aware": lambda env: wrappers.TimeAwareObservation(wrappers.TimeLimit(env, 9)),
    "flatten": wrappers.FlattenObservation,
    "dtype": lambda env: wrappers.DtypeObservation(env, np.int64),
    "frame stack": lambda env: wrappers.FrameStackObservation(env, 2),
    "reshape": lambda env: wrappers.ReshapeObservation(env, (3, 3)),
    "normalize observation": wrappers.NormalizeObservation,
    "delay": lambda env: wrappers.DelayObservation(env, 1),
    "skip": lambda env: wrappers.MaxAndSkipObservation(env, 2),
    "transform reward": lambda env: wrappers.TransformReward(env, lambda reward: 2 * reward),
    "normalize reward": wrappers.NormalizeReward,
    "clip reward": lambda env: wrappers.ClipReward(env, 0, 1),
    "sticky action": lambda env: wrappers.StickyAction(env, 0.2),
    "order enforcing": wrappers.OrderEnforcing,
    "passive checker": wrappers.PassiveEnvChecker,
    "autoreset": wrappers.Autoreset,
    "pixels (TorchRL's from_pixels)": wrappers.AddRenderObservation,
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers(name):
    env = WRAPPERS[name](gym.make(TINY, render_mode="rgb_array"))
    env.action_space.seed(0)
    observation, info = env.reset(seed=1, options={"example": 2})
    assert info["example"] == 2
    for _ in range(8):
        assert env.observation_space.contains(observation)
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if (terminated or truncated) and name != "autoreset":
            observation, _ = env.reset()
    copied = copy.deepcopy(env)
    assert copied.unwrapped.task is env.unwrapped.task
    assert env.render().shape == (HEIGHT, WIDTH, 3)
    env.close()
    env.close()


@pytest.mark.parametrize("wrap", [vector_wrappers.RecordEpisodeStatistics, vector_wrappers.DictInfoToList])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_vector_wrappers(wrap, mode):
    envs = wrap(gym.make_vec(TINY, num_envs=2, autoreset_mode=mode))
    envs.reset(seed=1)
    *_, infos = envs.step(np.array([0, 2]))
    if wrap is vector_wrappers.DictInfoToList:
        ended = infos[0] if mode == "NextStep" else infos[0]["final_info"]
        assert ended["outcome"]["finish_reason"] == "stop"
        assert infos[1] == {}
    else:
        assert infos["episode"]["l"][0] == 1


@pytest.mark.parametrize("mode", ["sync", "async", "vector_entry_point"])
def test_every_way_to_make_a_vector_environment(mode):
    envs = gym.make_vec(f"llm_envs:{TINY}", 2, vectorization_mode=mode, render_mode="rgb_array", split="test")
    again = gym.make_vec(EnvSpec.from_json(envs.spec.to_json()))
    native = gym.make_vec(TINY, 2, split="test")
    try:
        first = native.reset(seed=3)[0]
        for made in (envs, again):
            np.testing.assert_array_equal(made.reset(seed=3)[0], first)
            assert {frame.shape for frame in made.render()} == {(HEIGHT, WIDTH, 3)}
    finally:
        envs.close()
        again.close()


@pytest.mark.parametrize("mode", ["rgb_array_list", "ansi_list"])
def test_frames_are_collected(mode):
    env = gym.make(TINY, render_mode=mode)
    env.reset(seed=0)
    env.step(2)
    assert len(env.render()) == 2


def test_record_video_gets_frames_of_one_size(monkeypatch, tmp_path):
    recorded = []

    class Clip:
        def __init__(self, frames, fps):
            recorded.append((frames, fps))

        def write_videofile(self, path, logger=None):
            pass

    clip = types.SimpleNamespace(ImageSequenceClip=Clip)
    for name in ("moviepy", "moviepy.video", "moviepy.video.io"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "moviepy.video.io.ImageSequenceClip", clip)
    env = wrappers.RecordVideo(gym.make(TINY, render_mode="rgb_array"), str(tmp_path / "videos"))
    env.reset(seed=0)
    for action in (2, 3, 0):
        env.step(action)
    env.close()
    ((frames, fps),) = recorded
    assert fps == env.metadata["render_fps"]
    assert [frame.shape for frame in frames] == [(HEIGHT, WIDTH, 3)] * 4


def test_human_rendering_opens_a_window_of_that_size(monkeypatch):
    pygame = MagicMock()
    monkeypatch.setitem(sys.modules, "pygame", pygame)
    env = wrappers.HumanRendering(gym.make(TINY, render_mode="rgb_array"))
    env.reset(seed=0)
    env.step(2)
    pygame.display.set_mode.assert_called_once_with((WIDTH, HEIGHT))
    pygame.time.Clock().tick.assert_called_with(env.metadata["render_fps"])


# What RLlib and TorchRL check of what is returned.


@pytest.mark.parametrize("env_id", llm_envs.list_envs())
def test_values_are_of_the_kinds_that_others_check_for(env_id):
    env = gym.make(f"llm_envs:{env_id}", **{"split": "train"})  # as RLlib's creator does with env_config
    observation, info = env.reset(seed=None, options={})
    assert env.observation_space.contains(observation)
    assert env.observation_space.dtype == observation.dtype == np.int32
    assert np.isfinite(env.observation_space.low).all()
    assert env.action_space.contains(np.int64(env.action_space.n - 1))
    assert env.metadata["render_fps"] > 0
    assert getattr(env, "reward_range", None) is None
    for action in (np.int64(2), np.array(3), 2, env.unwrapped.tokenizer.end_token_ids[0]):
        observation, reward, terminated, truncated, info = env.step(action)
        assert env.observation_space.contains(observation)
        assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)
        assert all(isinstance(key, str) for key in info)
        if terminated:
            break


def test_what_is_not_there_raises_what_others_expect():
    env, envs = gym.make(TINY), gym.make_vec(TINY, 2)
    assert not env.has_wrapper_attr("action_masks")
    with pytest.raises(AttributeError):
        env.get_wrapper_attr("action_masks")
    with pytest.raises(AttributeError):
        envs.call("action_masks")
    with pytest.raises(TypeError, match="did you mean 'dataset'"):
        gym.make(TINY, datset="x")
    with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'"):  # TorchRL then drops it
        gym.make(TINY, frameskip=1)
    with pytest.raises(gym.error.NameNotFound):
        gym.make("TextGen-Tny-v0")
    with warnings.catch_warnings(), pytest.raises(gym.error.ResetNeeded):
        env.step(0)
