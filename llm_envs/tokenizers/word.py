"""WordTokenizer: a vocabulary of words, built from texts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from typing import Any

from llm_envs.checks.types import check_flag, fits
from llm_envs.tokenizers.streams import PieceStream, TextStream
from llm_envs.tokenizers.tokenizer import END, ROLES, SEPARATOR, digest
from llm_envs.tokenizers.words import is_plain

UNKNOWN = "<unk>"
SPACE, JOIN, INDENT = "<space>", "<join>", "<indent>"
_INDENT_WIDTH = 4

# One piece is a Chinese, Japanese or Korean character, a word, a line break, or any other sign.
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_PIECE = re.compile(rf"( *)([{_CJK}]|[^\W{_CJK}]+(?:['’][^\W{_CJK}]+)*|[^ ])")
# Scripts without spaces whose characters are clusters: a letter, its vowels and its tones.
_CLUSTERED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_LONGEST_WORD = 100  # letters; finding the longest pieces takes quadratic time
_WIDE = re.compile(rf"[{_CJK}{_CLUSTERED}\u3000-\u303f\uff00-\uffef]")
_IS_CLUSTERED = re.compile(f"[{_CLUSTERED}]")
_NO_SPACE_BEFORE = frozenset(".,;:!?)]}%\n\t…")
_NO_SPACE_AFTER = frozenset("([{\n\t")


@lru_cache(maxsize=65536)
def _binds(left: bool, piece: str) -> bool:
    """Returns True if a piece follows (or precedes) its neighbour without a space."""
    sign = piece[0] if left else piece[-1]
    return sign in (_NO_SPACE_BEFORE if left else _NO_SPACE_AFTER) or bool(_WIDE.match(sign))


@cache
def _pieces_with_marks() -> Any:
    """Returns `_PIECE` for all scripts: combining marks belong to the letter before them."""
    import regex

    letters = rf"(?:[[\p{{L}}\p{{N}}_]--[{_CJK}{_CLUSTERED}]]\p{{M}}*+)++"
    word = rf"{letters}(?:(?:['’]|[\u200c\u200d]+){letters})*+"
    cluster = rf"[{_CJK}]\p{{M}}*|(?=[[{_CLUSTERED}]&&\p{{L}}])\X|[[{_CLUSTERED}]&&\p{{N}}]"
    return regex.compile(rf"( *)({cluster}|{word}|[^ ])", regex.V1)


def _pattern(text: str) -> Any:
    return _PIECE if is_plain(text) else _pieces_with_marks()


def _continues(letter: str) -> bool:
    return letter.isalnum() or letter in "_'’\u200c\u200d" or unicodedata.category(letter)[0] == "M"


class WordTokenizer:
    """Words, signs and line breaks are one token each. Words outside the vocabulary are spelled.

    A fixed rule implies the spaces: none before "," or after "(", none around Chinese characters. If a text
    departs from the rule, an explicit `<space>`, `<indent>` (four spaces) or `<join>` token says so. So
    `decode(encode(text)) == text` whenever the alphabet is known. A word outside the vocabulary becomes known
    pieces, longest first, down to letters (`##s` continues a word), as in WordPiece (Wu et al. 2016). A word
    of more than 100 letters becomes letters. A word with a character outside the alphabet becomes `<unk>`.

    Args:
        words: The vocabulary in order of ids, after the markers.
        roles: True if the markers of a dialogue are part of the vocabulary.
        closed: Leave out `<unk>`, spacing and spelling tokens. Encoding any other text is then an error.
        spec: The spec this tokenizer was made from.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        roles: bool = False,
        closed: bool = False,
        spec: str | dict[str, Any] = "word",
    ) -> None:
        from tokenizers import models

        special = [END, SEPARATOR]
        if not closed:
            special += [UNKNOWN, SPACE, JOIN, INDENT]
        if roles:
            special += [f"<{role}>" for role in ROLES]
        self.tokens: tuple[str, ...] = (*special, *words)
        self.vocabulary_size = len(self.tokens)
        self.end_token_ids: tuple[int, ...] = (0,)
        self.spec = spec
        self.closed = closed
        ids = {token: index for index, token in enumerate(self.tokens)}
        if len(ids) != len(self.tokens):
            double = [t for t, n in Counter(self.tokens).items() if n > 1]
            raise ValueError(f"a vocabulary names each token once; {double[:3]} appear twice")
        self.markers: Mapping[str, tuple[int, ...]] = {
            "start": (),
            "separator": (ids[SEPARATOR],),
            **{role: (ids[f"<{role}>"],) if roles else () for role in ROLES},
        }
        self._ids = ids
        self._special = len(special)
        self._model = models.WordPiece(ids, unk_token=UNKNOWN if not closed else END)
        self._spelled = lru_cache(maxsize=65536)(self._spell)
        self.content_hash = digest(["word", 1, self.tokens])

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        max_words: int | None = None,
        spell: bool = True,
        roles: bool = False,
        spec: str | dict[str, Any] = "word",
    ) -> WordTokenizer:
        """Builds the vocabulary: words by falling count, then the letters that spell other words.

        Args:
            texts: The train split.
            max_words: Keep this many words. None keeps all, 0 spells every word.
            spell: True to include letters. Without them a word outside the vocabulary is `<unk>`.
            roles: True to include the markers of a dialogue.
            spec: Recorded as the tokenizer's spec.

        Raises:
            ValueError: There is no text, there are neither words nor letters, or an option has the wrong
                type.
        """
        check_flag("spell", spell)
        if max_words is not None and (not fits(max_words, int) or max_words < 0):
            raise ValueError(f"max_words={max_words!r} must be a whole number of at least 0, or None")
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(piece for _, piece in _pattern(text).findall(text))
        if not counts:
            raise ValueError("a word tokenizer needs texts to take its vocabulary from; there are none")
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        kept = ranked[:max_words]
        if not spell and not kept:
            raise ValueError("max_words=0 and spell=False leave a vocabulary of markers alone")
        if not spell:
            return cls(kept, roles=roles, spec=spec)
        spelled = (word for word in ranked if not _WIDE.match(word) or _IS_CLUSTERED.match(word))
        letters = {letter for word in spelled for letter in word}
        letters |= {chr(code) for code in range(33, 127)} | {"\n"}
        spelling = sorted(letters - set(kept))
        continued = [f"##{letter}" for letter in sorted(letters) if _continues(letter)]
        return cls([*kept, *spelling, *continued], roles=roles, spec=spec)

    def _spell(self, piece: str) -> tuple[int, ...]:
        known = self._ids.get(piece)
        if known is not None and known >= self._special:
            return (known,)
        if self.closed:
            raise ValueError(f"{piece!r} is not in the vocabulary {list(self.tokens)}")
        if len(piece) > _LONGEST_WORD:
            letters = [piece[0], *("##" + letter for letter in piece[1:])]
            known_all = all(letter in self._ids for letter in letters)
            return tuple(self._ids[letter] for letter in (letters if known_all else [UNKNOWN]))
        return tuple(token.id for token in self._model.tokenize(piece))

    def encode(self, text: str) -> list[int]:
        """Returns the token ids of a text, without markers.

        Raises:
            ValueError: The vocabulary is closed and lacks a piece of the text.
        """
        ids: list[int] = []
        previous: str | None = None
        end = 0
        for match in _pattern(text).finditer(text):
            spaces, piece = len(match[1]), match[2]
            end = match.end()
            self._encode_gap(ids, previous, spaces, piece)
            ids.extend(self._spelled(piece))
            previous = piece
        self._encode_gap(ids, None, len(text) - end, "")
        return ids

    def _encode_gap(self, ids: list[int], previous: str | None, spaces: int, piece: str) -> None:
        implied = int(previous is not None and not (_binds(False, previous) or _binds(True, piece)))
        if spaces == implied or self.closed:
            return
        if spaces == 0:
            ids.append(self._ids[JOIN])
        else:
            indents, single = divmod(spaces, _INDENT_WIDTH)
            ids += [self._ids[INDENT]] * indents + [self._ids[SPACE]] * single

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of token ids, without markers and end tokens."""
        table = self._pieces
        parts: list[str] = []
        tight = True
        for index in ids:
            piece, binds_left, binds_right = table[index]
            if piece is None:
                continue
            if not (tight or binds_left):
                parts.append(" ")
            parts.append(piece)
            tight = binds_right
        return "".join(parts)

    def stream(self) -> TextStream:
        """Returns a stream that decodes token by token."""
        return PieceStream(self._pieces)

    @cached_property
    def _pieces(self) -> list[tuple[str | None, bool, bool]]:
        """The text of each token (None for a marker), and whether it binds to its left and right."""
        spacing = {SPACE: " ", JOIN: "", INDENT: " " * _INDENT_WIDTH, UNKNOWN: "\ufffd"}
        table: list[tuple[str | None, bool, bool]] = []
        for index, token in enumerate(self.tokens):
            if index < self._special:
                text = spacing.get(token)
                table.append((text, token != UNKNOWN, token != UNKNOWN))
            elif token.startswith("##") and len(token) > 2:
                table.append((token[2:], True, _binds(False, token)))
            else:
                table.append((token, _binds(True, token), _binds(False, token)))
        return table

    def token(self, index: int) -> str:
        """Returns a token as people should see it."""
        return "↵" if self.tokens[index] == "\n" else self.tokens[index]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_words, (self.tokens, self._special, self.closed, self.spec)


def _restore_words(
    tokens: Sequence[str], special: int, closed: bool, spec: str | dict[str, Any]
) -> WordTokenizer:
    roles = f"<{ROLES[0]}>" in tokens[:special]
    return WordTokenizer(tokens[special:], roles=roles, closed=closed, spec=spec)
