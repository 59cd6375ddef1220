"""Words and lines as the rewards that look at wording see them."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A run of letters with inner apostrophes and hyphens, a number, or one character of a script that
# puts no spaces between words.
_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTERS = rf"[^\W{_NO_SPACES}]+"
_WORD_PATTERN = rf"[{_NO_SPACES}]|{_LETTERS}(?:['-]{_LETTERS})*"
_WORD = re.compile(_WORD_PATTERN)
_TOKEN = re.compile(rf"\n|{_WORD_PATTERN}|[^\w\s]")


def words_of(text: str) -> list[str]:
    """Returns the words of a text in lower case; Chinese and Japanese by character."""
    return _WORD.findall(text.lower().replace("\u2019", "'"))


def tokens_of(text: str) -> list[str]:
    """Returns words, punctuation marks and line breaks, in lower case."""
    return _TOKEN.findall(text.lower().replace("\u2019", "'").strip())


def is_word(token: str) -> bool:
    """Whether a token of `tokens_of` is a word."""
    return token[0].isalnum() or token[0] == "_"


def lines_of(text: str) -> list[str]:
    """Returns the lines that hold something, stripped."""
    return [line for line in map(str.strip, text.splitlines()) if line]


def ngrams_of(words: Sequence[str], n: int) -> list[str]:
    """Returns the n-grams of a word sequence, each joined by spaces."""
    return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
