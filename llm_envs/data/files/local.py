"""``file:PATH[:quoted|:unquoted]``: a .jsonl, .csv, .tsv or .parquet file, or a folder with one per split.

In .csv files quotation marks enclose fields (RFC 4180). In .tsv files they are ordinary characters (IANA
text/tab-separated-values). The ending after the path overrides this.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.data.corpus import Columns, Contents
from llm_envs.data.errors import DataError
from llm_envs.data.files.columns import SPLIT_VALUES
from llm_envs.data.files.delimited import Delimited
from llm_envs.data.files.json_lines import JsonLines
from llm_envs.data.files.names import read_file_name
from llm_envs.data.files.parquet import Parquet
from llm_envs.data.files.scanning import read_tables
from llm_envs.data.files.table import Table
from llm_envs.foreign import shown

SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")


def load(name: str, columns: Columns | None) -> Contents:
    """Reads a file, or a folder of ``train``, ``validation`` and ``test`` files.

    Raises:
        DataError: If the file does not exist, cannot be read, is of an unknown kind, or has a bad row.
    """
    try:
        given, quoted = read_file_name(name)
        path = Path(given).expanduser()
        if path.is_dir():
            return read_tables(_folder(path, quoted), columns, str(path))
        if not path.exists():
            with suppress(OSError):
                beside = [file.name for file in path.parent.iterdir()]
                hint = did_you_mean(path.name, beside)
                raise DataError(f"there is no file {str(path)!r}{hint} give the path of a file")
            raise DataError(f"there is no file {str(path)!r}, nor a folder it could be in")
        return read_tables([(None, open_table(path, quoted))], columns, str(path))
    except OSError as error:
        place = name if error.filename is None else error.filename
        raise DataError(f"data file {shown(repr(str(place)), 200)}: {error.strerror}") from error
    except RuntimeError as error:  # pathlib raises it about home folders
        raise DataError(f"data file {shown(repr(name), 200)}: {error}") from error


def open_table(path: Path, quoted: bool | None = None) -> Table:
    """Returns the table of a file, by its suffix.

    Args:
        path: The file.
        quoted: True if quotation marks enclose fields. None takes the usual choice for the suffix.

    Raises:
        DataError: The suffix is unknown or has no fields to quote, or the path is not a regular file.
            Reading from a pipe may wait forever, and reading from a device may never end.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise DataError(f"{path} is not a regular file; copy its content into one")
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return Delimited(path, "," if suffix == ".csv" else "\t", quoted=quoted)
    if quoted is not None:
        raise DataError(f"{path}: ':quoted' and ':unquoted' are for .csv and .tsv files; leave it out")
    if suffix == ".jsonl":
        return JsonLines(path)
    if suffix == ".parquet":
        return Parquet(path)
    raise DataError(f"{path} ends in {suffix!r}; expected one of {', '.join(SUFFIXES)}")


def _folder(path: Path, quoted: bool | None) -> list[tuple[str | None, Table]]:
    """Returns the files named after splits: ``train.jsonl``, ``test-00000-of-00002.parquet``, ..."""
    tables: list[tuple[str | None, Table]] = []
    for file in sorted(path.iterdir()):
        stem = re.split(r"[-_.]", file.name.lower())[0]
        if file.suffix.lower() in SUFFIXES and stem in SPLIT_VALUES:
            if not file.exists():
                raise DataError(f"{file} is a link to {str(file.readlink())!r}, where there is no file")
            tables.append((SPLIT_VALUES[stem], open_table(file, quoted)))
    if not tables:
        raise DataError(
            f"folder {path} has no data files; expected train, validation or test with "
            f"one of the endings {', '.join(SUFFIXES)}"
        )
    return tables
