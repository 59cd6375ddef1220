"""Corpus: named, licensed, hashed examples in a train, a validation and a test split."""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.data.errors import DataError
from llm_envs.data.files.names import label
from llm_envs.episode import Example
from llm_envs.tokenizers.words import is_unspaced, script_language

SPLITS = ("train", "validation", "test")

Columns = Mapping[str, "str | list[str]"]


@dataclass(frozen=True)
class Contents:
    """The result of loading a corpus.

    Attributes:
        splits: Examples by split. A split that is left out is empty.
        content_hash: The hash of the examples, if loading has computed it.
    """

    splits: Mapping[str, Sequence[Example]]
    content_hash: str | None = None


class Corpus:
    """A data set. Its metadata is known at once; its examples are read when they are first needed.

    Made by `llm_envs.data.load_corpus` or, from examples in memory, by `Corpus.from_examples`.

    Attributes:
        name: The spec of the corpus.
        license: The licence of the texts.
        description: One line for listings.
        label: Its name in records. Of files and folders only the last part of the path.
        identity: Its name in signatures. "own" for files and the hub, which the `content_hash` identifies.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], Contents],
        *,
        language: str | None,
        license: str,
        description: str,
        reopen: Callable[[str | None], Corpus] | None = None,
    ) -> None:
        """Describes a corpus without loading it.

        Args:
            name: The spec of the corpus.
            load: Reads the examples. It is called once, when they are first needed.
            language: Language of the references. None guesses it from the text when it is needed.
            license: The licence of the texts.
            description: One line for listings.
            reopen: Returns the corpus again, given its content hash or None. A pickled corpus consists of it.
                Without it, pickling copies the examples.
        """
        self.name = name
        own = name.startswith(("file:", "hub:"))
        self.label = label(name) if own else name
        self.identity = "own" if own else name
        self.license = license
        self.description = description
        self._load = load
        self._language = language
        self._reopen = reopen
        self._splits: dict[str, Sequence[Example]] | None = None
        self._content_hash: str | None = None
        self._expected_hash: str | None = None

    @classmethod
    def from_examples(
        cls,
        name: str,
        language: str,
        splits: Mapping[str, Sequence[Example]],
        *,
        license: str = "unknown",
        description: str = "",
    ) -> Corpus:
        """Makes a corpus of examples in memory.

        Args:
            name: The name of the corpus in records and errors.
            language: Language of the references: "en", "de", "zh", "it", "code".
            splits: Examples by split ("train", "validation", "test"). Any split may be left out.
            license: The licence of the texts.
            description: One line for listings.

        Raises:
            DataError: If a split has an unknown name, or no split has an example.
        """
        kept = {split: tuple(examples) for split, examples in splits.items()}
        load = _Given(kept)
        corpus = cls(name, load, language=language, license=license, description=description)
        corpus.load()
        return corpus

    def load(self) -> Corpus:
        """Reads the examples if they have not been read yet. Returns the corpus itself."""
        self._loaded()
        return self

    @property
    def language(self) -> str:
        """Language of the references ("en", "de", ...; "code"; "und" if it cannot be guessed)."""
        if self._language is None:
            self._language = _guess_language(self._loaded())
        return self._language

    @property
    def sizes(self) -> dict[str, int]:
        """The number of examples of each split."""
        return {split: len(examples) for split, examples in self._loaded().items()}

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) over the examples of all splits in order, the same on every machine."""
        splits = self._loaded()
        if self._content_hash is None:
            self._content_hash = combine_digests(
                {name: map(example_digest, examples) for name, examples in splits.items()}
            )
        return self._content_hash

    def split(self, name: str) -> Sequence[Example]:
        """Returns the examples of a split.

        Raises:
            DataError: If the split is unknown or empty.
        """
        if name not in SPLITS:
            hint = did_you_mean(name, SPLITS)
            raise DataError(
                f"unknown split {name!r} of data set {self.name!r}{hint} the splits are {', '.join(SPLITS)}"
            )
        examples = self._loaded()[name]
        if not examples:
            sizes = ", ".join(f"{split} {size}" for split, size in self.sizes.items())
            raise DataError(
                f"data set {self.name!r} has no examples in split {name!r} ({sizes}); a file is split by "
                "itself where it has three sources (or groups) or more, a column 'split' says the split of "
                "each row, and a folder may hold train, validation and test files"
            )
        return examples

    def train_texts(self) -> Sequence[str]:
        """Returns all references of the train split in order, each text once.

        Large files are read as needed.
        """
        examples = self.split("train")
        if isinstance(examples, tuple):
            return tuple(dict.fromkeys(text for e in examples for text in e.references))
        return _ReferenceTexts(examples)

    def _loaded(self) -> dict[str, Sequence[Example]]:
        if self._splits is None:
            contents = self._load()
            for name in contents.splits:
                if name not in SPLITS:
                    raise DataError(
                        f"unknown split {name!r} of data set {self.name!r}; expected {', '.join(SPLITS)}"
                    )
            if not any(len(examples) for examples in contents.splits.values()):
                raise DataError(f"data set {self.name!r} is empty: it has no examples at all")
            self._splits = {name: contents.splits.get(name, ()) for name in SPLITS}
            self._content_hash = contents.content_hash
            if self._expected_hash is not None and self.content_hash != self._expected_hash:
                self._splits = None
                raise DataError(
                    f"data set {self.name!r} has changed since this copy was pickled "
                    f"(content hash {self._content_hash}, then {self._expected_hash}); load it again"
                )
        return self._splits

    def expect_hash(self, content_hash: str) -> None:
        """Makes reading fail if the examples have another hash; has no effect once they have been read."""
        if self._splits is None:
            self._expected_hash = content_hash

    def __repr__(self) -> str:
        sizes = f", sizes={self.sizes}" if self._splits is not None else ""
        return f"Corpus({self.name!r}{sizes})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._reopen is not None:
            return self._reopen, (self._content_hash,)
        splits = {name: list(examples) for name, examples in self._loaded().items()}
        return _remake, (self.name, self.language, splits, self.license, self.description)


