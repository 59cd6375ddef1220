"""The pretrained model that an agent starts from: its name, and the hash of its files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_envs.assets import ASSETS, asset_folder, is_fetched
from llm_envs.data.files.stamps import Stamp, path_stamp

_MODEL_FILES = ("config.json", "adapter_config.json", "*.safetensors", "*.bin", "*.gguf")

_HUB_NAME = re.compile(r"\w[\w.-]*/[\w.-]+")

_hashed: dict[tuple[str, Stamp], str] = {}


def base_model(config: Mapping[str, Any], *, named: bool) -> dict[str, Any] | None:
    """Returns the pretrained model that a configuration names.

    Args:
        config: An agent's configuration. Its option "model" names the model.
        named: True if that option may name an asset or a hub model, as for the agents of this package.

    Returns:
        "name"; "hash" of the files, None if they are not on this machine; "source": "folder", "asset" or
        "hub". None for a preset, or if the configuration names no pretrained model.
    """
    name = config.get("model")
    if not isinstance(name, str) or not name:
        return None
    if name in ASSETS:
        place = Path(asset_folder(name)) if named and is_fetched(name) else None
        return {"name": name, "hash": _hash_of(place), "source": "asset"} if named else None
    place = Path(os.path.abspath(os.path.expanduser(name)))
    if (digest := _hash_of(place)) is not None:
        return {"name": place.name, "hash": digest, "source": "folder"}
    if named and _HUB_NAME.fullmatch(name) and not os.path.lexists(place):
        return {"name": name, "hash": _hash_of(_hub_snapshot(name)), "source": "hub"}
    return None


def _hub_snapshot(name: str) -> Path | None:
    """Returns the folder of a hub model; None if it is not downloaded."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None


def _hash_of(place: Path | None) -> str | None:
    try:
        return None if place is None else _model_hash(place)
    except (OSError, ValueError):  # the name is no valid path, or a file is unreadable
        return None


def _model_hash(place: Path) -> str | None:
    listed = (
        [place] if place.is_file() else [file for pattern in _MODEL_FILES for file in place.glob(pattern)]
    )
    files = sorted(file for file in listed if file.is_file())
    if not files:
        return None
    key = (str(place), path_stamp(str(place)))
    if key not in _hashed:
        model_hash = hashlib.sha256()
        for file in files:
            with open(file, "rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            model_hash.update(f"{file.name if place.is_dir() else file.suffix} {digest}\n".encode())
        _hashed[key] = model_hash.hexdigest()
    return _hashed[key]
