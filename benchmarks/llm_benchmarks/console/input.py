"""What stands on a command line, read and checked; and the one error for what is wrong with it."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

INTERRUPTED = 130
_SET_OTHERWISE = (
    *("self", "id", "split", "reward", "render_mode", "num_envs"),
    *("autoreset_mode", "max_episode_steps", "disable_env_checker"),
)
_MAX_TOML_BYTES = 16 << 20
_NAMED = re.compile(r"([^\W\d][\w.]*):[^\W\d]")
_NO_MODULES = ("file", "hub", "hf", "word", "byte", "evaluate", "llm_envs", "homeassistant")


class InputError(Exception):
    """Bad input: told in one line, with exit status 2."""


class OwnCodeError(Exception):
    """The person's own code raised, their agent for one: told in one line, with exit status 1."""


def add_working_directory(said: Iterable[str]) -> None:
    """Lets modules be imported from the working directory, where it is said that one is wanted.

    A user's module:factory is found there. Nobody else's module is: libraries look for optional ones, and a
    folder that was handed in may hold a file of such a name.

    Args:
        said: What the person wrote: words of the command line, suites.

    Raises:
        InputError: There is no working directory any longer.
    """
    try:
        here = os.getcwd()
    except OSError as error:
        raise InputError(
            f"the working directory cannot be used, perhaps it was removed ({error.strerror}); change to "
            "another one first: cd ~"
        ) from None
    if here not in sys.path and any(map(_names_code, said)):
        sys.path.append(here)


def own_words(words: Sequence[str]) -> list[str]:
    """The words of a command line, and the text of the TOML files that they name."""
    paths = [Path(word.rpartition("=")[2]) for word in words if word.endswith(".toml")]
    files = [path for path in paths if path.is_file() and path.stat().st_size <= _MAX_TOML_BYTES]
    return [*words, *(path.read_text(encoding="utf-8", errors="replace") for path in files)]


def _names_code(text: str) -> bool:
    return any(match[1] not in _NO_MODULES for match in _NAMED.finditer(text))


@contextmanager
def bad_input() -> Iterator[None]:
    """Turns errors about what was asked for into an `InputError`. Not for what runs for long."""
    from gymnasium.error import Error as GymnasiumError

    from llm_benchmarks.console.outermost import machine_fault

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
    """Makes a folder, before any work whose result could not be kept.

    Raises:
        InputError: It is a file, or nothing can be written there.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{option} {shown_path(folder)} is a file; name a folder")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unusable(folder, option, error) from error


def creatable(path: Path, option: str) -> None:
    """Makes sure that something can be written where a file or folder is to be made later; makes nothing.

    Raises:
        InputError: Nothing can be written there.
    """
    try:
        above = path if path.is_dir() else path.parent
        while not above.exists() and above != above.parent:
            above = above.parent
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise _unusable(path, option, error) from error


def _unusable(path: Path, option: str, error: OSError) -> InputError:
    said = error.strerror or str(error)
    return InputError(
        f"{option} {shown_path(path)}: nothing can be written there: {said}; name a place of yours, on a "
        "disk with room"
    )


def existing_store(store: Path) -> Path:
    """The folder of a store, which must be there.

    Raises:
        InputError: It is not.
    """
    if not is_folder(store):
        raise InputError(
            f"--store: there is no folder {shown_path(store)}; `llm-envs evaluate` and `benchmark` make one"
        )
    return store


def is_folder(path: str | Path) -> bool:
    """Whether a folder is there; a name that is too long, or leads through what is forbidden, is none."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def shown_path(path: Path) -> str:
    """A path in an error message."""
    from llm_envs.foreign import shown

    return shown(repr(str(path)), 200)


def usable_device(device: str, option: str = "--device") -> None:
    """Tries a torch device.

    Raises:
        ValueError: There is none of this name here.
    """
    import torch

    if device == "auto":
        return
    try:
        torch.zeros(1, device=device).tolist()  # of a device without memory nothing can be read
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"{option} {device!r} cannot be used here ({str(error).splitlines()[0]}); 'auto' takes a GPU "
            "where there is one"
        ) from None


