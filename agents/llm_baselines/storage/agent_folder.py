"""Agent folders: what a trained agent is on disk. JSON and safetensors, every file's hash in a manifest."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from llm_baselines.spec import RunSpec
from llm_baselines.storage.exchange import is_exchange, standing_in
from llm_baselines.storage.fields import AGENT, check_fields
from llm_baselines.storage.not_finite import NotFinite, all_finite
from llm_baselines.storage.run_fields import read_run, refuse_code_of_run
from llm_baselines.storage.sealed_folder import (
    MANIFEST,
    AgentFolderError,
    open_sealed,
    read_json,
    write_json,
    write_sealed,
)
from llm_baselines.storage.tensors import read_tensors, write_tensors
from llm_baselines.storage.upgrade import FORMAT, upgraded_agent
from llm_envs.foreign import allowed_code, code_names, refuse_code, shown

DESCRIPTION, WEIGHTS = "agent.json", "weights.safetensors"
_KIND = "a saved agent"


class SavedAgent(NamedTuple):
    """What an agent folder holds.

    Attributes:
        spec: The agent and its training; the agent's name is that in the registry.
        content: What else agent.json says.
        weights: Tensors by name; empty where there are none.
    """

    spec: RunSpec
    content: dict[str, Any]
    weights: dict[str, torch.Tensor]


def write_agent_folder(
    folder: Path,
    spec: RunSpec,
    content: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Saves an agent.

    Args:
        folder: Replaced if it holds an agent and nothing else.
        spec: The agent and its training; the agent's name is that in the registry.
        content: What else its `load` needs; JSON-able.
        tensors: Weights by name.

    Raises:
        AgentFolderError: The folder holds anything else than an agent's files.
        NotFinite: A weight is NaN or infinite; what stands in the folder stays.
    """
    folder = Path(folder)
    for name, tensor in (tensors or {}).items():
        if not all_finite([tensor]):
            raise NotFinite(
                f"the agent is not saved in '{folder}': its weights {name!r} hold NaN or infinity"
            )
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    there = {name for name in there if not is_exchange(name)}
    if others := there - {DESCRIPTION, WEIGHTS, MANIFEST}:
        raise AgentFolderError(
            f"'{folder}' holds something other than an agent, '{min(others)}'; name another folder"
        )

    def write(place: Path) -> None:
        described = {"format": FORMAT, "spec": spec.to_dict(), **content}
        write_json(place / DESCRIPTION, described, sort_keys=True)
        if tensors is not None:
            write_tensors(tensors, place / WEIGHTS)

    write_sealed(folder, write)


def read_agent_folder(folder: Path) -> SavedAgent:
    """Reads what `write_agent_folder` wrote, every file checked against the manifest.

    Raises:
        AgentFolderError: A file is missing, altered or cut short (it is named), or of a later format; a
            field is not what it must be, or a tensor holds NaN or infinity.
        UntrustedCode: agent.json names code anywhere but as its training reward, which is only told.
    """
    folder, hashes = open_sealed(Path(folder), (DESCRIPTION,), kind=_KIND)
    place = folder / DESCRIPTION
    content = read_json(place, kind=_KIND)
    if content.get("format") == 1:
        content = upgraded_agent(content, place)
    if content.get("format") != FORMAT:
        raise AgentFolderError(
            f"'{place}' has format {content.get('format')!r}; this version reads 1 and {FORMAT}"
        )
    refuse_code_of_run(content.get("spec"), place)
    refuse_code({name: part for name, part in content.items() if name not in _CHECKED_ELSEWHERE}, place)
    check_fields(content, AGENT, place, needed=("spec",))
    spec = read_run(content.pop("spec"), place)
    weights = read_tensors(folder / WEIGHTS) if WEIGHTS in hashes else {}
    return SavedAgent(spec, content, weights)


_CHECKED_ELSEWHERE = ("spec", "text", "report")
"""Fields that may name code: `refuse_code_of_run` checks the run, and nothing is made from the others."""


def check_described(content: Mapping[str, Any], folder: Path, needed: Iterable[str]) -> None:
    """Raises if agent.json lacks a field that its agent needs.

    Raises:
        AgentFolderError: A field is missing; the error names it.
    """
    check_fields(content, {}, Path(folder) / DESCRIPTION, needed)


def read_agent_folder_for(folder: Path, agent: str, tokenizer_hash: str, needed: str) -> dict[str, Any]:
    """What agent.json says of an agent without weights that was saved for the same tokens.

    Args:
        folder: The folder.
        agent: The agent's name.
        tokenizer_hash: Content hash of the environment's tokenizer.
        needed: A field that must be there.

    Raises:
        AgentFolderError: The folder is damaged, another agent's, or was saved for another vocabulary.
    """
    spec, content, _ = read_agent_folder(folder)
    if spec.agent.name != agent:
        raise AgentFolderError(f"'{folder}' holds a {spec.agent.name!r}, not a {agent!r}")
    if content.get("tokenizer_hash") != tokenizer_hash:
        raise AgentFolderError(f"'{folder}' was saved for another vocabulary than the environment's")
    check_described(content, folder, (needed,))
    return content


def is_agent_folder(path: Path) -> bool:
    """Returns True if a path looks like a saved agent."""
    return (standing_in(path) / DESCRIPTION).is_file()


def reward_is_kept(reward: Any, kept: RunSpec) -> bool:
    """Returns True if the run of a saved agent holds the training reward itself, not only its description."""
    return bool(kept.agent.config.get("reward") == reward)


def kept_config(saved: SavedAgent, folder: Path) -> dict[str, Any]:
    """Returns the options that a saved agent is made with, without "model".

    A training reward that was not kept, or is code that the person has not allowed, is left out with a
    warning.
    """
    agent = saved.spec.agent
    config = {**agent.config, **agent.settings}
    config.pop("model", None)
    foreign = [name for _, name in code_names(config.get("reward")) if name not in allowed_code()]
    lost = not saved.content.get("reward_is_kept", True)
    if lost or foreign:
        why = "is not saved with it" if lost else f"is code that the folder names (--allow-code {foreign[0]})"
        warnings.warn(
            f"'{folder}' was trained on {shown(config.get('reward'))}, which {why}; further training is "
            "on the environment's own reward",
            stacklevel=4,
        )
        config["reward"] = None
    return config
