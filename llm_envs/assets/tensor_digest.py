"""A digest of a safetensors file's tensors that ignores the order and metadata a library writes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def tensor_digest(path: Path) -> str:
    """Returns the SHA-256 (hex) over name, dtype, shape and bytes of every tensor, sorted by name.

    It reads the format itself (a length, a JSON header, bytes), so it needs no library.
    """
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        for name, tensor in sorted(header.items()):
            if name == "__metadata__":
                continue
            whole.update(f"{name} {tensor['dtype']} {tensor['shape']}\n".encode())
            start, stop = tensor["data_offsets"]
            file.seek(8 + length + start)
            whole.update(file.read(stop - start))
    return whole.hexdigest()
