"""Whether a text is JSON of a given form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from llm_envs.checks.extras import needs

MAX_DEPTH = 100


class JsonFormat:
    """1 if the text is JSON that fits a schema, else 0.

    Args:
        schema: A JSON schema (draft 2020-12, or what its "$schema" says); {} takes any JSON. It may not refer
            to other documents.

    Raises:
        ValueError: The schema is none.
        MissingExtra: jsonschema is not installed.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        with needs("formats", "kind='json'"):
            import jsonschema
            from referencing import Registry
        self._schema = dict(schema)
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        try:
            kind.check_schema(self._schema)
        except jsonschema.SchemaError as error:
            raise ValueError(f"schema is no JSON schema: {error.message}") from error
        # An empty registry: nothing is fetched from where a schema refers to.
        self._validator = kind(self._schema, registry=Registry())

    def __reduce__(self) -> tuple[type[JsonFormat], tuple[dict[str, Any]]]:
        return JsonFormat, (self._schema,)

    def score(self, text: str) -> float:
        """Returns 1 or 0."""
        try:
            value = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return 0.0
        return float(self._validator.is_valid(value))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not valid JSON")
