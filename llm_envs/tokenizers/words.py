"""Words and lines in every script, for code that compares or counts them.

A combining mark belongs to its letter. Texts are compared in Unicode's normal form C, so the encoding of
accents does not matter. Scripts without spaces between words are read by character, as people count them:
Chinese, Japanese, Thai, Lao, Khmer, Burmese and the scripts of the Tai languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

# `re` can split texts of these characters alone, several times as fast as `regex`. They are Latin, Greek and
# Cyrillic letters without marks, signs, and Chinese characters. All are in normal form C.
_PLAIN = re.compile(
    "[\0-\u00ac\u00ae-\u02ff\u0388-\u0482\u048a-\u052f\u1e00-\u1e99\u1ea0-\u1eff\u2012-\u2027\u2030-\u205e\u20ac"
    "\u3000-\u3004\u3008-\u3020\u4e00-\u9fff\uff01-\uff5e\ufffd]*+"
)
_CHINESE = "\u4e00-\u9fff"
_LETTERS = rf"[^\W{_CHINESE}]+"
# A run of letters with inner apostrophes and hyphens, a number, or one Chinese character.
_WORD_PATTERN = rf"[{_CHINESE}]|{_LETTERS}(?:['-]{_LETTERS})*"
_WORD = re.compile(_WORD_PATTERN)
_TOKEN = re.compile(rf"\n|{_WORD_PATTERN}|[^\w\s]")

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aad\u3005-\u3007"
    "\u3021-\u9fff\ua9e0-\uaadf\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0003ffff]"
)
_ZERO_WIDTH_SPACE = "\u200b"
_HYPHENS = str.maketrans({"\u2010": "-", "\u2011": "-", "\u05be": "-", _ZERO_WIDTH_SPACE: " "})


class Scripts(NamedTuple):
    """Patterns of the `regex` package, which knows Unicode's properties and clusters.

    Attributes:
        word: One word.
        token: One word, sign or line break.
        unspaced: One character, with its marks, of a script without spaces.
        lettered: A run of letters of other scripts.
        invisible: Characters that show nothing, such as soft hyphens and marks of direction.
    """

    word: Any
    token: Any
    unspaced: Any
    lettered: Any
    invisible: Any


UNSPACED_LETTERS = (
    r"[[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}"
    "\\p{Tai_Tham}\\p{Tai_Viet}\u30fc]&&[\\p{L}\\p{Nl}]]"
)
"""Letters of scripts without spaces, as a class of the `regex` package (V1)."""


@cache
def scripts() -> Scripts:
    """Returns the patterns. Importing `regex`, which compiles them, is slow, so it happens on first use."""
    import regex

    run = rf"(?:[[\p{{L}}\p{{N}}_]--{UNSPACED_LETTERS}]\p{{M}}*+)++"
    # Words of Persian and of the scripts of India contain joiners.
    word = rf"(?={UNSPACED_LETTERS})\X|{run}(?:(?:['\-]|[\u200c\u200d]+){run})*+"
    return Scripts(
        word=regex.compile(word, regex.V1),
        token=regex.compile(rf"\n|{word}|[^\s\x1c-\x1f\u200c\u200d]\p{{M}}*", regex.V1),
        unspaced=regex.compile(rf"(?={UNSPACED_LETTERS})\X", regex.V1),
        lettered=regex.compile(run, regex.V1),
        invisible=regex.compile(r"[[\p{Default_Ignorable_Code_Point}&&\p{Cf}]--[\u200c\u200d]]+", regex.V1),
    )


def words_of(text: str) -> list[str]:
    """Returns the words of a text in lower case; scripts without spaces by character."""
    text = text.lower()
    if text.isascii():
        return _WORD.findall(text)
    text = text.replace("\u2019", "'")
    if is_plain(text):
        return _WORD.findall(text)
    found: list[str] = scripts().word.findall(_comparable(text))
    return found


def tokens_of(text: str) -> list[str]:
    """Returns words, punctuation marks and line breaks, in lower case."""
    text = text.lower().replace("\u2019", "'").strip()
    if is_plain(text):
        return _TOKEN.findall(text)
    found: list[str] = scripts().token.findall(_comparable(text).strip())
    return found


def tokens_within(text: str) -> list[str]:
    """Returns the tokens of a piece of a text, with the line breaks at its ends."""
    text = text.lower().replace("\u2019", "'")
    if is_plain(text):
        return _TOKEN.findall(text)
    found: list[str] = scripts().token.findall(_comparable(text))
    return found


def has_unspaced(text: str) -> bool:
    """Returns True if a text has characters of a script without spaces."""
    return _UNSPACED.search(text) is not None


def count_words(text: str) -> int:
    """Returns the number of words between white space; of characters, if a script has no spaces."""
    words = text.split()
    if text.isascii() or not _UNSPACED.search(text):
        return len(words)
    count = 0
    for word in words:
        if _UNSPACED.search(word):
            letters = scripts().unspaced.sub(" ", word)
            count += len(scripts().unspaced.findall(word)) + len(scripts().lettered.findall(letters))
        else:
            count += 1
    return count


def normal_form(text: str) -> str:
    """Returns the text in Unicode's normal form C, in which equal texts are equal strings."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def is_plain(text: str) -> bool:
    """Returns True if a text can be split without Unicode properties."""
    return text.isascii() or _PLAIN.fullmatch(text) is not None


def is_unspaced(text: str) -> bool:
    """Returns True if most letters of a text are of scripts without spaces."""
    if text.isascii() or not _UNSPACED.search(text):
        return False
    characters = len(scripts().unspaced.findall(text))
    return 2 * characters > sum(map(str.isalpha, unicodedata.normalize("NFC", text)))


_SCRIPTS_OF_ONE_LANGUAGE = (
    ("ja", "\u3041-\u30ff"),
    ("th", "\u0e00-\u0e7f"),
    ("lo", "\u0e80-\u0eff"),
    ("bo", "\u0f00-\u0fff"),
    ("my", "\u1000-\u109f"),
    ("km", "\u1780-\u17ff"),
)


def script_language(text: str) -> str | None:
    """Returns the language of a script that only one language uses: "ja", "th", ... Else None.

    A fifth of the letters decides for Japanese, which writes many words in Chinese characters. For other
    languages it takes half of them. Chinese characters alone decide nothing.
    """
    letters = sum(map(str.isalpha, text))
    for language, block in _SCRIPTS_OF_ONE_LANGUAGE:
        found = sum(map(str.isalpha, re.findall(f"[{block}]", text)))
        if found * (5 if language == "ja" else 2) > letters:
            return language
    return None


def _comparable(text: str) -> str:
    """Returns a text without invisible characters, with one kind of hyphen, and in normal form C."""
    return str(scripts().invisible.sub("", unicodedata.normalize("NFC", text.translate(_HYPHENS))))


def is_word(token: str) -> bool:
    """Returns True if a token of `tokens_of` is a word."""
    return token[0].isalnum() or token[0] == "_"


def lines_of(text: str) -> list[str]:
    """Returns the non-empty lines, stripped."""
    return [line for line in map(str.strip, text.splitlines()) if line]


def ngrams_of(words: Sequence[str], n: int) -> list[str]:
    """Returns the n-grams of a word sequence, each joined by spaces."""
    return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
