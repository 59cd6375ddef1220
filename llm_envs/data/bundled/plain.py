"""Bundled corpora without code of their own: files of corpora/ with a source and references in each row.

``NAME.jsonl`` is the English corpus "NAME", ``NAME.de.jsonl`` a German one. The columns are those of a user's
file: "source", "references", and "split" if the file draws its splits itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from llm_envs.data.bundled.reader import FOLDER
from llm_envs.data.corpus import Contents


def plain_corpora(others: Set[str]) -> Iterator[tuple[str, str, str]]:
    """Yields (name, language, file name) of each file that no other loader reads.

    Args:
        others: Names of the corpora that have a loader.
    """
    for path in sorted(FOLDER.glob("*.jsonl")):
        name, _, language = path.stem.partition(".")
        if name not in others:
            yield name, language or "en", path.name


def load(file: str) -> Contents:
    """Reads a file of corpora/ as a user's file is read.

    Raises:
        DataError: A row has no source, or another fault; the row is named.
    """
    from llm_envs.data.files.local import load as load_file  # only when the corpus is used

    return load_file(str(FOLDER / file), None)
