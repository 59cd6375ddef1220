"""Foreign text cannot act on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_envs.foreign import shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202eabc\u200b", "\\u202eabc\\u200b"),
        ("\u2028", "\\u2028"),
        ("Grüße, 天气", "Grüße, 天气"),
    ],
)
def test_controls_are_escaped_and_letters_stay(text, expected):
    assert shown(text) == expected


def test_long_texts_are_cut():
    assert shown("x" * 300, 10) == "x" * 9 + "…"


@given(st.text())
def test_nothing_shown_is_a_control(text):
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown(text, None))
