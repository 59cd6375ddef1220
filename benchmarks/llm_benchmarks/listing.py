"""`llm-envs list`: environments, rewards, corpora, agents."""

from __future__ import annotations

import json
from typing import Any

import gymnasium as gym

import llm_envs
from llm_baselines.registry import AGENTS
from llm_benchmarks.report_console import plain, report_console
from llm_envs.data import list_corpora
from llm_envs.foreign import shown


def listing() -> dict[str, Any]:
    """Everything there is, as JSON values. Makes every environment once."""
    envs = []
    for env_id in llm_envs.list_envs():
        env = gym.make(env_id)
        told = env.unwrapped.task.describe()  # type: ignore[attr-defined]
        envs.append(
            {
                "id": env_id,
                "dataset": told["dataset"],
                "language": told["language"],
                "vocabulary_size": told["vocabulary_size"],
                "context_length": told["context_length"],
                "sizes": told["dataset_sizes"],
                "reward": told["reward_spec"],
            }
        )
        env.close()
    corpora = [{"name": c.name, "license": c.license, "description": c.description} for c in list_corpora()]
    agents = [{"name": name, "track": entry.track} for name, entry in AGENTS.items()]
    return {
        "envs": envs,
        "rewards": llm_envs.list_rewards(),
        "corpora": corpora,
        "agents": agents,
    }


def show(*, json_output: bool) -> None:
    """Prints the listing."""
    found = listing()
    if json_output:
        print(json.dumps(found, indent=2))
        return
    from rich.table import Table
    from rich.text import Text

    console = report_console(110)
    table = Table(box=None, pad_edge=False, title="Environments", title_justify="left")
    for name in ("id", "dataset", "language"):
        table.add_column(name)
    for name in ("tokens", "context", "train/val/test"):
        table.add_column(name, justify="right")
    table.add_column("default reward")
    for env in found["envs"]:
        sizes = "/".join(str(n) for n in env["sizes"].values())
        numbers = (str(env["vocabulary_size"]), str(env["context_length"]), sizes)
        names = (env["id"], env["dataset"], env["language"])
        table.add_row(*map(plain, names), *numbers, plain(_reward(env["reward"]), limit=200))
    console.print(table)
    rewards = ", ".join(map(shown, found["rewards"]))
    console.print(Text.assemble(("\nRewards", "bold"), f"  {rewards}"))
    console.print(Text("\nCorpora", style="bold"))
    width = max(len(corpus["name"]) for corpus in found["corpora"])
    for corpus in found["corpora"]:
        console.print(plain(f"  {corpus['name']:<{width}} {corpus['description']}", limit=None))
    agents = ", ".join(f"{agent['name']} ({agent['track']})" for agent in found["agents"])
    console.print(Text.assemble(("\nAgents", "bold"), f"  {agents}"))


def _reward(spec: Any) -> str:
    """A specification as a person writes it."""
    if spec is None:
        return "(a function)"
    if isinstance(spec, str):
        return spec
    if isinstance(spec, dict):
        parts = spec.get("rewards")
        name = str(spec.get("name") or spec["id"]).rpartition(":")[2]
        weight = spec.get("weight", 1.0)
        text = f"{name}({', '.join(map(_reward, parts))})" if parts else name
        return text if weight == 1.0 else f"{weight:g} {text}"
    return " + ".join(map(_reward, spec))
