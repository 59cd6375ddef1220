"""Standard streams that are open, that survive a closed pipe, and that can print any text."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import Any

_ESCAPES = "llm_envs.escapes"
_MIN_COLUMNS = 20  # COLUMNS=0 would leave help empty


def prepare_streams() -> None:
    r"""Prepares the standard streams of this process for any text and any reader.

    - A closed stream becomes the null device, so that no other file takes its number.
    - A character that the terminal's encoding lacks becomes an escape such as \u4f60, which is valid JSON.
    - When the reader of a pipe has left (`| head -1`), further output is discarded and the work goes on.

    Call it once, where the process starts.
    """
    codecs.register_error(_ESCAPES, _escape)
    columns = os.environ.get("COLUMNS", "")
    if columns and not (columns.isdecimal() and int(columns) >= _MIN_COLUMNS):
        del os.environ["COLUMNS"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
        stream = getattr(sys, name)
        if stream is None:
            mode = "w" if number else "r"
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
        if number == 0:
            with suppress(io.UnsupportedOperation):  # something was read from it already
                stream.reconfigure(errors="replace")
        elif os.name == "posix":
            setattr(sys, name, _pipe_safe(stream, number))
        else:
            stream.reconfigure(errors=_ESCAPES)


def finish_output() -> str:
    """Flushes standard output and standard error.

    Returns:
        The error of standard output; "" if there was none.
    """
    failure = ""
    for number, stream in ((2, sys.stderr), (1, sys.stdout)):
        try:
            stream.flush()
        except OSError as error:
            _to_null(number)  # or the interpreter would try again at exit
            stream.flush()
            failure = f"standard output: {error.strerror}" if number == 1 else ""
    return failure


class _PipeSafeFile(io.FileIO):
    """A stream that discards output after its reader has left."""

    def write(self, data: Any) -> int:
        """Writes the data.

        Raises:
            OSError: Another error than a closed pipe; it names the stream.
        """
        try:
            return super().write(data)
        except BrokenPipeError:
            _to_null(self.fileno())
            return super().write(data)
        except OSError as error:
            stream = "standard output" if self.fileno() == 1 else "standard error"
            raise OSError(error.errno, error.strerror, stream) from None


def _pipe_safe(stream: Any, number: int) -> io.TextIOWrapper:
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_PipeSafeFile(number, "w", closefd=False)),
        encoding=stream.encoding,
        errors=_ESCAPES,
        line_buffering=stream.line_buffering or stream.write_through,
    )


def _to_null(number: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Replaces characters by JSON escapes; one beyond U+FFFF becomes a pair such as "\ud83d\ude00"."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)), error.end
