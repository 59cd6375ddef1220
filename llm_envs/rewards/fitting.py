"""A cache of what rewards fit on a train split, so that many environments fit it once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

_KEPT = 8
FITTED: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

_T = TypeVar("_T")


def text_hash(texts: Sequence[str]) -> str:
    """Returns 16 hexadecimal digits that identify the texts in their order."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:16]


def fit_once(key: tuple[Any, ...], fit: Callable[[], _T]) -> _T:
    """Returns the result of `fit` for this key, from the cache if possible. The last few keys are kept."""
    if key not in FITTED:
        made = fit()
        FITTED[key] = made
        while len(FITTED) > _KEPT:
            FITTED.popitem(last=False)
    FITTED.move_to_end(key)
    found: _T = FITTED[key]
    return found
