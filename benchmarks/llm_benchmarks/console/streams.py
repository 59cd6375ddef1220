"""The standard streams of a process: open, patient with a reader that leaves, and able to say any text."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import Any

_ESCAPES = "llm_envs.escapes"
_NARROWEST = 20  # columns; COLUMNS=0 would leave help empty


def prepare_streams() -> None:
    r"""Makes the standard streams fit for any text and any reader. For the process's own outermost place.

    A stream that is closed becomes the null device, so that no file takes its number. A character that the
    terminal's encoding lacks becomes an escape such as \u4f60, which stays valid in JSON. Where the reader of
    a pipe has left (`| head -1`), what is still written goes nowhere, and the work goes on.
    """
    codecs.register_error(_ESCAPES, _escape)
    columns = os.environ.get("COLUMNS", "")
    if columns and not (columns.isdecimal() and int(columns) >= _NARROWEST):
        del os.environ["COLUMNS"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        stream = getattr(sys, name)
        if stream is None:
            mode = "w" if number else "r"
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
        if number == 0:
            with suppress(io.UnsupportedOperation):  # somebody has read from it already
                stream.reconfigure(errors="replace")
        elif os.name == "posix":
            setattr(sys, name, _patient(stream, number))
        else:
            stream.reconfigure(errors=_ESCAPES)


def finish_output() -> str:
    """Writes out what the streams still hold.

    Returns:
        What went wrong with standard output; empty if nothing did.
    """
    said = ""
    for number, stream in ((2, sys.stderr), (1, sys.stdout)):
        try:
            stream.flush()
        except OSError as error:
            _to_null(number)  # else the interpreter tries again when it ends
            stream.flush()
            said = f"standard output: {error.strerror}" if number == 1 else ""
    return said


class _PatientFile(io.FileIO):
    """A stream whose reader may leave."""

    def write(self, data: Any) -> int:
        """Writes, nowhere if nobody reads any longer; an error names the stream."""
        try:
            return super().write(data)
        except BrokenPipeError:
            _to_null(self.fileno())
            return super().write(data)
        except OSError as error:
            stream = "standard output" if self.fileno() == 1 else "standard error"
            raise OSError(error.errno, error.strerror, stream) from None


def _patient(stream: Any, number: int) -> io.TextIOWrapper:
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_PatientFile(number, "w", closefd=False)),
        encoding=stream.encoding,
        errors=_ESCAPES,
        line_buffering=stream.line_buffering or stream.write_through,
    )


def _to_null(number: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Escapes of four digits, as JSON has them: "\ud83d\ude00" for a character beyond the first 65,536."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)), error.end
