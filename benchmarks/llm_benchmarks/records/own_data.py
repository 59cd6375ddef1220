"""Data, tokenizers and models of one's own: records know them by what they hold, not by how a path spells."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_envs.assets import ASSETS
from llm_envs.data.files.stamps import Stamp, path_stamp

_OF_A_MODEL = ("config.json", "adapter_config.json", "*.safetensors", "*.bin", "*.gguf")

_hashed: dict[tuple[str, Stamp], str] = {}


def base_model(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `base_model` of a record: name and content hash of the model folder a configuration names.

    Returns:
        None where it names none that lies here: a preset, a fetched asset or a hub's name is a name already.
    """
    name = config.get("model")
    if not isinstance(name, str) or not name or name in ASSETS:
        return None
    try:
        place = Path(os.path.abspath(os.path.expanduser(name)))
        found = _model_hash(place)
    except (OSError, ValueError):  # a name that can be no path's, a file that may not be read
        return None
    return None if found is None else {"name": place.name, "hash": found}


def _model_hash(place: Path) -> str | None:
    listed = [place] if place.is_file() else [file for one in _OF_A_MODEL for file in place.glob(one)]
    files = sorted(file for file in listed if file.is_file())
    if not files:
        return None
    key = (str(place), path_stamp(str(place)))
    if key not in _hashed:
        whole = hashlib.sha256()
        for file in files:
            with open(file, "rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            whole.update(f"{file.name if place.is_dir() else file.suffix} {digest}\n".encode())
        _hashed[key] = whole.hexdigest()
    return _hashed[key]


def by_content(record: Mapping[str, Any]) -> tuple[Any, Any]:
    """The environment's arguments and the agent's configuration as they identify a run.

    What lies in a file or folder stands there by its content hash, where the record has it: a data set of
    `file:` or `hub:` and the columns read from it, a tokenizer whose label in the record differs from the
    path it was asked for by, and the model folder training began with.

    Args:
        record: A record or a plan.
    """
    kwargs, config = record["env"]["kwargs"], record["agent"]["config"]
    if not (isinstance(kwargs, Mapping) and isinstance(config, Mapping)):
        return kwargs, config  # of a record that the schema refuses
    kwargs, config = dict(kwargs), dict(config)
    data, tokens = record["dataset"].get("hash"), record.get("tokenizer") or {}
    if data and str(kwargs.get("dataset")).startswith(("file:", "hub:")):
        kwargs.pop("columns", None)
        kwargs["dataset"] = {"hash": data}
    asked = kwargs.get("tokenizer")
    if asked is not None and tokens.get("hash") and _name(asked) != _name(tokens.get("spec")):
        kwargs["tokenizer"] = {"hash": tokens["hash"]}
    base = record["agent"].get("base_model")
    if base and base["hash"] and "model" in config:
        config["model"] = {"hash": base["hash"]}
    return kwargs, config


def _name(spec: Any) -> Any:
    return spec.get("id") if isinstance(spec, Mapping) else spec
