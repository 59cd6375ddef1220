r"""Tokenizers: text to token ids and back. The width of a vocabulary is the width of the action space.

Three kinds, by spec: `"word"` (or `"word:N"`, the N most frequent words) is built from a train split,
`"byte"` needs nothing, `"hf:NAME_OR_PATH"` is any Hugging Face tokenizer. A spec may be a mapping,
`{"id": "hf:gpt2", "end_tokens": [...], "separator": "\n", "bos": false}`, where the kind takes options.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from llm_envs.assets import resolve_model
from llm_envs.chat_template import template_markers

END, SEPARATOR, UNKNOWN = "<eos>", "<sep>", "<unk>"
SPACE, JOIN, INDENT = "<space>", "<join>", "<indent>"
ROLES = ("user", "database", "agent")
_INDENT_WIDTH = 4


@runtime_checkable
class Tokenizer(Protocol):
    """What an environment needs of a tokenizer.

    Attributes:
        vocabulary_size: Number of token ids V; actions are 0 .. V-1.
        end_token_ids: Ids that end the agent's turn.
        markers: Ids of the structure around texts: "start" (before a prompt), "separator" (between prompt
            and answer) and one entry per role of a dialogue ("user", "database", "agent").
        spec: JSON-able; `make_tokenizer(spec, texts)` on the same train texts gives an equal tokenizer.
        content_hash: SHA-256 (hex) of everything that decides encoding and decoding.
    """

    vocabulary_size: int
    end_token_ids: tuple[int, ...]
    markers: Mapping[str, tuple[int, ...]]
    spec: str | dict[str, Any]
    content_hash: str

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without any markers."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; markers and end tokens leave no trace."""
        ...

    def token(self, index: int) -> str:
        """A token as a person should see it."""
        ...


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


# One piece is a Chinese, Japanese or Korean character, a word, a line break, or any other sign.
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_PIECE = re.compile(rf"( *)([{_CJK}]|[^\W{_CJK}]+(?:['’][^\W{_CJK}]+)*|[^ ])")
_LONGEST_WORD = 100  # letters, where WordPiece gives up: looking for the longest pieces takes their square
_WIDE = re.compile(rf"[{_CJK}\u3000-\u303f\uff00-\uffef]")
_NO_SPACE_BEFORE = frozenset(".,;:!?)]}%\n\t…")
_NO_SPACE_AFTER = frozenset("([{\n\t")


@lru_cache(maxsize=65536)
def _binds(left: bool, piece: str) -> bool:
    """Whether a piece binds to its left (or right) neighbour without a space."""
    sign = piece[0] if left else piece[-1]
    return sign in (_NO_SPACE_BEFORE if left else _NO_SPACE_AFTER) or bool(_WIDE.match(sign))


