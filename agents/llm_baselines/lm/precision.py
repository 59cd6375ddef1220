"""Chooses the number type of a model: bfloat16 if the machine is faster with it."""

from __future__ import annotations

import time
from functools import lru_cache

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_ROWS, _INNER, _COLUMNS, _REPEATS = 64, 576, 1536, 7


def choose_dtype(dtype: str, device: torch.device | str) -> str:
    """Resolves "auto" on a device; returns "float32" or "bfloat16".

    A GPU gets bfloat16 if its hardware supports it. On a CPU both types multiply a small matrix, and the
    faster one is chosen, because a CPU without bfloat16 instructions emulates them far more slowly.
    """
    return _fastest(str(device)) if dtype == "auto" else dtype


@lru_cache(maxsize=8)
def _fastest(device: str) -> str:
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device != "cpu":
        return "float32"
    times = {}
    for name, dtype in DTYPES.items():
        a, b = torch.ones(_ROWS, _INNER, dtype=dtype), torch.ones(_INNER, _COLUMNS, dtype=dtype)
        seconds = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            torch.matmul(a, b)
            seconds.append(time.perf_counter() - started)
        times[name] = min(seconds)
    return min(times, key=lambda name: times[name])
