"""What stands on a command line, read and checked; and the one error for what is wrong with it."""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

INTERRUPTED = 130


class InputError(Exception):
    """Bad input: told in one line, with exit status 2."""


@contextmanager
def bad_input() -> Iterator[None]:
    """Turns errors about what was asked for into an `InputError`. Not for what runs for long."""
    from gymnasium.error import Error as GymnasiumError

    try:
        yield
    except ModuleNotFoundError as error:
        from llm_envs.extras import missing

        raise InputError(str(missing(error, "benchmarks") or error)) from error
    except (ValueError, TypeError, LookupError, OSError, ImportError, GymnasiumError) as error:
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        text = text.partition(" was raised from the environment creator")[0]  # Gymnasium's addition
        raise InputError(text or type(error).__name__) from error


def usable_folder(folder: Path, option: str = "--store") -> None:
    """Makes a folder, before any work whose result could not be kept.

    Raises:
        InputError: It is a file, or nothing can be written there.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{option} {str(folder)!r} is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{option} {str(folder)!r}: nothing can be written there: {error}") from error


def existing_store(store: Path) -> Path:
    """The folder of a store, which must be there.

    Raises:
        InputError: It is not.
    """
    if not store.is_dir():
        raise InputError(f"there is no folder {str(store)!r}; `llm-envs evaluate` and `benchmark` make one")
    return store


def usable_device(device: str) -> None:
    """Tries a torch device.

    Raises:
        ValueError: There is none of this name here.
    """
    import torch

    if device == "auto":
        return
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"--device {device!r} cannot be used here ({str(error).splitlines()[0]}); 'auto' takes a GPU "
            "where there is one"
        ) from None


def reward_spec(text: str) -> Any:
    """A reward's name as it is, or the JSON of a specification.

    Raises:
        ValueError: It begins like JSON and is none.
    """
    if not text.lstrip().startswith(("{", "[", '"')):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"--reward {text!r} is no JSON: {error}") from None


def configuration(file: Path | None, assignments: Sequence[str]) -> dict[str, Any]:
    """The options in a TOML file, and KEY=VALUE on top.

    Raises:
        ValueError: Either cannot be read.
    """
    read: dict[str, Any] = {}
    if file is not None:
        try:
            read = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"--config {str(file)!r}: {error}") from None
    return {**read, **values(assignments, "--set")}


def values(assignments: Sequence[str], option: str) -> dict[str, Any]:
    """KEY=VALUE pairs; a value is JSON where it is some (1, 0.5, true, null, [1, 2]), else a string.

    Raises:
        ValueError: One is no such pair, or a key stands twice.
    """
    read: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator or not key.strip():
            raise ValueError(f"{option} {assignment!r} must be KEY=VALUE")
        if key.strip() in read:
            raise ValueError(f"{option}: {key.strip()!r} is given twice")
        try:
            read[key.strip()] = json.loads(text)
        except ValueError:
            read[key.strip()] = text
    return read
