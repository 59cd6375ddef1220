"""A module that betrays itself when it is imported or called, and ways to name it in files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from llm_baselines.storage.sealed_folder import MANIFEST, seal

MODULE = "canary_in_a_file"
NAME = f"{MODULE}:sing"
SPECS: list[Any] = [
    NAME,
    {"id": NAME, "weight": 1.0},
    {NAME: 1.0},
    [{"id": "product", "rewards": {NAME: 1.0}}],
]
ENV_ID = f"{MODULE}:Canary-v0"
EVALUATE = f"evaluate:./{MODULE}.py"
"""The same file as a module of Hugging Face's `evaluate`, in the working directory."""


class Canary:
    """Says whether the module was imported or called since it was last asked."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "sung.txt"
        (folder / f"{MODULE}.py").write_text(
            "from pathlib import Path\n"
            f"LOG = Path({str(self._log)!r})\n"
            "LOG.write_text('imported')\n"
            "def sing(*args, **kwargs):\n"
            "    LOG.write_text('called')\n"
            "    return 0.0\n"
        )

    def sang(self) -> bool:
        """Whether anything of the module ran."""
        there = self._log.exists() or MODULE in sys.modules
        self._log.unlink(missing_ok=True)
        sys.modules.pop(MODULE, None)
        return there


def planted(value: Any, specs: list[Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Copies of a JSON value, each with one leaf, or one further key of an object, replaced by a name."""
    if isinstance(value, dict):
        for key, item in value.items():
            here = f"{path}.{key}" if path else key
            for where, changed in planted(item, specs, here):
                yield where, {**value, key: changed}
        for key in ("reward", "metrics", "env_id", "agent", "entry_point", "model", "auto_map", "tokenizer"):
            if key not in value and (not path or path.endswith(("config", "kwargs"))):
                yield f"{path}.{key} (added)", {**value, key: specs[0]}
    elif isinstance(value, list):
        if value and path.rpartition(".")[2] != "curve":
            for where, changed in planted(value[0], specs, f"{path}.0"):
                yield where, [changed, *value[1:]]
        yield path, [specs[0]]
    if not isinstance(value, dict | list) or path.rpartition(".")[2] in ("reward", "config", "kwargs"):
        for spec in specs if "reward" in path or path.endswith(("kwargs", "config")) else specs[:1]:
            yield path, spec


def refitted(folder: Path, name: str, content: Any) -> Callable[[], None]:
    """Replaces a JSON file and refits the manifest beside it, where there is one; returns the way back."""
    path, manifest = folder / name, folder / MANIFEST
    before = {place: place.read_bytes() for place in (path, manifest) if place.exists()}
    path.write_text(json.dumps(content), encoding="utf-8")
    if manifest.exists():
        others = [p for p in folder.iterdir() if p.is_dir() or p.name not in json.loads(before[manifest])]
        hidden = [(p, folder.parent / f"aside-{p.name}") for p in others if p != manifest]
        for place, aside in hidden:
            place.rename(aside)
        manifest.unlink()
        seal(folder)
        for place, aside in hidden:
            aside.rename(place)

    def back() -> None:
        for place, data in before.items():
            place.write_bytes(data)

    return back
