"""Pauses the garbage collector where it would look in vain."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """Pauses the search for cycles while a block makes many objects that all stay.

    It would look through all of them again and again: a fifth of the time of `show` in a large store.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
