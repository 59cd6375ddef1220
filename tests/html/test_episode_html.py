"""Episodes and outcomes in a notebook: everything escaped, tokens coloured, legible on any page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import gymnasium as gym
import numpy as np
import pytest

import llm_envs
from llm_envs import Episode, Example, Outcome, Turn
from llm_envs.html import Html

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=y>\x1b[2J\u202e &amp;"


class Reads(HTMLParser):
    """The tags and the text of a fragment; raises for tags that do not close."""

    def __init__(self, fragment):
        super().__init__()
        self.tags, self.said, self.open, self.titles = [], "", [], []
        self.feed(fragment)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        assert {name for name, _ in attrs} <= {"class", "style", "title"}
        self.titles += [(value, dict(attrs).get("style") or "") for name, value in attrs if name == "title"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said += data


def outcome(**changes):
    fields = {
        "source": "a request",
        "references": ("an answer",),
        "text": "a b",
        "action_ids": (1, 2, 0),
        "reward": 0.5,
        "reward_components": {"bleu": 0.5},
        "metrics": {"distinct": 1.0},
        "finish_reason": "stop",
    }
    return Outcome(**{**fields, **changes})


def test_whatever_stands_in_a_text_is_shown_and_not_obeyed():
    shown = [
        outcome(
            source=HOSTILE,
            text=HOSTILE,
            references=(HOSTILE,),
            reward_components={HOSTILE: 1.0},
            metrics={HOSTILE: 1.0},
        ),
        Episode(
            Example(HOSTILE, (HOSTILE,)), HOSTILE, (1,), "stop", (Turn(HOSTILE, HOSTILE),), {HOSTILE: 1.0}
        ),
    ]
    for one in shown:
        read = Reads(one._repr_html_())
        assert set(read.tags) <= {"div", "span", "b"}
        assert "<script>alert('x')</script>" in read.said
        assert "\x1b" not in read.said
        assert "\u202e" not in read.said


def test_colours_and_text_suit_light_and_dark_pages():
    for colour in re.findall(r"(?:color|background):([^;\"]+)", outcome()._repr_html_()):
        assert colour == "inherit" or re.fullmatch(r"rgb\(\d+ \d+ \d+ / 0?\.\d+\)", colour)


def test_an_outcome_is_coloured_by_its_reward_until_tokens_have_theirs():
    env = gym.make("TextGen-Tiny-v0", reward_timing="dense")
    tokens = env.unwrapped.tokenizer
    _, info = env.reset(seed=0)
    rewards, terminated = [], False
    ids = [
        *tokens.encode(env.unwrapped.task.examples[info["example"]].references[0]),
        tokens.end_token_ids[0],
    ]
    for token in ids:
        _, reward, terminated, _, info = env.step(token)
        rewards.append(float(reward))
    assert terminated
    made = Outcome.from_info(info["outcome"])
    whole = Reads(made._repr_html_())
    assert [title for title, _ in whole.titles] == [f"reward {made.reward:.4g}"]
    each = Reads(made.to_html(tokenizer=tokens, rewards=rewards))
    named = [f"token {k}: reward {reward:+.4g}" for k, reward in enumerate(rewards, start=1)]
    assert [title for title, _ in each.titles if "token" in title][: len(named) - 1] == named[:-1]
    values = Reads(made.to_html(tokenizer=tokens, rewards=rewards, values=range(len(ids))))
    assert "value 0" in values.titles[0][0]
    assert "0 158 115" in values.titles[0][1]
    for read in (whole, each, values):
        assert f"{made.reward:.3f}" in read.said
        assert made.text in read.said


def test_numbers_that_do_not_fit_are_refused():
    env = gym.make("TextGen-Tiny-v0")
    with pytest.raises(ValueError, match="rewards has 1 numbers, and the text has 3 tokens"):
        outcome().to_html(tokenizer=env.unwrapped.tokenizer, rewards=[1.0])
    with pytest.raises(ValueError, match="tokenizer="):
        outcome().to_html(values=[1.0, 2.0, 3.0])


@pytest.mark.parametrize("timing", ["terminal", "dense"])
@pytest.mark.parametrize("env_id", ["Translation-v0", "Dialogue-v0", "Dialogue-Chat-v0"])
def test_environments_render_html_at_every_step(env_id, timing):
    env = gym.make(env_id, render_mode="html", reward_timing=timing, max_new_tokens=5)
    assert "html" in env.metadata["render_modes"]
    env.action_space.seed(1)
    _, info = env.reset(seed=1)
    terminated = False
    while not terminated:
        page = env.render()
        assert isinstance(page, Html)
        assert "ended by" not in Reads(page).said
        _, _, terminated, _, info = env.step(env.action_space.sample())
    read = Reads(env.render())
    assert info["outcome"]["source"] in read.said
    assert f"{info['outcome']['reward']:.3f}" in read.said
    said = [turn.text for turn in env.unwrapped.episode.turns] or [info["outcome"]["text"]]
    shown = re.sub("▪", "", read.said)
    assert all(llm_envs.foreign.shown_lines(text) in shown for text in said)
    titled = [title for title, _ in read.titles if title.startswith("token")]
    assert bool(titled) == (timing == "dense")


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_rows_of_a_vector_environment_render_as_single_ones(mode):
    arguments = {"render_mode": "html", "reward_timing": "dense", "max_new_tokens": 4}
    rows = gym.make_vec("Translation-v0", num_envs=2, autoreset_mode=mode, **arguments)
    single = gym.make("Translation-v0", **arguments)
    rows.reset(seed=[3, 4], options={"example": 5})
    single.reset(seed=3, options={"example": 5})
    assert rows.render()[0] == single.render()
    words = [token for token in range(20, 26) if token not in single.unwrapped.tokenizer.end_token_ids]
    for step, token in enumerate(words[:4]):
        rows.step(np.array([token, token]))
        _, _, terminated, _, _ = single.step(token)
        if mode == "SameStep" and terminated:
            assert "ended by" not in rows.render()[0]
        else:
            assert rows.render()[0] == single.render()
        assert terminated == (step == 3)
    if mode == "NextStep":
        rows.step(np.array([0, 0]))
        assert "ended by" not in rows.render()[0]


def test_before_a_reset_there_is_nothing_to_show():
    env = gym.make("TextGen-Tiny-v0", render_mode="html").unwrapped
    assert "call reset()" in env.render()