class WordTokenizer:
    """Words, signs and line breaks, one token each; words outside the vocabulary are spelled.

    Spaces are implied by a fixed rule (none before "," or after "(", none around Chinese characters);
    where a text departs from the rule an explicit `<space>`, `<indent>` (four spaces) or `<join>` token
    says so, so that `decode(encode(text)) == text` whenever the alphabet is known. A word outside the
    vocabulary becomes known pieces, longest first, down to letters (`##s` continues a word), as in
    WordPiece (Wu et al. 2016), one of more than 100 letters by letters; one with a character outside the
    alphabet becomes `<unk>`.

    Args:
        words: The vocabulary in order of ids, after the markers.
        roles: Whether the markers of a dialogue are part of the vocabulary.
        closed: Leave out `<unk>`, spacing and spelling tokens; encoding any other text is an error.
        spec: What this tokenizer was made from.
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
            raise ValueError(f"a vocabulary names each token once; {double[:3]} stand in it twice")
        self.markers: Mapping[str, tuple[int, ...]] = {
            "start": (),
            "separator": (ids[SEPARATOR],),
            **{role: (ids[f"<{role}>"],) if roles else () for role in ROLES},
        }
        self._ids = ids
        self._special = len(special)
        self._model = models.WordPiece(ids, unk_token=UNKNOWN if not closed else END)
        self._spelled = lru_cache(maxsize=65536)(self._spell)
        self.content_hash = _digest(["word", 1, self.tokens])

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
        """Builds the vocabulary: words by falling count, then the letters to spell the others with.

        Args:
            texts: The train split.
            max_words: Keep this many words; None keeps all.
            spell: Whether to include letters; without them a word outside the vocabulary is `<unk>`.
            roles: Whether to include the markers of a dialogue.
            spec: Recorded as the tokenizer's spec.

        Raises:
            ValueError: There is no text.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(piece for _, piece in _PIECE.findall(text))
        if not counts:
            raise ValueError("a word tokenizer needs texts to take its vocabulary from; there are none")
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        kept = ranked[:max_words]
        if not spell:
            return cls(kept, roles=roles, spec=spec)
        letters = {letter for word in ranked if not _WIDE.match(word) for letter in word}
        letters |= {chr(code) for code in range(33, 127)} | {"\n"}
        spelling = sorted(letters - set(kept))
        continued = [f"##{letter}" for letter in sorted(letters) if letter.isalnum() or letter in "_'’"]
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
        """Token ids of a text, without markers.

        Raises:
            ValueError: The vocabulary is closed and lacks a piece of the text.
        """
        ids: list[int] = []
        previous: str | None = None
        end = 0
        for match in _PIECE.finditer(text):
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
        """The text of token ids; markers and end tokens leave no trace."""
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

    @cached_property
    def _pieces(self) -> list[tuple[str | None, bool, bool]]:
        """Per token: its text (None for a marker), and whether it binds to its left and right."""
        spacing = {SPACE: " ", JOIN: "", INDENT: " " * _INDENT_WIDTH, UNKNOWN: "\ufffd"}
        table: list[tuple[str | None, bool, bool]] = []
        for index, token in enumerate(self.tokens):
            if index < self._special:
                text = spacing.get(token)
                table.append((text, token != UNKNOWN, token != UNKNOWN))
            elif token.startswith("##") and len(token) > 2:
                table.append((token[2:], True, False))
            else:
                table.append((token, _binds(True, token), _binds(False, token)))
        return table

    def token(self, index: int) -> str:
        """A token as a person should see it."""
        return "↵" if self.tokens[index] == "\n" else self.tokens[index]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_words, (self.tokens, self._special, self.closed, self.spec)


def _restore_words(
    tokens: Sequence[str], special: int, closed: bool, spec: str | dict[str, Any]
) -> WordTokenizer:
    roles = f"<{ROLES[0]}>" in tokens[:special]
    return WordTokenizer(tokens[special:], roles=roles, closed=closed, spec=spec)


