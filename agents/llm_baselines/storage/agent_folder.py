"""Agent folders: what a trained agent is on disk. JSON and safetensors, every file's hash in a manifest."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from llm_baselines.configuration.options import values_of
from llm_baselines.play.transitions import check_spaces, spaces_of
from llm_baselines.storage.exchange import is_exchange, standing_in
from llm_baselines.storage.fields import AGENT, check_fields
from llm_baselines.storage.not_finite import NotFinite, all_finite
from llm_baselines.storage.sealed_folder import (
    MANIFEST,
    AgentFolderError,
    check_seal,
    json_able,
    read_json,
    replace_folder,
    seal,
    write_json,
)
from llm_baselines.storage.tensors import read_tensors
from llm_envs.foreign import allowed_code, code_names, refuse_code, shown

__all__ = [
    "AgentFolderError",
    "check_described",
    "check_origin",
    "described_config",
    "environment_of",
    "is_agent_folder",
    "json_able",
    "kept_config",
    "read_agent_folder",
    "read_agent_folder_for",
    "tokens_of",
    "training_signature",
    "write_agent_folder",
]

FORMAT = 1
DESCRIPTION, WEIGHTS = "agent.json", "weights.safetensors"
_KIND = "a saved agent"


def write_agent_folder(
    folder: Path, description: Mapping[str, Any], tensors: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Saves an agent.

    Args:
        folder: Replaced if it holds an agent and nothing else.
        description: JSON-able; "agent" names the agent's entry in the registry.
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
        write_json(place / DESCRIPTION, {"format": FORMAT, **description}, sort_keys=True)
        if tensors is not None:
            from safetensors.torch import save_file

            # Tied tensors are stored once for each name: safetensors has no aliases.
            save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, place / WEIGHTS)
        seal(place)

    replace_folder(folder, write)


def read_agent_folder(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Reads what `write_agent_folder` wrote, every file checked against the manifest.

    Returns:
        The description, and the weights (empty where there are none).

    Raises:
        AgentFolderError: A file is missing, altered or cut short (it is named), or of a later format; a
            field is not what it must be, or a tensor holds NaN or infinity.
        UntrustedCode: The description names code anywhere but as its training reward, which is only told.
    """
    folder = standing_in(Path(folder))
    hashes = check_seal(folder, (DESCRIPTION,), kind=_KIND)
    description = read_json(folder / DESCRIPTION, kind=_KIND)
    if description.get("format") != FORMAT:
        raise AgentFolderError(
            f"'{folder / DESCRIPTION}' has format {description.get('format')!r}; this version reads {FORMAT}"
        )
    refuse_code(_without_told(description), folder / DESCRIPTION)
    check_fields(description, AGENT, folder / DESCRIPTION, needed=("agent",))
    if WEIGHTS not in hashes:
        return description, {}
    return description, read_tensors(folder / WEIGHTS)


def _without_told(description: Mapping[str, Any]) -> dict[str, Any]:
    """What something may be made from: without the agent's name, texts, and the reward it was trained on."""
    told = ("agent", "text", "report", "reward_signature")
    kept = {k: v for k, v in description.items() if k not in told}
    for part in ("config", "env_kwargs"):
        if isinstance(options := kept.get(part), dict):
            kept[part] = {k: v for k, v in options.items() if k != "reward"}
    return kept


def check_described(description: Mapping[str, Any], folder: Path, needed: Iterable[str]) -> None:
    """Refuses a description that lacks what its agent is made from.

    Raises:
        AgentFolderError: Naming the field.
    """
    check_fields(description, {}, Path(folder) / DESCRIPTION, needed)


def read_agent_folder_for(folder: Path, agent: str, tokenizer_hash: str, content: str) -> dict[str, Any]:
    """The description of an agent without weights, saved for the same tokens; it has the field `content`.

    Raises:
        AgentFolderError: The folder is damaged, another agent's, or speaks other tokens.
    """
    description, _ = read_agent_folder(folder)
    if description.get("agent") != agent:
        raise AgentFolderError(f"'{folder}' holds a {description.get('agent')!r}, not a {agent!r}")
    if description.get("tokenizer_hash") != tokenizer_hash:
        raise AgentFolderError(f"'{folder}' was saved for another vocabulary than the environment's")
    check_described(description, folder, (content,))
    return description


def is_agent_folder(path: Path) -> bool:
    """Whether a path looks like a saved agent."""
    return (standing_in(path) / DESCRIPTION).is_file()


# What a saved agent, or a checkpoint of one, says of where it comes from.


def described_config(config: Any) -> dict[str, Any]:
    """A configuration as agent.json says it; a reward that is code stays behind, and that is said."""
    options = values_of(config)
    told = json_able(options)
    return {"config": told, "reward_is_kept": told.get("reward") == options.get("reward")}


def kept_config(description: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The options an agent is made with again; warns if its reward was not kept or is code."""
    config = dict(description["config"])
    foreign = [name for _, name in code_names(config.get("reward")) if name not in allowed_code()]
    lost = not description.get("reward_is_kept", True)
    if lost or foreign:
        why = "is not saved with it" if lost else f"is code that the folder names (--allow-code {foreign[0]})"
        warnings.warn(
            f"'{folder}' was trained on {shown(config.get('reward'))}, which {why}; further training is "
            "on the environment's own reward",
            stacklevel=4,
        )
        config["reward"] = None
    return config


def check_origin(place: Path, state: Mapping[str, Any], seed: int, env: Any) -> None:
    """Refuses a checkpoint of another seed or environment.

    Raises:
        AgentFolderError: It is one.
    """
    for what, here in (("seed", seed), ("environment", environment_of(env))):
        if state.get(what) != here:
            raise AgentFolderError(
                f"'{place}' was trained with the {what} {state.get(what)}, not {here}: resume with the "
                "same, or train afresh"
            )


def environment_of(env: Any) -> dict[str, Any]:
    """The id and arguments an environment was made by, and what tokens it has; JSON-able."""
    spec = getattr(env, "spec", None)
    kwargs = {k: v for k, v in spec.kwargs.items() if k != "render_mode"} if spec is not None else {}
    return {
        "env_id": spec.id if spec is not None else None,
        "env_kwargs": json_able(kwargs),
        **tokens_of(env),
    }


def training_signature(env: Any, config: Any) -> str | None:
    """The signature of the reward an agent is trained on; None where the environment is not one of ours."""
    task = getattr(env.unwrapped, "task", None)
    if task is None:
        return None
    reward = values_of(config).get("reward")
    return str(task.reward.signature if reward is None else task.make_reward(reward).signature)


def tokens_of(env: Any) -> dict[str, Any]:
    """What an agent and its environment must agree in."""
    vocabulary_size, context_length = check_spaces(*spaces_of(env))
    tokenizer = getattr(getattr(env.unwrapped, "task", None), "tokenizer", None)
    return {
        "context_length": context_length,
        "vocabulary_size": vocabulary_size,
        "tokenizer_hash": getattr(tokenizer, "content_hash", None),
    }
