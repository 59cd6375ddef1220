"""Pairs of user-interface strings, from the translation files of a wheel."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LANGUAGES = {"de": "de", "es": "es", "zh": "zh-Hans"}
"""Language -> the name of its files."""


def convert_homeassistant(wheel: zipfile.ZipFile, folder: Path) -> None:
    """Writes `en-LANGUAGE.jsonl`: every distinct [English, translation], in the order of files and keys."""
    files: dict[str, set[str]] = {}
    for name in wheel.namelist():
        place, _, file = name.rpartition("/")
        if place.endswith("/translations") and file.endswith(".json"):
            files.setdefault(place, set()).add(file)
    english = {
        place: dict(_strings(json.loads(wheel.read(f"{place}/en.json"))))
        for place in sorted(files)
        if "en.json" in files[place]
    }
    for language, file in LANGUAGES.items():
        pairs: dict[tuple[str, str], None] = {}
        for place, sources in english.items():
            if f"{file}.json" in files[place]:
                targets = dict(_strings(json.loads(wheel.read(f"{place}/{file}.json"))))
                pairs |= {(text, targets[key]): None for key, text in sources.items() if key in targets}
        with open(folder / f"en-{language}.jsonl", "w", encoding="utf-8", newline="\n") as lines:
            for pair in pairs:
                lines.write(json.dumps(pair, ensure_ascii=False) + "\n")


def _strings(node: Any, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yields the strings of a nested object, by their path."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield from _strings(child, (*key, name))
    elif isinstance(node, str):
        yield key, node
