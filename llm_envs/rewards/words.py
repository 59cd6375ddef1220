"""Words and lines as the rewards that look at wording see them."""

from __future__ import annotations

import re

# A letter run with inner apostrophes and hyphens, a number, or one character of a script without
# spaces.
_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(
    rf"[{_NO_SPACES}]|(?:(?![{_NO_SPACES}])\w)+(?:['\u2019-](?:(?![{_NO_SPACES}])\w)+)*"
)


def words_of(text: str) -> list[str]:
    """Returns the words of a text in lower case; Chinese and Japanese by character."""
    return _WORD.findall(text.lower())


def lines_of(text: str) -> list[str]:
    """Returns the lines that hold something, stripped."""
    return [line for line in map(str.strip, text.splitlines()) if line]
