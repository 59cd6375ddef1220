"""The tokenisers of BLEU (13a, zh, char, none), equal to sacrebleu's and cached per word.

13a and zh do not look across white space. The exceptions are "-" before a line break and "<skipped>", which
are treated before splitting. So the tokens of every word are computed once and cached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain

TOKENIZERS = ("13a", "zh", "char", "none")

_CACHED_WORDS = 1 << 17
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))

# Every ASCII symbol is a token except ' , - . of which the last three depend on the digits around
# them.
_SYMBOL = re.compile(r"([!-&(-+/:-@\[-`{-~])")
_MARK_AFTER_NO_DIGIT = re.compile(r"([^0-9])([.,])")
_MARK_BEFORE_NO_DIGIT = re.compile(r"([.,])([^0-9])")
_DASH_AFTER_DIGIT = re.compile(r"([0-9])(-)")

# Blocks that sacrebleu's zh tokeniser sets apart. Its two five-digit ranges compare as strings and
# come out as U+2001-U+2A6D and U+2F81-U+2FA1.
_ZH_BLOCKS = (
    "\u2001-\u2a6d\u2e80-\u303f\u3100-\u312f\u31a0-\u31bf\u31c0-\u31ef\u3200-\u33ff\u3400-\u4db5"
    "\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef"
)
_ZH_PIECES = re.compile(rf"[^\s{_ZH_BLOCKS}]+|[{_ZH_BLOCKS}]")


class _Pieces(dict[str, tuple[str, ...]]):
    """Caches word -> its tokens. It is emptied when it is full, so memory is bounded."""

    def __init__(self, split: Callable[[str], tuple[str, ...]]) -> None:
        super().__init__()
        self._split = split

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= _CACHED_WORDS:
            self.clear()
        pieces = self[word] = self._split(word)
        return pieces


def tokenizer(name: str) -> Callable[[str], list[str]]:
    """Returns the function from text to tokens.

    Args:
        name: "13a", "zh", "char" or "none", as in sacrebleu (Post 2018).

    Raises:
        ValueError: The name is unknown.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise ValueError(f"unknown tokenize={name!r}; one of {', '.join(TOKENIZERS)}") from None


_CHINESE = frozenset({"zh", "yue", "wuu", "lzh", "cmn", "zho"})
_UNSPACED = frozenset(
    {"ja", "jpn", "th", "tha", "lo", "lao", "km", "khm", "my", "mya", "bo", "bod", "dz", "dzo", "shn"}
)


def default_tokenizer(language: str) -> str:
    """Returns the name of the tokeniser for a language, given by its ISO 639 code."""
    primary = re.split("[-_]", language.lower())[0]
    if primary in _CHINESE or primary.startswith("zh"):
        return "zh"
    return "char" if primary in _UNSPACED else "13a"


def _split_symbols(word: str) -> tuple[str, ...]:
    word = _SYMBOL.sub(r" \1 ", word)
    word = _MARK_AFTER_NO_DIGIT.sub(r"\1 \2 ", word)
    word = _MARK_BEFORE_NO_DIGIT.sub(r" \1 \2", word)
    return tuple(_DASH_AFTER_DIGIT.sub(r"\1 \2 ", word).split())


def _split_13a(word: str) -> tuple[str, ...]:
    if word.isalpha():
        return (word,)
    if "&" in word:
        for entity, character in _ENTITIES:
            word = word.replace(entity, character)
    return _split_symbols(f" {word} ")


def _split_middle(word: str) -> tuple[str, ...]:
    return (word,) if word.isalpha() else _split_symbols(f" {word} ")


_WORDS_13A = _Pieces(_split_13a)
_WORDS_ZH = _Pieces(_split_middle)


def _tokenize_13a(text: str) -> list[str]:
    if "-\n" in text or "<skipped>" in text:
        text = text.rstrip().replace("<skipped>", "").replace("-\n", "")
    return list(chain.from_iterable(map(_WORDS_13A.__getitem__, text.split())))


def _tokenize_zh(text: str) -> list[str]:
    return chinese_tokens(_ZH_PIECES.findall(text.strip()), first=True, last=True)


def _tokenize_char(text: str) -> list[str]:
    return list("".join(text.split()))


def tokens_within(text: str) -> list[str]:
    """Returns the 13a tokens of a piece of a text that ends at a place where it can be cut."""
    if "-\n" in text or "<skipped>" in text:
        text = text.replace("<skipped>", "").replace("-\n", "")
    return list(chain.from_iterable(map(_WORDS_13A.__getitem__, text.split())))


def chinese_pieces(text: str) -> list[re.Match[str]]:
    """Returns the pieces of a text that zh looks at one by one, without white space at both ends."""
    pieces = list(_ZH_PIECES.finditer(text))
    while pieces and pieces[-1][0].isspace():
        pieces.pop()
    first = next((i for i, piece in enumerate(pieces) if not piece[0].isspace()), 0)
    return pieces[first:]


def chinese_tokens(pieces: Sequence[str], *, first: bool, last: bool) -> list[str]:
    """Returns the zh tokens of some pieces.

    Args:
        pieces: Pieces in a row.
        first: True if they begin the text. sacrebleu pads the line for 13a and not for zh, so the first and
            the last character stand at a bare edge.
        last: True if they end the text.
    """
    tokens: list[str] = []
    for at, piece in enumerate(pieces):
        before = "" if first and at == 0 else " "
        after = "" if last and at == len(pieces) - 1 else " "
        tokens += _WORDS_ZH[piece] if before and after else _split_symbols(before + piece + after)
    return tokens


_BY_NAME: dict[str, Callable[[str], list[str]]] = {
    "13a": _tokenize_13a,
    "zh": _tokenize_zh,
    "char": _tokenize_char,
    "none": str.split,
}
