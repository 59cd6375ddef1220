"""Which numbers a model computes with: bfloat16 where the machine is faster with it."""

from __future__ import annotations

import time
from functools import lru_cache

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_ROWS, _INNER, _COLUMNS, _REPEATS = 64, 576, 1536, 7


def choose_dtype(dtype: str, device: torch.device | str) -> str:
    """What "auto" means on a device: "float32" or "bfloat16".

    On a GPU bfloat16 where its hardware has it. On a processor both multiply a small matrix, and the faster
    one is taken: some have instructions for bfloat16, others imitate it, far more slowly.
    """
    return _probed(str(device)) if dtype == "auto" else dtype


@lru_cache(maxsize=8)
def _probed(device: str) -> str:
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device != "cpu":
        return "float32"
    times = {}
    for name, dtype in DTYPES.items():
        a, b = torch.ones(_ROWS, _INNER, dtype=dtype), torch.ones(_INNER, _COLUMNS, dtype=dtype)
        found = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            torch.matmul(a, b)
            found.append(time.perf_counter() - started)
        times[name] = min(found)
    return min(times, key=lambda name: times[name])
