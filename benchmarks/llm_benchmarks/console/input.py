"""Checks of what a person gives on the command line: folders, devices and the working directory.

`InputError` is the one error for bad input. `options.py` reads the values of options.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from llm_benchmarks.console.machine_faults import machine_fault

INTERRUPTED = 130
"""Exit status of an interrupted command."""
MAX_TOML_BYTES = 16 << 20
"""Larger TOML files are refused."""
_CODE_NAME = re.compile(r"([^\W\d][\w.]*):[^\W\d]")
_NO_MODULES = (
    *("file", "hub", "hf", "word", "byte", "evaluate", "llm_envs", "homeassistant", "classifier"),
    "preference",
)
"""Words before a colon that name no module of the person's own."""


class InputError(Exception):
    """Bad input. The command prints one line and exits with status 2."""


class OwnCodeError(Exception):
    """The person's own code raised, for example their agent. The command prints one line and exits with 1."""


def add_working_directory(texts: Iterable[str]) -> None:
    """Lets Python import modules from the working directory if one of the texts names code.

    The person's own module:factory is found there. Without such a name the folder stays off the path:
    libraries look for optional modules, and a downloaded folder may hold a file of that name.

    Args:
        texts: What the person wrote: words of the command line, suites.

    Raises:
        InputError: The working directory no longer exists.
    """
    try:
        here = os.getcwd()
    except OSError as error:
        raise InputError(
            f"the working directory cannot be used, perhaps it was removed ({error.strerror}); change to "
            "another one first: cd ~"
        ) from None
    if here not in sys.path and any(map(_names_code, texts)):
        sys.path.append(here)


def words_and_toml_texts(words: Sequence[str]) -> list[str]:
    """Returns the words of a command line and the text of every TOML file they name."""
    paths = [Path(word.rpartition("=")[2]) for word in words if word.endswith(".toml")]
    files = [path for path in paths if path.is_file() and path.stat().st_size <= MAX_TOML_BYTES]
    return [*words, *(path.read_text(encoding="utf-8", errors="replace") for path in files)]


def _names_code(text: str) -> bool:
    return any(match[1] not in _NO_MODULES for match in _CODE_NAME.finditer(text))


@contextmanager
def bad_input() -> Iterator[None]:
    """Turns errors about the input into an `InputError`.

    Use it for checks only: an error inside long work may be a fault of this package.

    Raises:
        InputError: The block raised an error of a kind that bad input causes.
    """
    from gymnasium.error import Error as GymnasiumError

    try:
        yield
    except ModuleNotFoundError as error:
        from llm_envs.checks.extras import missing

        raise InputError(str(missing(error, "benchmarks") or error)) from error
    except (ValueError, TypeError, LookupError, OSError, ImportError, GymnasiumError) as error:
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        text = text.partition(" was raised from the environment creator")[0]  # Gymnasium's addition
        if isinstance(error, OSError):
            text = machine_fault(error) or text
        raise InputError(text or type(error).__name__) from error


def usable_folder(folder: Path, option: str = "--store") -> None:
    """Makes a folder and checks that a file can be written in it.

    Commands call this before any work, so that no result is lost at the end.

    Args:
        folder: The folder.
        option: The option that named it, for errors.

    Raises:
        InputError: The path is a file, or nothing can be written there.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{option} {shown_path(folder)} is a file; name a folder")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, option, error) from error


def creatable(path: Path, option: str) -> None:
    """Checks that a file or folder can be made at a path later; makes nothing.

    Args:
        path: The file or folder.
        option: The option that named it, for errors.

    Raises:
        InputError: Nothing can be written there.
    """
    try:
        nearest = path if path.is_dir() else path.parent
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise _unwritable(path, option, error) from error


def _unwritable(path: Path, option: str, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(
        f"{option} {shown_path(path)}: nothing can be written there: {reason}; name a folder that you may "
        "write to, on a disk with room"
    )


def existing_store(store: Path) -> Path:
    """Returns the folder of a store that exists.

    Raises:
        InputError: There is no such folder.
    """
    if not is_folder(store):
        raise InputError(
            f"--store: there is no folder {shown_path(store)}; `llm-envs evaluate` and `benchmark` make one"
        )
    return store


def is_folder(path: str | Path) -> bool:
    """True if the folder exists; False for a name that is too long or that may not be read."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def shown_path(path: Path) -> str:
    """Returns a path as errors show it: quoted, escaped, cut at 200 characters."""
    from llm_envs.foreign import shown

    return shown(repr(str(path)), 200)


def usable_device(device: str, option: str = "--device") -> None:
    """Checks that a torch device works on this machine.

    Args:
        device: "auto" or a torch device.
        option: The option that named it, for errors.

    Raises:
        ValueError: There is no such device here.
    """
    import torch

    if device == "auto":
        return
    try:
        torch.zeros(1, device=device).tolist()  # reading fails on "meta", which has no memory
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"{option} {device!r} cannot be used here ({str(error).splitlines()[0]}); 'auto' takes a GPU "
            "if there is one"
        ) from None
