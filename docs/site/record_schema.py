"""The page of a record's fields, made from the JSON schema that records are checked against."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SCHEMA = "benchmarks/llm_benchmarks/records/record.schema.json"
SCHEMA_PAGE = "extend/record_schema.md"


def schema_page(path: Path) -> str:
    """Returns the page as Markdown: a section for each part of a record, a row for each field."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    defined = schema["$defs"]
    plain = {name: part for name, part in schema["properties"].items() if "properties" not in part}
    parts = [
        "# Fields of a record",
        schema["description"].replace("see $defs", "[see below](#episode)"),
        f"Made from `{SCHEMA}`. [Add a record](record.md) says how to get one.",
        _table(_rows(plain, schema.get("required", ()))),
    ]
    for name, part in schema["properties"].items():
        if "properties" in part:
            parts += [f"## {name}", *_section(part)]
    for name, part in defined.items():
        if "properties" in part and part.get("required"):
            parts += [f"## {name}", *_section(part)]
    values = [
        (f"`{name}`", _kind(part), _limits(part), part.get("description", ""))
        for name, part in defined.items()
        if not (part.get("properties") and part.get("required"))
    ]
    parts += ["## Values", _table(values, ("value", "type", "limits", "what it is"))]
    return "\n\n".join(parts) + "\n"


def _section(part: Mapping[str, Any]) -> list[str]:
    text = [part["description"]] if "description" in part else []
    return [*text, _table(_rows(part["properties"], part.get("required", ())))]


def _rows(
    properties: Mapping[str, Any], required: Any, before: str = ""
) -> Iterator[tuple[str, str, str, str]]:
    for name, part in properties.items():
        described = part.get("description", "")
        yield f"`{before}{name}`", _kind(part), "yes" if name in required else "", described
        if "properties" in part and "additionalProperties" in part:
            yield from _rows(part["properties"], part.get("required", ()), f"{before}{name}.")


def _kind(part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return name.replace("_or_null", " or null")
    if "const" in part:
        return f"`{json.dumps(part['const'])}`"
    if "enum" in part:
        return ", ".join(f"`{json.dumps(value)}`" for value in part["enum"])
    if "anyOf" in part:
        return " or ".join(_kind(choice) for choice in part["anyOf"])
    if part.get("type") == "array" and "items" in part:
        return f"list of {_kind(part['items'])}"
    kind = part.get("type", "any JSON")
    return kind if isinstance(kind, str) else " or ".join(kind)


def _limits(part: Mapping[str, Any]) -> str:
    named = {
        "minimum": "from",
        "maximum": "to",
        "minLength": "length from",
        "maxLength": "length to",
        "maxProperties": "entries to",
        "pattern": "pattern",
    }
    return ", ".join(f"{word} `{part[key]}`" for key, word in named.items() if key in part)


def _table(rows: Any, head: tuple[str, ...] = ("field", "type", "required", "what it is")) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
