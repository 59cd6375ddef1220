"""Any Hugging Face tokenizer, with the markers and ends that an environment needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

from llm_envs.assets import resolve_model
from llm_envs.checks.extras import needs
from llm_envs.checks.types import check_flag
from llm_envs.foreign import UntrustedCode, load_pretrained, shown
from llm_envs.tokenizers.added_tokens import LiteralEncoder, byte_alphabet, misread_tokens
from llm_envs.tokenizers.chat_template import template_markers
from llm_envs.tokenizers.streams import ByteStream, DecodedStream, TextStream
from llm_envs.tokenizers.tokenizer import ROLES, digest


class HuggingFaceTokenizer:
    """Any Hugging Face tokenizer: a fetched asset, a folder, a `tokenizer.json` file, or a name on the hub.

    A text that spells a special token is ordinary text: `encode` returns its letters. Only markers and the
    end of a turn hold special tokens. Plain role markers ("user: "), and templates that mark turns by
    ordinary words, are text too. Another text can spell those.

    Args:
        name_or_path: A fetched model's name, a name or folder for `AutoTokenizer.from_pretrained`, or a path
            to a tokenizer.json.
        end_tokens: Tokens that end the agent's turn, or one. The default is the tokenizer's own end token. An
            end token is not part of the text, even if it is a word such as ".": references end without it.
        separator: Text between prompt and answer.
        bos: True if the prompt begins with the tokenizer's BOS token. The default is True if it has one.
        chat_template: True if prompts and turns follow the tokenizer's chat template. The template then
            decides separator and bos.

    Raises:
        ValueError: It cannot be loaded, has no end token and none is given, or lacks a given token.
        ImportError: transformers is not installed (a plain tokenizer.json file does not need it).
    """

    def __init__(
        self,
        name_or_path: str,
        *,
        end_tokens: str | Sequence[str] | None = None,
        separator: str = "\n",
        bos: bool | None = None,
        chat_template: bool = False,
    ) -> None:
        check_flag("chat_template", chat_template)
        if isinstance(end_tokens, str):
            end_tokens = [end_tokens]
        self._backend, special, loaded = _load_backend(name_or_path)
        self._backend.no_truncation()  # truncation and padding may be saved with a tokenizer
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
        ids_in_use = self._backend.get_vocab(with_added_tokens=True).values()
        self.vocabulary_size = max(ids_in_use, default=-1) + 1  # ids may have gaps
        names = list(end_tokens) if end_tokens is not None else [special.get("eos_token")]
        ids = [i for i in (self._backend.token_to_id(name) for name in names if name) if i is not None]
        if not ids or len(ids) < len(names):
            raise ValueError(
                f"tokenizer 'hf:{name_or_path}' has no end token {names}; name one of its tokens: "
                f"tokenizer={{'id': 'hf:{name_or_path}', 'end_tokens': ['...']}}"
            )
        self.end_token_ids: tuple[int, ...] = tuple(ids)
        added = self._backend.get_added_tokens_decoder()
        flagged = {index for index, token in added.items() if token.special}  # decoding drops these
        self._other_ends = tuple(index for index in ids if index not in flagged)
        start = self._backend.token_to_id(special["bos_token"]) if special.get("bos_token") else None
        if bos and start is None:
            raise ValueError(f"tokenizer 'hf:{name_or_path}' has no BOS token; leave bos out")

        def marker(text: str) -> list[int]:  # runs before `_literal` exists, so special tokens keep their ids
            ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
            return ids

        self.markers: Mapping[str, tuple[int, ...]] = {
            "start": (start,) if start is not None and bos is not False else (),
            "separator": tuple(marker(separator)),
            **{role: tuple(marker(f"\n{role}: ")) for role in ROLES},
        }
        if chat_template:
            if not getattr(loaded, "chat_template", None):
                raise ValueError(f"tokenizer 'hf:{name_or_path}' has no chat template; leave the option out")
            self.markers = template_markers(loaded, self.token(self.end_token_ids[0]), marker)
        # Without a template, role markers are words, which texts may use too.
        named = self.markers if chat_template else ("start", "separator")
        in_markers = {index for name in named for index in self.markers[name]}
        saved = self._backend.to_str()
        state = json.loads(saved)
        self._misread = misread_tokens(self._backend, state)
        self._literal = LiteralEncoder(self._backend, state, {*self.end_token_ids, *in_markers})
        explicit: list[Any] = [self.end_token_ids, sorted(self.markers.items())]
        if self._other_ends:
            explicit.append({"dropped": self._other_ends})
        if self._misread:
            explicit.append({"literal": sorted(self._misread.items())})
        self.content_hash = digest(["hf", 1, saved, explicit])

    def encode(self, text: str) -> list[int]:
        """Returns the token ids of a text. If it spells a special token, the ids are those of the letters."""
        return self._literal.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of token ids, without special tokens and without end tokens at its end.

        An end token that is not special may also be a word. It stays if text follows it.
        """
        if self._other_ends:
            size = len(ids)
            while size and ids[size - 1] in self._other_ends:
                size -= 1
            ids = ids[:size]
        table = self._byte_table
        if table is None:
            return self._decode_by_library(list(ids))
        # One itemgetter looks up all ids in half the time of a loop. It returns a tuple for two or more
        # keys, hence the empty entry at -1, twice.
        return b"".join(itemgetter(-1, -1, *ids)(table)).decode(errors="replace")

    def stream(self) -> TextStream:
        """Returns a stream that decodes token by token, byte-level decoders at a constant cost."""
        return DecodedStream(self) if self._byte_table is None else ByteStream(self._byte_table)

    def _decode_by_library(self, ids: list[int]) -> str:
        """Decodes with the library. Tokens that it would misread are written unchanged."""
        parts: list[str] = []
        begin = 0
        for end in [at for at, index in enumerate(ids) if index in self._misread]:
            parts += [self._backend.decode(ids[begin:end], skip_special_tokens=True), self._misread[ids[end]]]
            begin = end + 1
        parts.append(self._backend.decode(ids[begin:], skip_special_tokens=True))
        return "".join(parts)

    @cached_property
    def _byte_table(self) -> list[bytes] | None:
        """The bytes of every token, none at -1, if the decoder is byte-level.

        Looking them up is 5 times as fast as the library's decode.
        """
        state = json.loads(self._backend.to_str())
        if (state.get("decoder") or {}).get("type") != "ByteLevel":
            return None
        byte_of = byte_alphabet()
        if byte_of is None:
            return None
        special = {t["id"] for t in state.get("added_tokens", []) if t.get("special")}
        table = [b""] * self.vocabulary_size
        # In order of ids, so that their bytes are contiguous. Decoding from a wide table mostly waits for
        # memory, and takes twice as long if they are scattered.
        for token, index in sorted(
            self._backend.get_vocab(with_added_tokens=True).items(), key=itemgetter(1)
        ):
            if index not in special:
                known = index not in self._misread and all(letter in byte_of for letter in token)
                table[index] = bytes([byte_of[c] for c in token]) if known else token.encode()
        return [*table, b""]

    def token(self, index: int) -> str:
        """Returns a token as people should see it."""
        name: str | None = self._backend.id_to_token(index)
        return name if name is not None else f"<{index}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_hugging_face, (self._name, self._options)


