"""The reference of public names, from their docstrings: `mkdocstrings` reads the code, without an import."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_DQN = "llm_baselines.algorithms.token_dqn"

PAGES: dict[str, tuple[str, str, Sequence[str]]] = {
    "environments": ("Environments and evaluation", "What `import llm_envs` gives.", ()),
    "env_classes": (
        "Environment classes",
        "The one step function, its vector form, and what a task adds.",
        [
            "llm_envs.envs.token_env.TokenEnv",
            "llm_envs.envs.vector_env.TokenVectorEnv",
            "llm_envs.envs.task.Task",
            "llm_envs.wrappers.TopKActions",
            "llm_envs.wrappers.TopKPolicy",
            "llm_envs.wrappers.ActionMasks",
            "llm_envs.wrappers.MaskedPolicy",
        ],
    ),
    "rewards": (
        "Rewards",
        "How a reward is named, made and written.",
        ["llm_envs.rewards.registry", "llm_envs.rewards.context", "llm_envs.rewards.reward_set"],
    ),
    "data": ("Data and tokenizers", "Corpora and what turns text into tokens.", ["llm_envs.data.corpus"]),
    "adapters": (
        "Other libraries",
        "[The page about trainers](../trainers.md) shows them at work.",
        [
            "llm_envs.adapters.trl_task",
            "llm_envs.adapters.verifiers_environment",
            "llm_envs.adapters.minari_dataset",
            "llm_envs.html",
        ],
    ),
    "token_dqn": (
        "TokenDQN",
        "[The page of the algorithm](../agents/token_dqn.md) has the equations.",
        [
            f"{_DQN}.token_dqn.TokenDQN",
            f"{_DQN}.config",
            f"{_DQN}.targets",
            f"{_DQN}.episode_replay.EpisodeReplay",
            f"{_DQN}.polyak",
        ],
    ),
    "rloo": (
        "RLOO",
        "[The page of the algorithm](../agents/rloo.md) has the equations.",
        ["llm_baselines.algorithms.rloo"],
    ),
    "agents": (
        "Agents",
        "The protocols of an agent, and from a name to an agent.",
        ["llm_baselines.agent", "llm_baselines.registry", "llm_baselines.lm.settings"],
    ),
    "records": (
        "Records and leaderboard",
        "From an evaluation to a row.",
        [
            "llm_benchmarks.run.recording.record_evaluation",
            "llm_benchmarks.records.record",
            "llm_benchmarks.records.store.RecordStore",
            "llm_benchmarks.leaderboard.view",
            "llm_benchmarks.leaderboard.export",
        ],
    ),
}
"""Name of the page -> title, a sentence, and the objects that it shows."""


def api_pages() -> dict[str, str]:
    """Returns URI -> Markdown."""
    pages = {}
    for name, (title, sentence, shown) in PAGES.items():
        objects = shown or list(public_names())
        pages[f"api/{name}.md"] = "\n\n".join(
            [f"# {title}", sentence, *(f"::: {identifier}" for identifier in objects)]
        )
    listed = [f"- [{title}]({name}.md): {sentence}" for name, (title, sentence, _) in PAGES.items()]
    pages["api/index.md"] = "# API reference\n\nMade from docstrings.\n\n" + "\n".join(listed) + "\n"
    return pages


def public_names() -> Iterator[str]:
    """Yields the public names of `llm_envs` by the module that defines them, read from its source."""
    tree = ast.parse((_ROOT / "llm_envs" / "__init__.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.col_offset:
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
