"""`llm-envs export`: the language model of a trained agent as everyone else reads it."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
from rich.console import Console

import llm_envs  # noqa: F401  registers the ids
from llm_baselines.registry import make_agent
from llm_benchmarks.cli_input import creatable, is_folder, shown_path
from llm_benchmarks.training import read_training


def run(agent: Path, out: Path, *, device: str) -> None:
    """Exports; prints what reads it.

    Args:
        agent: A folder that `llm-envs train` wrote.
        out: A new or empty folder.
        device: "auto" or a torch device.

    Raises:
        ValueError: There is no trained language model in the folder, or `out` holds something.
    """
    if not is_folder(agent):
        raise ValueError(
            f"--agent {shown_path(agent)} is no folder; `llm-envs train --out FOLDER` writes one"
        )
    creatable(out, "--out")
    facts = read_training(agent)
    env = gym.make(facts["env"], **facts["env_kwargs"])
    try:
        trained = make_agent(str(agent), env, seed=facts["seed"], device=device)
        if not hasattr(trained, "export"):
            raise ValueError(f"'{agent}' holds {facts['agent']}, which is no language model to export")
        trained.export(out)
    finally:
        env.close()
    console = Console()
    console.print(f'AutoModelForCausalLM.from_pretrained("{out}")', highlight=False, soft_wrap=True)
    console.print(f"llm-envs train --set model={out}", highlight=False, soft_wrap=True)
