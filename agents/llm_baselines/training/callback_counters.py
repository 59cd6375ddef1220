"""The counters of Stable-Baselines3's callbacks, which checkpoints hold; options are not counters."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from llm_baselines.storage.sealed_folder import AgentFolderError

_NOT_KEPT = object()
_FIRST_SEEN: dict[int, dict[str, Any]] = {}
_ELSEWHERE = ("model", "parent", "locals", "globals", "training_env", "logger")


class CallbackCounters:
    """The attributes of callbacks that have changed since their first run.

    It keeps numbers, texts, arrays, and lists, tuples and mappings of them, but no environments or models. An
    attribute that has not changed is an option, and a resumed run takes it from its own callbacks.

    Args:
        callback: The callback. Callbacks inside lists and other callbacks count too.
    """

    def __init__(self, callback: Any) -> None:
        self._callbacks = list(_callbacks(callback))
        self._at_first = [_first_seen(one) for one in self._callbacks]

    def changed(self) -> dict[str, Any]:
        """Returns the counters as JSON values."""
        counters = [
            {name: value for name, value in _values(one).items() if before.get(name, _NOT_KEPT) != value}
            for one, before in zip(self._callbacks, self._at_first, strict=True)
        ]
        return {"kinds": self._kinds(), "counters": counters}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Sets the counters that `changed` returned. Other callbacks get a warning and start from zero.

        Raises:
            AgentFolderError: The counters are damaged.
        """
        try:
            kinds = [str(kind) for kind in kept["kinds"]]
            counters = [
                {str(name): _decoded(value) for name, value in one.items()} for one in kept["counters"]
            ]
        except (AttributeError, KeyError, TypeError, ValueError, StopIteration) as error:
            raise AgentFolderError(f"a checkpoint's counters of callbacks are damaged: {error!r}") from error
        if kinds != self._kinds() or len(counters) != len(self._callbacks):
            warnings.warn(
                f"the checkpoint was written with the callbacks {', '.join(kinds)}, and this run has "
                f"{', '.join(self._kinds())}: they count from the beginning",
                stacklevel=2,
            )
            return
        for callback, values in zip(self._callbacks, counters, strict=True):
            for name, value in values.items():
                if _is_counter(callback, name):
                    setattr(callback, name, value)

    def _kinds(self) -> list[str]:
        return [type(one).__name__ for one in self._callbacks]


def _first_seen(callback: Any) -> dict[str, Any]:
    """Returns a callback's attributes at its first run; the key is its id, as it may have no hash."""
    key = id(callback)
    if key not in _FIRST_SEEN:
        _FIRST_SEEN[key] = _values(callback)
        weakref.finalize(callback, _FIRST_SEEN.pop, key, None)
    return _FIRST_SEEN[key]


def _is_counter(callback: Any, name: str) -> bool:
    """Returns True if a file may set the attribute: it is no method, and the trainer does not set it."""
    return name.isidentifier() and name not in _ELSEWHERE and not hasattr(type(callback), name)


def _callbacks(callback: Any) -> Iterator[Any]:
    yield callback
    for name, value in vars(callback).items():
        if name not in _ELSEWHERE:
            for inner in value if isinstance(value, list) else [value]:
                if hasattr(inner, "on_step") and hasattr(inner, "n_calls"):
                    yield from _callbacks(inner)


def _values(callback: Any) -> dict[str, Any]:
    values = {k: _encoded(v) for k, v in vars(callback).items() if k not in _ELSEWHERE}
    return {name: value for name, value in values.items() if value is not _NOT_KEPT}


def _encoded(value: Any) -> Any:
    """Returns a copy of JSON values; `_NOT_KEPT` for a value that has none."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray):
        return _all("array", value.ravel(), dtype=value.dtype.str, shape=list(value.shape))
    if isinstance(value, list | tuple):
        return _all("list" if isinstance(value, list) else "tuple", value)
    if isinstance(value, dict):
        return _all("dict", value.items())
    return _NOT_KEPT


def _all(kind: str, parts: Any, **more: Any) -> Any:
    encoded = [_encoded(part) for part in parts]
    return _NOT_KEPT if any(part is _NOT_KEPT for part in encoded) else {kind: encoded, **more}


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "float" in value:
        return float(value["float"])
    kind = next(iter(value))
    parts = [_decoded(part) for part in value[kind]]
    if kind == "array":
        return np.array(parts, value["dtype"]).reshape(value["shape"])
    return {"list": list, "tuple": tuple, "dict": dict}[kind](parts)
