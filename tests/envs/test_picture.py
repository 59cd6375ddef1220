"""render_mode="rgb_array": what the picture shows, that it always fits, and what it needs."""

from __future__ import annotations

import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

import llm_envs
from llm_envs.envs.picture import FONT, HEIGHT, WIDTH, Paragraph, draw
from llm_envs.tokenizers import WordTokenizer

HIGHLIGHT = (255, 224, 102)


def highlighted(picture):
    return np.argwhere((picture == HIGHLIGHT).all(axis=2))


@pytest.mark.parametrize("env_id", llm_envs.list_envs())
def test_every_frame_of_an_episode_has_one_size(env_id):
    env = gym.make(env_id, render_mode="rgb_array", metrics="default", max_new_tokens=2)
    frames = [env.render()]  # before the first reset, too
    env.reset(seed=0)
    frames.append(env.render())
    terminated = False
    while not terminated:
        *_, terminated, _, _ = env.step(env.action_space.sample())
        if terminated or len(frames) < 9:
            frames.append(env.render())
    assert {(frame.shape, frame.dtype.name) for frame in frames} == {((HEIGHT, WIDTH, 3), "uint8")}
    assert not np.array_equal(frames[-2], frames[-1])


def test_the_last_token_is_highlighted_and_the_end_stands_below():
    env = gym.make("TextGen-Tiny-v0", render_mode="rgb_array")
    env.reset(seed=0)
    assert len(highlighted(env.render())) == 0
    letter = env.unwrapped.tokenizer.encode("a")[0]
    columns = []
    for _ in range(2):
        env.step(letter)
        columns.append(highlighted(env.render())[:, 1].min())
    assert columns[0] < columns[1]  # it wanders to the right with the text
    bottom = slice(HEIGHT - 60, HEIGHT)
    assert (env.render()[bottom] == 255).all()
    env.step(env.unwrapped.tokenizer.end_token_ids[0])
    assert not (env.render()[bottom] == 255).all()


def test_rows_of_a_vector_environment_look_as_single_ones_do():
    envs = gym.make_vec("Dialogue-v0", num_envs=2, render_mode="rgb_array")
    env = gym.make("Dialogue-v0", render_mode="rgb_array")
    envs.reset(seed=[3, 4])
    env.reset(seed=4)
    for action in (9, 20, 1):
        envs.step(np.array([5, action]))
        env.step(action)
    assert [frame.shape for frame in envs.render()] == [(HEIGHT, WIDTH, 3)] * 2
    np.testing.assert_array_equal(envs.render()[1], env.render())


def test_long_texts_keep_what_was_written_last():
    heading = Paragraph("source: ", "word " * 2000)
    short = draw(heading, [Paragraph("", "", "x")], [])
    long = draw(heading, [Paragraph("", "line\n" * 300, "x")], [Paragraph("ended by ", "stop " * 500)])
    assert len(highlighted(short))
    assert len(highlighted(long))
    assert highlighted(long)[:, 0].min() > highlighted(short)[:, 0].min()


@pytest.mark.parametrize(
    "text",
    [
        "今日は良い天気です。" * 60,
        "שלום" * 80,
        "का की के को",
        "👩‍👩‍👧 e\u0301 \ud800",
        "\x00\x1b[31m\t\r\u202e",
        "ﷺ" * 900,
        "i" * 5000,
        " " * 3000,
        "",
    ],
)
def test_any_text_can_be_drawn(text):
    picture = draw(Paragraph("source: ", text), [Paragraph("user: ", text, text)], [Paragraph("", text)])
    assert picture.shape == (HEIGHT, WIDTH, 3)


def test_a_tokenizer_that_spells_earlier_tokens_anew_is_drawn():
    class Backwards(WordTokenizer):
        def decode(self, ids):
            return super().decode(list(ids)[::-1])

    env = gym.make("TextGen-v0", tokenizer=Backwards(["a", "b"]), reward="novelty", render_mode="rgb_array")
    env.reset(seed=0)
    for word in "abb":
        env.step(env.unwrapped.tokenizer.encode(word)[0])
        assert env.render().shape == (HEIGHT, WIDTH, 3)


def test_a_font_of_ones_own(monkeypatch, tmp_path):
    from matplotlib import font_manager

    plain = draw(Paragraph("", "Жизнь"), [], [])
    monkeypatch.setenv(FONT, font_manager.findfont("DejaVu Sans"))
    assert not np.array_equal(draw(Paragraph("", "Жизнь"), [], []), plain)
    (tmp_path / "none.ttf").write_text("no font")
    monkeypatch.setenv(FONT, str(tmp_path / "none.ttf"))
    with pytest.raises(OSError, match="LLM_ENVS_FONT"):
        draw(Paragraph("", "x"), [], [])


def test_only_rendering_needs_pillow():
    code = """
import sys
sys.modules["PIL"] = None
import gymnasium as gym, llm_envs
for make in (gym.make, gym.make_vec):
    env = make("TextGen-Tiny-v0", render_mode="rgb_array")
    env.reset()
    try:
        env.render()
    except ImportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line = "a picture of an episode needs PIL, which is not installed: pip install 'llm-envs[render]'\n"
    assert done.stdout == 2 * line


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
@pytest.mark.filterwarnings("ignore:.*is not in the possible render_modes")
def test_an_unknown_mode_is_refused_with_those_there_are(make):
    with pytest.raises(ValueError, match=r"unknown render_mode='rgb'; the modes are 'ansi'.*'rgb_array'"):
        make("TextGen-Tiny-v0", render_mode="rgb")
