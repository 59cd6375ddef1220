"""The one error and the one warning of the data layer, and the hint every error of a name ends with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DataError(ValueError):
    """A data set cannot be used as asked; the message says what, where and the way out."""


class DataWarning(UserWarning):
    """What to know of a data set that can be used as it is; said once for each in a process."""


def did_you_mean(value: str, options: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` when an option is close to the value, else nothing."""
    close = difflib.get_close_matches(value, list(options), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
