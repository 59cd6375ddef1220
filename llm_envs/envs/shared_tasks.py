"""Tasks that environments share: made once per process, and looked up again after pickling or copying."""

from __future__ import annotations

import json
import operator
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llm_envs.data.files.stamps import Stamp, path_stamp
from llm_envs.envs.task import Task
from llm_envs.rewards.registry import redefinitions
from llm_envs.rewards.schemes import split_scheme


@dataclass(frozen=True, slots=True)
class _Made:
    """A task, with the files and objects that the names in its arguments stood for when it was made."""

    task: Task
    stamps: list[Stamp]
    objects: list[Any]


_made: dict[tuple[type[Task], str, int], _Made] = {}


def make_task(task_class: type[Task], arguments: Mapping[str, Any]) -> Task:
    """Returns a task; equal JSON-able arguments give the same one within a process.

    The task is made again if an argument names a file or folder that has changed. The same holds for the
    object behind a "package.module:name". The task's defaults replace arguments that are None.
    """
    arguments = {name: value for name, value in arguments.items() if value is not None}
    try:
        text = json.dumps(arguments, sort_keys=True)
    except (TypeError, ValueError):
        return task_class(**arguments)
    if str(arguments.get("dataset")).startswith(("file:", "hub:")):
        return task_class(**arguments)
    key = (task_class, text, redefinitions())
    names = list(
        _texts([arguments.get(name) for name in ("tokenizer", "reward", "metrics", "reward_timing")])
    )
    stamps = [path_stamp(_subject(name)) for name in names]
    made = _made.get(key)
    if made is not None and made.stamps == stamps and all(map(operator.is_, made.objects, _objects(names))):
        return made.task
    task = task_class(**arguments)
    _made[key] = _Made(task, stamps, _objects(names))  # making the task may have imported modules
    return task


def content_hashes(task: Task) -> dict[str, str]:
    """Returns the content hashes of a task's data set and tokenizer. Copies of an environment check them."""
    return {"data set": task.corpus.content_hash, "tokenizer": task.tokenizer.content_hash}


def find_again(task_class: type[Task], arguments: Mapping[str, Any], hashes: Mapping[str, str]) -> Task:
    """Returns the task of a copied or unpickled environment.

    Args:
        task_class: Its class.
        arguments: The arguments of the environment.
        hashes: Its `content_hashes`.

    Raises:
        ValueError: The arguments now give another data set or tokenizer. The copy would then have other
            spaces, prompts and tokens.
    """
    task = make_task(task_class, arguments)
    for what, now in content_hashes(task).items():
        if now != hashes[what]:
            name = task.corpus.name if what == "data set" else task.tokenizer.spec
            raise ValueError(
                f"{what} {name!r} has changed since this environment was made (content hash {now[:12]}, then "
                f"{hashes[what][:12]}), so it cannot be copied or unpickled; make it again"
            )
    return task


def _texts(value: Any) -> Iterator[str]:
    """Yields all strings in JSON-able data, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _subject(name: str) -> str:
    """Returns what a name with a scheme stands for: perhaps a file or a folder."""
    named = split_scheme(name)
    return name.removeprefix("hf:") if named is None else named[1]


def _objects(names: list[str]) -> list[Any]:
    """Returns the object behind each "package.module:name" if its module is imported, else None."""
    parts = [name.removeprefix("trl:").partition(":") for name in names]
    return [getattr(sys.modules.get(module), name.partition(".")[0], None) for module, _, name in parts]
