"""The tables of `llm-envs list`: environments, rewards, corpora, agents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
from rich.console import Console

import llm_envs
from llm_baselines.registry import AGENTS
from llm_benchmarks.console.fitting_table import Column, Row, print_table, print_wrapped
from llm_benchmarks.console.report import plain, report_console
from llm_envs.data import list_corpora
from llm_envs.foreign import shown


def listing() -> dict[str, Any]:
    """Returns all environments, rewards, corpora and agents as JSON values. Makes every environment once."""
    envs = []
    for env_id in llm_envs.list_envs():
        env = gym.make(env_id)
        description = env.unwrapped.task.describe()  # type: ignore[attr-defined]
        envs.append(
            {
                "id": env_id,
                "dataset": description["dataset"],
                "language": description["language"],
                "vocabulary_size": description["vocabulary_size"],
                "context_length": description["context_length"],
                "sizes": description["dataset_sizes"],
                "reward": description["reward_spec"],
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
    """Prints the listing, as tables or as JSON."""
    everything = listing()
    if json_output:
        print(json.dumps(everything, indent=2))
        return
    from rich.text import Text

    console = report_console(110)
    console.print(Text("Environments", style="bold"))
    columns = [
        Column("id"),
        Column("dataset", rank=1),
        Column("language", rank=2),
        Column("tokens", right=True, rank=3),
        Column("context", right=True, rank=5),
        Column("train/val/test", right=True, rank=4),
        Column("default reward", rank=6),
    ]
    rows = []
    for env in everything["envs"]:
        sizes = "/".join(str(n) for n in env["sizes"].values())
        names = (env["id"], env["dataset"], env["language"])
        values = (*names, env["vocabulary_size"], env["context_length"], sizes, _reward(env["reward"]))
        rows.append(Row([plain(value, limit=200) for value in values]))
    print_table(console, columns, rows, all_in="--json has all")
    _print_names(console, "Rewards", everything["rewards"])
    console.print(Text("\nCorpora", style="bold"))
    for corpus in everything["corpora"]:
        print_wrapped(console, shown(f"{corpus['name']}: {corpus['description']}", None), indent=2)
    _print_names(console, "Agents", [f"{agent['name']} ({agent['track']})" for agent in everything["agents"]])


def _print_names(console: Console, title: str, names: Sequence[str]) -> None:
    print_wrapped(console, "")
    print_wrapped(console, f"{title}  {', '.join(shown(name, None) for name in names)}")


def _reward(spec: Any) -> str:
    """Returns a reward's specification in a short form, such as "10 bleu + chrf"."""
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
