"""Values in a reward's signature. Different values never look alike."""

from __future__ import annotations

import json
from typing import Any


def number_text(value: float) -> str:
    """Returns a number: short if that is exact ("10", "0.2"), else with all digits."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def option_text(value: Any) -> str:
    """Returns an option's value: "yes" or "no", a text unchanged, or JSON.

    A text is put in quotation marks if it looks like another value ("no", "2", "null"), or holds the "|" that
    separates options.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return json.dumps(value) if _reads_as_another(value) else value
    return json.dumps(value, sort_keys=True, default=_named)


def _reads_as_another(text: str) -> bool:
    if text in ("yes", "no") or "|" in text or text.startswith('"'):
        return True
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _named(value: Any) -> str:
    """Returns a default that is not JSON-able. Functions and classes appear by name.

    A repr may hold an address.
    """
    name = getattr(value, "__qualname__", None)
    return repr(value) if name is None else f"{getattr(value, '__module__', '?')}:{name}"