class ByteTokenizer:
    """UTF-8 bytes as tokens 0..255, then the markers: nothing to train, nothing unknown."""

    spec: str | dict[str, Any] = "byte"

    def __init__(self) -> None:
        names = [END, SEPARATOR, *(f"<{role}>" for role in ROLES)]
        self._names = names
        self.vocabulary_size = 256 + len(names)
        self.end_token_ids: tuple[int, ...] = (256,)
        self.markers: Mapping[str, tuple[int, ...]] = {
            "start": (),
            "separator": (257,),
            **{role: (258 + i,) for i, role in enumerate(ROLES)},
        }
        self.content_hash = _digest(["byte", 1, names])

    def encode(self, text: str) -> list[int]:
        """UTF-8 bytes of the text."""
        return list(text.encode())

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the bytes; bytes that are no UTF-8 become U+FFFD."""
        return bytes(i for i in ids if i < 256).decode(errors="replace")

    def token(self, index: int) -> str:
        """A token as a person should see it."""
        return self._names[index - 256] if index >= 256 else repr(bytes([index]))[2:-1]


class HuggingFaceTokenizer:
    """Any Hugging Face tokenizer: a fetched asset, a folder, a `tokenizer.json` file, or a name on the hub.

    Args:
        name_or_path: A fetched model's name, what `AutoTokenizer.from_pretrained` takes, or a path to a
            tokenizer.json.
        end_tokens: Tokens that end the agent's turn; by default the tokenizer's own end token.
        separator: Text between prompt and answer.
        bos: Whether the prompt begins with the tokenizer's BOS token; by default where it has one.
        chat_template: Whether prompts and turns are written as the tokenizer's chat template writes them;
            separator and bos are then its own.

    Raises:
        ValueError: It cannot be loaded, has no end token and none is named, or lacks a named token.
        ImportError: transformers is not installed (a plain tokenizer.json file needs none).
    """

    def __init__(
        self,
        name_or_path: str,
        *,
        end_tokens: Sequence[str] | None = None,
        separator: str = "\n",
        bos: bool | None = None,
        chat_template: bool = False,
    ) -> None:
        self._backend, special, loaded = _load_backend(name_or_path)
        self._backend.no_truncation()  # both are saved with a tokenizer, and would cut and fill markers too
        self._backend.no_padding()
        self._options = {
            "end_tokens": end_tokens,
            "separator": separator,
            "bos": bos,
            "chat_template": chat_template,
        }
        self._name = name_or_path
        usual = {"separator": "\n", "chat_template": False}
        given = {k: v for k, v in self._options.items() if v != usual.get(k)}
        self.spec = {"id": f"hf:{name_or_path}", **given} if given else f"hf:{name_or_path}"
        self.vocabulary_size = self._backend.get_vocab_size(with_added_tokens=True)
        names = list(end_tokens) if end_tokens is not None else [special.get("eos_token")]
        ids = [i for i in (self._backend.token_to_id(name) for name in names if name) if i is not None]
        if not ids or len(ids) < len(names):
            raise ValueError(
                f"tokenizer 'hf:{name_or_path}' has no end token {names}; name one of its tokens: "
                f"tokenizer={{'id': 'hf:{name_or_path}', 'end_tokens': ['...']}}"
            )
        self.end_token_ids: tuple[int, ...] = tuple(ids)
        start = self._backend.token_to_id(special["bos_token"]) if special.get("bos_token") else None
        if bos and start is None:
            raise ValueError(f"tokenizer 'hf:{name_or_path}' has no BOS token; leave bos out")
        self.markers: Mapping[str, tuple[int, ...]] = {
            "start": (start,) if start is not None and bos is not False else (),
            "separator": tuple(self.encode(separator)),
            **{role: tuple(self.encode(f"\n{role}: ")) for role in ROLES},
        }
        if chat_template:
            if not getattr(loaded, "chat_template", None):
                raise ValueError(f"tokenizer 'hf:{name_or_path}' has no chat template; leave the option out")
            self.markers = template_markers(loaded, self.token(self.end_token_ids[0]), self.encode)
        explicit = [self.end_token_ids, sorted(self.markers.items())]
        self.content_hash = _digest(["hf", 1, self._backend.to_str(), explicit])

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens left out."""
        table = self._byte_table
        if table is None:
            text: str = self._backend.decode(list(ids), skip_special_tokens=True)
            return text
        # One itemgetter looks all ids up in half the time of a loop. It gives a tuple where there are at
        # least two: hence the empty entry at -1, twice.
        return b"".join(itemgetter(-1, -1, *ids)(table)).decode(errors="replace")

    @cached_property
    def _byte_table(self) -> list[bytes] | None:
        """Bytes of every token, none at -1, where the decoder is byte-level.

        Looking them up is 5 times as fast as the library's decode.
        """
        state = json.loads(self._backend.to_str())
        if (state.get("decoder") or {}).get("type") != "ByteLevel":
            return None
        from tokenizers.pre_tokenizers import ByteLevel

        # The alphabet of byte-level BPE (Radford et al. 2019): printable bytes stand for themselves,
        # the others for 256, 257, ... in order; the library's own alphabet confirms it.
        printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
        others = [b for b in range(256) if b not in set(printable)]
        byte_of = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
        if set(byte_of) != set(ByteLevel.alphabet()):
            return None
        special = {t["id"] for t in state.get("added_tokens", []) if t.get("special")}
        table = [b""] * self.vocabulary_size
        # In order of ids, so that their bytes lie side by side: decoding from a wide table mostly waits for
        # memory, and twice as long where they are scattered.
        for token, index in sorted(
            self._backend.get_vocab(with_added_tokens=True).items(), key=itemgetter(1)
        ):
            if index not in special:
                known = all(letter in byte_of for letter in token)
                table[index] = bytes([byte_of[c] for c in token]) if known else token.encode()
        return [*table, b""]

    def token(self, index: int) -> str:
        """A token as a person should see it."""
        name: str | None = self._backend.id_to_token(index)
        return name if name is not None else f"<{index}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_hugging_face, (self._name, self._options)