def metric_specs(texts: Sequence[str]) -> Any:
    """The metrics of several --metrics: names, JSON entries, or JSON lists of such; "default" for none.

    Raises:
        ValueError: As `reward_spec`.
    """
    specs: list[Any] = []
    for spec in (reward_spec(text, "--metrics") for text in texts):
        specs += spec if isinstance(spec, list) else [spec]
    return "default" if specs in ([], ["default"]) else specs


def reward_spec(text: str, option: str = "--reward") -> Any:
    """A reward's name as it is, or the JSON of a specification.

    Raises:
        ValueError: It begins like JSON and is none, or exceeds the bounds of what is read as JSON.
    """
    if not text.lstrip().startswith(("{", "[", '"')):
        return text
    from llm_envs.foreign import parse_json, shown

    try:
        return parse_json(text, option)
    except ValueError as error:
        raise ValueError(f"{option} {shown(text, 100)!r} is no JSON that can be used: {error}") from None


def configuration(file: Path | None, assignments: Sequence[str]) -> dict[str, Any]:
    """The options in a TOML file, and KEY=VALUE on top.

    Raises:
        ValueError: Either cannot be read.
    """
    read = {} if file is None else read_toml(file, "--config")
    return {**read, **values(assignments, "--set")}


def read_toml(file: Path, what: str) -> dict[str, Any]:
    """Reads a TOML file.

    Args:
        file: The file.
        what: What it is given as ("--config", "suite"), for errors.

    Raises:
        ValueError: It is no regular file, too large, no UTF-8, no TOML, or too deep.
    """
    from llm_envs.foreign import ForeignDataError, check_bounded

    place = f"{what} {shown_path(file)}"
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        if status.st_size > _MAX_TOML_BYTES:
            raise ValueError(f"it has {status.st_size:,} bytes; at most {_MAX_TOML_BYTES:,} are read")
        read = tomllib.loads(file.read_text(encoding="utf-8"))
        check_bounded(read, place)
        return read
    except ForeignDataError:
        raise
    except UnicodeDecodeError as error:
        raise ValueError(f"{place}: not UTF-8: {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise ValueError(f"{place}: nested too deep") from None
    except OSError as error:
        raise ValueError(f"{place}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def values(assignments: Sequence[str], option: str) -> dict[str, Any]:
    """KEY=VALUE pairs; a value is JSON where it is some (1, 0.5, true, null, [1, 2]), else a string.

    Raises:
        ValueError: One is no such pair, a key stands twice, or a value exceeds the bounds of what is read
            as JSON.
    """
    read: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator or not key.strip():
            raise ValueError(f"{option} {assignment!r} must be KEY=VALUE")
        if key.strip() in read:
            raise ValueError(f"{option}: {key.strip()!r} is given twice")
        read[key.strip()] = _value(text, f"{option} {key.strip()}={text[:100]}")
    return read


def env_arguments(assignments: Sequence[str], *reserved: str) -> dict[str, Any]:
    """The environment's arguments in KEY=VALUE pairs.

    Args:
        assignments: From --env-set.
        reserved: Names that the command gives itself, beside those that all do.

    Raises:
        ValueError: As `values`, or one is an argument that is set otherwise.
    """
    given = values(assignments, "--env-set")
    for name in (*_SET_OTHERWISE, *reserved):
        if name in given:
            raise ValueError(
                f"--env-set {name}={given[name]!r}: {name!r} is no argument to give an environment here; it "
                "is set by itself, or has an option of its own"
            )
    return given


def _value(text: str, place: str) -> Any:
    try:
        json.loads(text, parse_int=str)
    except RecursionError:
        pass  # JSON, and too deep
    except ValueError:
        return text
    from llm_envs.foreign import parse_json

    return parse_json(text, place)