@dataclass(frozen=True)
class _Given:
    """A loader that returns examples in memory."""

    splits: Mapping[str, Sequence[Example]]

    def __call__(self) -> Contents:
        return Contents(self.splits)


class _ReferenceTexts(Sequence[str]):
    """The distinct references of lazily decoded examples. It holds positions instead of texts."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples
        self._places: array[int] | None = None

    def __iter__(self) -> Iterator[str]:
        seen: set[int] = set()
        for example in self._examples:
            for text in example.references:
                if hash(text) not in seen:
                    seen.add(hash(text))
                    yield text

    def _index(self) -> array[int]:
        """Pairs of numbers: the example, and which of its references."""
        if self._places is None:
            seen: set[int] = set()
            places = array("q")
            for row, example in enumerate(self._examples):
                for position, text in enumerate(example.references):
                    if hash(text) not in seen:
                        seen.add(hash(text))
                        places.extend((row, position))
            self._places = places
        return self._places

    def __len__(self) -> int:
        return len(self._index()) // 2

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        places = self._index()
        return self._examples[places[2 * at]].references[places[2 * at + 1]]


def example_digest(example: Example) -> bytes:
    """Returns the SHA-256 of one example: source, references and metadata as canonical JSON."""
    record = [example.source, list(example.references), dict(example.metadata)]
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def combine_digests(digests: Mapping[str, Iterable[bytes]]) -> str:
    """Returns the content hash (hex) of a corpus from the digests of its examples by split."""
    whole = hashlib.sha256()
    for name in SPLITS:
        part = hashlib.sha256()
        for digest in digests.get(name, ()):
            part.update(digest)
        whole.update(name.encode() + part.digest())
    return whole.hexdigest()


def _guess_language(splits: Mapping[str, Sequence[Example]]) -> str:
    """Guesses the language from the first references, or from the sources if there are none."""
    examples = next(examples for examples in splits.values() if examples)[:200]
    text = " ".join(text for e in examples for text in e.references[:1] or (e.source,))[:4000]
    if not any(character.isalpha() for character in text):
        return "und"
    if script := script_language(text):
        return script
    import py3langid

    language = str(py3langid.classify(text)[0])
    if is_unspaced(text) and language not in ("zh", "ja", "yue", "wuu"):
        return "zh" if re.search("[\u4e00-\u9fff]", text) else "und"
    return language


def _remake(
    name: str,
    language: str,
    splits: Mapping[str, Sequence[Example]],
    license: str,
    description: str,
) -> Corpus:
    return Corpus.from_examples(name, language, splits, license=license, description=description)
