"""Where tokens stand in a text, and which colour their rewards and values give them."""

from __future__ import annotations

import re
from pathlib import Path

import gymnasium as gym
import pytest

import llm_benchmarks
import llm_envs
from llm_envs.html import COLOURS, STRONGEST, level_shades, signed_shades, token_spans

TEMPLATES = Path(llm_benchmarks.__file__).parent / "leaderboard" / "html" / "templates"


class Letters:
    end_token_ids = (0,)

    def decode(self, ids):
        return " ".join("_ab"[i] for i in ids if i).rstrip("_")


def test_the_turns_of_a_dialogue_are_the_lines_of_its_text():
    # "a b", an empty turn, then "b" after which the text is cut.
    spans = token_spans(Letters(), "a b\n\nb", [1, 2, 0, 0, 2, 0])
    assert spans == [(0, 1), (1, 3), (3, 3), (4, 4), (5, 6), (6, 6)]


def test_a_turn_that_spends_its_budget_has_no_end_token():
    assert token_spans(Letters(), "a b\nb a", [1, 2, 2, 1], turn_limit=2) == [(0, 1), (1, 3), (4, 5), (5, 7)]


@pytest.mark.parametrize("tokenizer", ["byte", "word"])
def test_spans_cover_the_whole_text(tokenizer):
    env = gym.make(
        "TextGen-v0", tokenizer=tokenizer, reward="novelty", max_new_tokens=64, max_prompt_tokens=200
    )
    tokens = env.unwrapped.tokenizer
    ids = [*tokens.encode("the moon, é and 中!"), tokens.end_token_ids[0]]
    text = tokens.decode(ids)
    spans = token_spans(tokens, text, ids)
    assert len(spans) == len(ids)
    assert "".join(text[a:b] for a, b in spans) == text


def test_shades_say_sign_and_size():
    good, none, bad = signed_shades([0.4, 0.0, -0.1])
    assert (good.colour, none.colour, bad.colour) == ("good", "", "bad")
    assert good.opacity == STRONGEST
    assert bad.opacity == pytest.approx(STRONGEST / 2)
    low, high = level_shades([-3.0, 5.0])
    assert low.colour == high.colour == "level"
    assert 0 < low.opacity < high.opacity == pytest.approx(STRONGEST)
    assert signed_shades([]) == level_shades([]) == []
    assert all(shade.opacity <= STRONGEST for shade in level_shades([2.0, 2.0]))


def test_the_page_of_the_leaderboard_has_the_same_colours():
    css = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    for name, rgb in COLOURS.items():
        assert re.search(rf"--{name}: {' '.join(map(str, rgb))}[;\s]", css), name
    script = (TEMPLATES / "token_colours.js").read_text(encoding="utf-8")
    assert f"const STRONGEST = {STRONGEST};" in script


def test_importing_it_imports_nothing_else():
    assert llm_envs.html.Html("<b>")._repr_html_() == "<b>"
