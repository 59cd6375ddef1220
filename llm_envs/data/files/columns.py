"""From a row of a table to an `Example`: which column holds what."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.data.corpus import SPLITS, Columns
from llm_envs.data.errors import DataError
from llm_envs.episode import Example
from llm_envs.foreign import shown
from llm_envs.foreign.bounded_json import MAX_DEPTH, MAX_INTEGER

ROLES = ("source", "references", "split", "metadata")

SOURCE_NAMES = ("source", "prompt", "input", "question", "instruction", "src", "text")
REFERENCES_NAMES = (
    *("references", "reference", "target", "targets", "answer", "answers"),
    *("response", "output", "completion", "tgt"),
)
_PART_NAMES = ("context",)
"""Columns that are not a source themselves, but that a source may need."""
_ALPACA = ("instruction", "input")
"""The columns of a task and what it is to be done to, and "output" (Taori et al. 2023). Their authors put a
blank line between; the column "text" that some copies have holds all three."""
SPLIT_NAMES = ("split", "fold")
METADATA_NAMES = ("metadata", "group")

SPLIT_VALUES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}


class RowError(Exception):
    """The fault of a row, and what was expected. The reader adds the place."""


@dataclass(frozen=True)
class ColumnMapping:
    """The columns of a table that make up an example.

    Attributes:
        source: The columns of the source. Several are joined by a blank line; empty ones are skipped.
        references: The columns of the references; none for prompt-only data.
        split: The column that names the official split, if there is one.
        metadata: Columns that are kept under their own names. An object in a column called
            "metadata" is merged instead.
        absent: Usual names that the first row has no column for. A later row with such a column is an error.
        note: What to tell the user about the choice; empty if there is nothing to tell.
    """

    source: tuple[str, ...]
    references: tuple[str, ...]
    split: str | None
    metadata: tuple[str, ...]
    absent: frozenset[str] = frozenset()
    note: str = ""

    @classmethod
    def resolve(cls, columns: Columns | None, available: Sequence[str], place: str) -> ColumnMapping:
        """Finds the columns asked for, and columns of usual names for the other roles.

        Args:
            columns: The user's choice, by role. None uses the usual names only.
            available: The columns of the table.
            place: The file or data set, for errors.

        Raises:
            DataError: If a role is unknown, a column is missing, no column holds the source, or several could
                hold the same.
        """
        chosen = (
            {role: _listed(role, names) for role, names in columns.items()} if columns is not None else {}
        )
        for role, names in chosen.items():
            for name in names:
                if name.partition(".")[0] not in available and name not in available:
                    hint = did_you_mean(name, available)
                    raise DataError(
                        f"{place} has no column {name!r} (asked for as {role}){hint} "
                        f"its columns are {', '.join(available)}"
                    )
            if (role == "source" and not names) or (role == "split" and len(names) > 1):
                raise DataError(f"columns[{role!r}] names {len(names)} columns; expected one")

        def usual(names: Iterable[str]) -> list[str]:
            taken = {name for given in chosen.values() for name in given}
            return [name for name in names if name in available and name not in taken]

        def only(role: str, names: Iterable[str], join: str = "") -> list[str]:
            found = usual(names)
            if len(found) > 1:
                raise DataError(
                    f"{place} has several columns that may hold the {role}: {', '.join(found)}. Say which: "
                    f'columns={{"{role}": "{found[0]}"}}' + (f", or {join}: [...]" if join else "")
                )
            return found

        note = ""
        source = chosen.get("source")
        if source is None and _is_alpaca(available, usual(SOURCE_NAMES)):
            source = list(_ALPACA)
            note = (
                f"{place}: the source is the column 'instruction', a blank line and the column 'input', as "
                'Alpaca has it; columns={"source": ["instruction", "input"]} says so yourself'
            )
        elif source is None:
            alone = usual(SOURCE_NAMES)
            source = only("source", (*SOURCE_NAMES, *_PART_NAMES), "join several") if alone else []
        if not source:
            raise DataError(
                f"{place}: no column holds the source; its columns are {', '.join(available)}, "
                f"expected one of {', '.join(SOURCE_NAMES)}, or say which: "
                'columns={"source": "...", "references": "..."}'
            )
        references = chosen.get("references")
        if references is None:
            references = only("references", REFERENCES_NAMES, "take several")
        split = chosen["split"] if "split" in chosen else only("split", SPLIT_NAMES)
        metadata = chosen.get("metadata", usual(METADATA_NAMES))
        usual_names = {
            "source": (*SOURCE_NAMES, *_PART_NAMES),
            "references": REFERENCES_NAMES,
            "split": SPLIT_NAMES,
            "metadata": METADATA_NAMES,
        }
        left_open = (names for role, names in usual_names.items() if role not in chosen)
        absent = frozenset(name for names in left_open for name in names) - set(available)
        return cls(
            tuple(source), tuple(references), split[0] if split else None, tuple(metadata), absent, note
        )

    @property
    def columns(self) -> list[str]:
        """The columns that have to be read."""
        split = (self.split,) if self.split else ()
        names = (*self.source, *self.references, *split, *self.metadata)
        return list(dict.fromkeys(names))

    def check_columns(self, row: Mapping[str, Any]) -> None:
        """Raises if a row has a usual column that the first row did not have.

        Raises:
            RowError: The row has such a column.
        """
        if late := sorted(self.absent & row.keys()):
            raise RowError(
                f"a column {late[0]!r}, which the first row does not have; expected the same columns in all "
                "rows, null if there is none"
            )

    def example(self, row: Mapping[str, Any]) -> Example:
        """Returns the example of a row.

        Raises:
            RowError: If a value is missing, has the wrong type, or is text that cannot be encoded.
        """
        source = "\n\n".join(self._source_parts(row))
        references: list[str] = []
        for column in self.references:
            value = _value(row, column)
            texts = value if isinstance(value, list | tuple) else [value]
            for text in texts:
                if text is None or (isinstance(text, str) and not text.strip()):
                    continue
                if not isinstance(text, str):
                    raise RowError(
                        f"column {column!r} {_found(text)}; expected a reference, "
                        "that is a text or a list of texts"
                    )
                _check_characters(text, column)
                references.append(text)
        metadata: dict[str, Any] = {}
        for column in self.metadata:
            value = _plain(_value(row, column), column)
            if column == "metadata" and isinstance(value, dict):
                metadata |= value
            elif value is not None:
                metadata[column] = value
        return Example(source, tuple(references), metadata)

    def _source_parts(self, row: Mapping[str, Any]) -> list[str]:
        parts = []
        for column in self.source:
            part = _value(row, column)
            if len(self.source) > 1 and (part is None or (isinstance(part, str) and not part.strip())):
                continue
            if not isinstance(part, str) or not part.strip():
                raise RowError(f"column {column!r} {_found(part)}; expected the source, a text")
            _check_characters(part, column)
            parts.append(part)
        if not parts:
            raise RowError(
                f"columns {', '.join(map(repr, self.source))} are empty; expected the source, a text"
            )
        return parts

    def official_split(self, row: Mapping[str, Any]) -> str | None:
        """Returns the split that the row names, or None if the table has no such column.

        Raises:
            RowError: If the name is unknown.
        """
        if self.split is None:
            return None
        value = _value(row, self.split)
        split = SPLIT_VALUES.get(value.strip().lower()) if isinstance(value, str) else None
        if split is None:
            raise RowError(f"column {self.split!r} {_found(value)}; expected a split: {', '.join(SPLITS)}")
        return split


def _is_alpaca(available: Sequence[str], candidates: Sequence[str]) -> bool:
    return set(candidates) - {"text"} == set(_ALPACA) and ("text" not in candidates or "output" in available)


def _listed(role: str, names: str | Sequence[str]) -> list[str]:
    if role not in ROLES:
        raise DataError(
            f"unknown key {role!r} in columns={did_you_mean(role, ROLES)} expected {', '.join(ROLES)}"
        )
    given = [names] if isinstance(names, str) else names
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        raise DataError(f"columns[{role!r}] is {shown(repr(names), 100)}; expected column names")
    return list(given)


def _value(row: Mapping[str, Any], column: str) -> Any:
    """Returns a column, or the value that a dotted name finds inside one."""
    if column in row or "." not in column:
        return row.get(column)
    value: Any = row
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _found(value: Any) -> str:
    if value is None:
        return "is missing"
    if isinstance(value, str) and not value.strip():
        return "is empty"
    text = _repr(value)
    return f"holds {type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except (RecursionError, ValueError):  # nested too deep, or an integer of too many digits
        return "of no use"


def _check_characters(text: str, column: str) -> None:
    """Raises if a text holds half a surrogate pair. JSON can spell it, but no tokenizer can read it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RowError(
            f"column {column!r} holds {text[error.start]!r} at position {error.start + 1}, which is half "
            "of a character (a lone surrogate); expected whole characters: was the text cut inside an emoji?"
        ) from None


def _plain(value: Any, column: str, depth: int = 0) -> Any:
    """Returns the value as JSON knows it, within bounds. Dates and other types become text.

    Raises:
        RowError: It holds half a surrogate pair, an infinite or a huge number, or is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise RowError(f"column {column!r} is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        _check_characters(value, column)
    elif isinstance(value, float) and not math.isfinite(value):
        raise RowError(f"column {column!r} holds {value}; expected a finite number, or nothing (null)")
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise RowError(
            f"column {column!r} holds an integer beyond 64 bits; expected a number, or it as a text"
        )
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(_plain(str(key), column)): _plain(item, column, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item, column, depth + 1) for item in value]
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    return str(value)