def _restore_hugging_face(name: str, options: dict[str, Any]) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(name, **options)


def _load_backend(name_or_path: str) -> tuple[Any, dict[str, str], Any]:
    """The `tokenizers.Tokenizer` behind a name, its special tokens by role, and what they came from."""
    place = resolve_model(name_or_path)
    path = Path(place)
    if path.is_file():
        import tokenizers

        try:
            return tokenizers.Tokenizer.from_file(str(path)), {}, None
        except Exception as error:
            raise ValueError(f"'{path}' is not a tokenizer.json file: {error}") from error
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ImportError(
            f"tokenizer 'hf:{name_or_path}' needs transformers: pip install 'llm-envs[hub]'"
        ) from error
    try:
        loaded = AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"cannot load tokenizer 'hf:{name_or_path}': no such folder or hub name, or no network "
            f"({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        raise ValueError(f"tokenizer 'hf:{name_or_path}' has no fast (tokenizer.json) form")
    special = {k: str(v) for k, v in loaded.special_tokens_map.items() if isinstance(v, str)}
    return backend, special, loaded


def make_tokenizer(
    spec: str | Mapping[str, Any] | Tokenizer,
    train_texts: Callable[[], Iterable[str]] | None = None,
    *,
    roles: bool = False,
) -> Tokenizer:
    """Makes a tokenizer from its spec.

    Args:
        spec: "word", "word:N", "byte", "hf:NAME_OR_PATH", a mapping with "id" and options, or a
            tokenizer, which is returned as it is.
        train_texts: Gives the texts that a word vocabulary is taken from.
        roles: Whether the texts are dialogues with role markers.

    Raises:
        ValueError: The spec is unknown, an option is, or what it names cannot be loaded.
    """
    if not isinstance(spec, str | Mapping):
        if isinstance(spec, Tokenizer):
            return spec
        raise ValueError(f"a tokenizer is a spec or has encode and decode; got {spec!r}")
    options = dict(spec) if isinstance(spec, Mapping) else {"id": spec}
    kind, _, rest = str(options.pop("id", "")).partition(":")
    if kind == "hf" and rest:
        allowed = {"end_tokens", "separator", "bos", "chat_template"}
    elif (kind == "word" and (not rest or rest.isdecimal())) or (kind == "byte" and not rest):
        allowed = {"spell"} if kind == "word" else set()
    else:
        from difflib import get_close_matches

        near = get_close_matches(kind, ["word", "byte", "hf"], n=1)
        hint = f"; did you mean '{near[0]}'?" if near and near[0] != kind else ";"
        raise ValueError(
            f"unknown tokenizer {spec!r}{hint} there are 'word', 'word:N', 'byte', 'hf:NAME_OR_PATH'"
        )
    if unknown := sorted(set(options) - allowed):
        raise ValueError(f"tokenizer '{kind}' has no option {unknown[0]!r}; it takes {sorted(allowed)}")
    if kind == "hf":
        return HuggingFaceTokenizer(rest, **options)
    if kind == "byte":
        return ByteTokenizer()
    if train_texts is None:
        raise ValueError("a word tokenizer is built from a train split; give train_texts")
    return WordTokenizer.train(
        train_texts(),
        max_words=int(rest) if rest else None,
        roles=roles,
        spec=dict(spec) if isinstance(spec, Mapping) else spec,
        **options,
    )
