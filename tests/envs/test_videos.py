"""Gymnasium's RecordVideo films an episode, where moviepy is installed (the extra `video`)."""

from __future__ import annotations

import gymnasium as gym
import pytest
from gymnasium.wrappers import RecordVideo

import llm_envs  # noqa: F401  registers the ids

pytest.importorskip("moviepy")


def test_an_episode_is_filmed_frame_by_frame(tmp_path):
    env = gym.make("TextGen-Tiny-v0", render_mode="rgb_array")
    filmed = RecordVideo(env, str(tmp_path), episode_trigger=lambda episode: True, name_prefix="text")
    filmed.reset(seed=0)
    terminated, steps = False, 0
    while not terminated:
        _, _, terminated, _, _ = filmed.step(2)
        steps += 1
    filmed.close()
    (video,) = tmp_path.iterdir()
    assert video.name == "text-episode-0.mp4"
    assert video.read_bytes()[4:8] == b"ftyp"
    from moviepy import VideoFileClip

    with VideoFileClip(str(video)) as clip:
        assert tuple(clip.size) == (640, 480)
        assert clip.n_frames == steps + 1
