"""The error and the warning that the data layer raises."""

from __future__ import annotations


class DataError(ValueError):
    """A data set cannot be used as asked; the message says what, where and the way out."""


class DataWarning(UserWarning):
    """A data set can be used but may mislead; issued once for each data set in a process."""