def _restore_hugging_face(name: str, options: dict[str, Any]) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(name, **options)


def _load_backend(name_or_path: str) -> tuple[Any, dict[str, str], Any]:
    """Returns the `tokenizers.Tokenizer` of a name, its special tokens by role, and where they came from."""
    try:
        place = resolve_model(name_or_path)
        path = Path(place)
        is_file, is_other = path.is_file(), path.exists() and not path.is_dir()
    except OSError as error:  # the name is too long, or the folder is not readable
        raise ValueError(f"tokenizer {shown(repr('hf:' + name_or_path), 100)}: {error.strerror}") from error
    if is_file:
        import tokenizers

        try:
            return tokenizers.Tokenizer.from_file(str(path)), {}, None
        except Exception as error:
            raise ValueError(f"'{path}' is not a tokenizer.json file: {error}") from error
        except BaseException as error:  # a panic in Rust is not an Exception
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise ValueError(f"'{path}' is not a tokenizer.json file: {error}") from None
    if is_other:
        raise ValueError(f"tokenizer 'hf:{path}' is not a regular file, nor a folder")
    with needs("hub", f"tokenizer 'hf:{name_or_path}'"):
        from transformers import AutoTokenizer
    try:
        loaded = load_pretrained(AutoTokenizer, place)
    except UntrustedCode as error:
        raise UntrustedCode(f"tokenizer 'hf:{name_or_path}': {error}", error.name) from None
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
