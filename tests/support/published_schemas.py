"""The schemas of Every Eval Ever, out of its wheel, which is downloaded by hash and never installed.

The package itself needs a later Python and an older huggingface-hub.
"""

from __future__ import annotations

import json
import zipfile
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from jsonschema import Draft7Validator

from llm_envs.assets.pip_download import download_wheel
from llm_envs.assets.table import Asset

_WHEEL = Asset(
    name="every-eval-ever",
    kind="data",
    package="every-eval-ever",
    version="0.3.0",
    wheel_sha256="564b8bc624c1f822f749a769dc69dc058a736e83d920cbeb147c3a30d3152317",
    license="MIT",
    description="schemas of evaluation logs",
    wheel_bytes=649_804,
    disk_bytes=649_804,
    python_version="3.12",
)


@lru_cache(maxsize=1)
def every_eval_ever() -> tuple[Draft7Validator, Draft7Validator]:
    """Returns the validators of a log, and of a line of its samples."""
    with TemporaryDirectory() as folder, zipfile.ZipFile(download_wheel(_WHEEL, Path(folder))) as wheel:
        schemas = [
            json.loads(wheel.read(f"every_eval_ever/schemas/{name}.schema.json"))
            for name in ("eval", "instance_level_eval")
        ]
    return Draft7Validator(schemas[0]), Draft7Validator(schemas[1])
