"""Checks JSON values against `record.schema.json`, and against `record_1.schema.json` of earlier records."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match

from llm_benchmarks.records.plain_rows import PLAIN
from llm_benchmarks.records.values import RecordError
from llm_envs.foreign import ForeignDataError, check_bounded

# JSON Schema counts 1.0 as an integer; Python's seeds and indices do not.
_Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


@cache
def record_schema() -> dict[str, Any]:
    """Returns the JSON Schema of a record, with that of an episode under `$defs`."""
    return _load("record.schema.json")


@cache
def former_schema() -> dict[str, Any]:
    """Returns the JSON Schema of a record of schema 1, with the definitions of `record_schema`."""
    schema = _load("record_1.schema.json")
    schema["$defs"] = record_schema()["$defs"] | schema["$defs"]
    return schema


def _load(name: str) -> dict[str, Any]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@cache
def _validator(part: str) -> Any:
    schema = former_schema() if part in ("former_record", "manifest") else record_schema()
    if part not in ("record", "former_record"):
        schema = {"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]}
    return _Validator(schema)


def check_schema(value: Any, part: str, place: str) -> None:
    """Checks a JSON value against one part of the schemas.

    Args:
        value: The parsed value.
        part: "record", "episode" or "curve_row"; for schema 1 also "former_record" or "manifest".
        place: The name of the value in errors, such as "record" or "episode 3".

    Raises:
        RecordError: The message names the place, the path of the wrong field, and what is wrong.
    """
    if part in PLAIN and PLAIN[part](value):
        return
    try:
        check_bounded(value, place)
    except ForeignDataError as unbounded:
        raise RecordError(str(unbounded)) from None
    validator = _validator(part)
    if not validator.is_valid(value):
        error: ValidationError = best_match(validator.iter_errors(value))
        where = ".".join(str(step) for step in error.absolute_path) or "top level"
        message = error.message if len(error.message) < 300 else error.message[:300] + " ..."
        raise RecordError(f"{place}: {where}: {message}")
