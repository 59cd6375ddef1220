"""`llm-envs export`: writes the language model of a trained agent for transformers."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
from rich.console import Console

from llm_benchmarks.console.input import creatable, is_folder, shown_path
from llm_benchmarks.console.report import say
from llm_benchmarks.run.trained_folder import load_trained, read_training
from llm_envs.envs.ids import bare_id
from llm_envs.registration import TABLE


def run(agent: Path, out: Path, *, env_id: str | None, device: str) -> None:
    """Exports the model, and prints how to load it.

    Args:
        agent: A folder that `llm-envs train` wrote.
        env_id: The environment of the training, if its id is not of this package. The folder alone must not
            decide which environment is made.
        out: A new or empty folder.
        device: "auto" or a torch device.

    Raises:
        ValueError: The folder holds no trained language model, or `out` is not empty.
    """
    if not is_folder(agent):
        raise ValueError(
            f"--agent {shown_path(agent)} is no folder; `llm-envs train --out FOLDER` writes one"
        )
    creatable(out, "--out")
    trained = read_training(agent)
    environment, name = trained.spec.environment, trained.spec.agent.name
    if env_id is None and environment.id not in TABLE:
        raise ValueError(
            f"'{agent}' was trained on {environment.id!r}, which is no id of this package; say it: --env ID, "
            "or --env module:ID with the module that registers it"
        )
    if env_id is not None and bare_id(env_id) != environment.id:
        raise ValueError(f"'{agent}' was trained on {environment.id!r}, not on --env {env_id!r}")
    env = gym.make(env_id or environment.id, **environment.kwargs)
    try:
        loaded = load_trained(agent, trained, env, device=device)
        if not hasattr(loaded, "export"):
            raise ValueError(f"'{agent}' holds {name}, which is no language model to export")
        loaded.export(out)
    finally:
        env.close()
    console = Console()
    say(console, f'AutoModelForCausalLM.from_pretrained("{out}")')
    say(console, f"llm-envs train --set model={out}")
