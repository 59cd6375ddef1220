"""Downloads models and data sets into the cache, for `llm-envs fetch`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from llm_benchmarks.console.input import InputError
from llm_benchmarks.console.machine_faults import machine_fault
from llm_benchmarks.console.report import complain
from llm_envs.assets import ASSETS, AssetError, cache_home, fetch, find_asset, is_fetched
from llm_envs.foreign import shown


def run(names: Sequence[str], *, show_list: bool, json_output: bool) -> int:
    """Downloads assets, or lists them.

    Args:
        names: Names of assets.
        show_list: List all assets instead.
        json_output: Print the list as JSON.

    Returns:
        The exit status: 0, 1 if a download failed, or 2 if the disk refused it.

    Raises:
        InputError: No name is given, a name is unknown, or there is no folder for the cache.
    """
    try:
        cache_home()
    except AssetError as error:  # no home folder
        raise InputError(str(error)) from error
    if show_list:
        show(json_output=json_output)
        return 0
    if not names:
        raise InputError(f"fetch what? {', '.join(ASSETS)}; `llm-envs fetch --list` describes them")
    try:
        assets = [find_asset(name) for name in names]
    except AssetError as error:
        raise InputError(str(error)) from error
    for asset in assets:
        try:
            fetch(asset)
        except AssetError as error:
            complain(f"llm-envs: {error}")
            return 2 if machine_fault(error.__cause__) else 1
    return 0


def show(*, json_output: bool) -> None:
    """Prints every asset: licence, size, and whether the cache has it."""
    if json_output:
        rows = [
            {
                "name": asset.name,
                "kind": asset.kind,
                "license": asset.license,
                "download_bytes": asset.wheel_bytes,
                "disk_bytes": asset.disk_bytes,
                "package": f"{asset.package}=={asset.version}",
                "description": asset.description,
                "fetched": is_fetched(asset.name),
            }
            for asset in ASSETS.values()
        ]
        print(json.dumps({"home": str(cache_home()), "assets": rows}, indent=2))
        return
    print(shown(f"cache: {cache_home()} (LLM_ENVS_HOME)", None))
    for asset in ASSETS.values():
        state = "fetched" if is_fetched(asset.name) else "not fetched"
        sizes = f"{asset.wheel_bytes / 1e6:.3g} MB to download, {asset.disk_bytes / 1e6:.3g} MB on disk"
        print(f"{asset.name:<14} {state}; {asset.license}; {sizes}")
        print(f"{'':<14} {asset.description} ({asset.package}=={asset.version})")
