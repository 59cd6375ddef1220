"""Agent folders: what a trained agent is on disk. JSON and safetensors, every file's hash in a manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch

FORMAT = 1
DESCRIPTION, WEIGHTS, MANIFEST = "agent.json", "weights.safetensors", "manifest.json"


class AgentFolderError(ValueError):
    """A folder is not a saved agent, or what it holds has been altered or cut short."""


def replace_folder(folder: Path, write: Any) -> None:
    """Writes a folder under a temporary name beside its own, then renames it.

    A folder that stood there before is there, whole, until the new one is.

    Args:
        folder: Where it shall stand.
        write: Called with the temporary folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        write(temporary)
        for path in temporary.iterdir():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        if folder.exists():
            old = folder.with_name(f".{folder.name}.old-{uuid4().hex[:8]}")
            folder.rename(old)
            temporary.rename(folder)
            shutil.rmtree(old)
        else:
            temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_agent_folder(
    folder: Path, description: Mapping[str, Any], tensors: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Saves an agent.

    Args:
        folder: Replaced if it is an agent's; refused if it holds anything else.
        description: JSON-able; "agent" names the agent's entry in the registry.
        tensors: Weights by name.

    Raises:
        AgentFolderError: The folder exists and is neither empty nor an agent's.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / DESCRIPTION).exists():
        raise AgentFolderError(f"'{folder}' holds something other than an agent; name another folder")

    def write(place: Path) -> None:
        text = json.dumps({"format": FORMAT, **description}, indent=1, ensure_ascii=False, sort_keys=True)
        (place / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        if tensors is not None:
            from safetensors.torch import save_file

            # Tied tensors are stored once for each name: safetensors has no aliases.
            save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, place / WEIGHTS)
        hashes = {path.name: _digest(path) for path in sorted(place.iterdir())}
        (place / MANIFEST).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")

    replace_folder(folder, write)


def read_agent_folder(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Reads what `write_agent_folder` wrote, every file checked against the manifest.

    Returns:
        The description, and the weights (empty where there are none).

    Raises:
        AgentFolderError: A file is missing, altered or cut short (it is named), or of a later format.
    """
    folder = Path(folder)
    hashes = _json(folder / MANIFEST)
    for name in (DESCRIPTION, *sorted(hashes)):
        if name not in hashes or Path(name).name != name:
            raise AgentFolderError(f"'{folder / MANIFEST}' is not the manifest of an agent")
        if not (folder / name).is_file():
            raise AgentFolderError(f"'{folder / name}' is missing; the manifest lists it")
        if _digest(folder / name) != hashes[name]:
            raise AgentFolderError(f"'{folder / name}' was altered or cut short: its SHA-256 differs")
    description = _json(folder / DESCRIPTION)
    if description.get("format") != FORMAT:
        raise AgentFolderError(
            f"'{folder / DESCRIPTION}' has format {description.get('format')!r}; this version reads {FORMAT}"
        )
    if WEIGHTS not in hashes:
        return description, {}
    from safetensors.torch import load_file

    return description, load_file(folder / WEIGHTS)


def read_agent_folder_for(folder: Path, agent: str, tokenizer_hash: str) -> dict[str, Any]:
    """The description of an agent without weights, saved for the same tokens.

    Raises:
        AgentFolderError: The folder is damaged, another agent's, or speaks other tokens.
    """
    description, _ = read_agent_folder(folder)
    if description.get("agent") != agent:
        raise AgentFolderError(f"'{folder}' holds a {description.get('agent')!r}, not a {agent!r}")
    if description.get("tokenizer_hash") != tokenizer_hash:
        raise AgentFolderError(f"'{folder}' was saved for another vocabulary than the environment's")
    return description


def is_agent_folder(path: Path) -> bool:
    """Whether a path looks like a saved agent."""
    return (path / DESCRIPTION).is_file()


def json_able(value: Any) -> Any:
    """The value with everything JSON cannot hold replaced by its repr."""
    return json.loads(json.dumps(value, default=repr))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AgentFolderError(f"'{path}' is missing: '{path.parent}' is not a saved agent") from None
    except (ValueError, OSError) as error:
        raise AgentFolderError(f"'{path}' cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise AgentFolderError(f"'{path}' is not a JSON object")
    return read
