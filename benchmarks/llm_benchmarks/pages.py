"""The page of each environment: its docstring, data, an example, the degenerate texts and the leaderboard.

`llm-envs pages` writes them to docs/envs from what the code says and measures, so they cannot drift.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym

import llm_envs
from llm_baselines.reference import ReferenceAgent
from llm_benchmarks import degenerate
from llm_benchmarks.leaderboard import Row, Table
from llm_benchmarks.leaderboard_view import read_leaderboard
from llm_envs.data import overlap_report
from llm_envs.envs.ids import bare_id, registered_arguments
from llm_envs.envs.task import Task


def write(
    folder: Path, env_ids: Sequence[str] = (), *, store: Path | None = None, search_tokens: int
) -> list[Path]:
    """Writes the pages and their index.

    Args:
        folder: Where to; made if absent.
        env_ids: The ids; all if empty.
        store: Records for the leaderboard part; left out if None or absent.
        search_tokens: Budget of the search for the best constant text.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for env_id in env_ids or llm_envs.list_envs():
        path = folder / f"{bare_id(env_id)}.md"
        path.write_text(page(env_id, store=store, search_tokens=search_tokens), encoding="utf-8")
        written.append(path)
    return written


def page(env_id: str, *, store: Path | None, search_tokens: int) -> str:
    """One page as Markdown."""
    env = gym.make(env_id, split="test", render_mode="ansi")
    task: Task = env.unwrapped.task  # type: ignore[attr-defined]
    corpus = task.corpus
    doc = inspect.cleandoc(type(env.unwrapped).__doc__ or "")
    arguments = "".join(f", {key}={value!r}" for key, value in registered_arguments(env_id).items())
    parts = [
        f"# {bare_id(env_id)}",
        doc,
        "## Spaces and limits",
        _table(
            ("", ""),
            [
                ("made by", f'`gym.make("{env_id}")`, which is `gym.make("{env_id}"{arguments})`'),
                ("observation", f"`{env.observation_space}`"),
                ("action", f"`{env.action_space}`"),
                ("tokenizer", f"`{json.dumps(task.tokenizer.spec)}`"),
                (
                    "prompt, answer",
                    f"{task.max_prompt_tokens} and {task.max_new_tokens} tokens, {task.max_turns} turn(s)",
                ),
                ("default reward", f"`{task.reward.signature}`"),
            ],
        ),
        "## Data",
        f"`{corpus.name}`: {corpus.description}. Licence {corpus.license}; "
        f"content hash `{corpus.content_hash[:16]}`.",
        _table(("split", "examples"), [(name, f"{size:,}") for name, size in corpus.sizes.items()]),
        *_overlap(task),
        "## An episode of the reference agent",
        "```text\n" + _episode(env, task) + "\n```",
        "## Texts without skill",
        "What they earn under the default reward on the test split; none may reach 20 % of the references' "
        "score. Lines in brackets read the source, are for comparison, and are under no limit.",
        _degenerate(env_id, search_tokens),
        f"Made by `llm-envs pages {env_id} --search-tokens {search_tokens}`; the same table on the screen: "
        f"`llm-envs degenerate {env_id}`.",
        *_leaderboard(env_id, store),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += [
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " / ") for cell in row) + " |"
        for row in rows
    ]
    return "\n".join(lines)


def _overlap(task: Task) -> list[str]:
    report = overlap_report(task.corpus)
    figures = [(key.replace("_", " "), _figure(value)) for key, value in report.items() if key != "sizes"]
    figures = [(key, value) for key, value in figures if value]
    return [_table(("train and test share", ""), figures)] if figures else []


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value) if isinstance(value, int | str) else ""


def _episode(env: gym.Env[Any, Any], task: Task) -> str:
    result = llm_envs.evaluate(ReferenceAgent(env, 0), env, 1)
    row = result.rows[0]
    env.reset(seed=row.seed, options={"example": row.example})
    for action in row.action_ids:
        env.step(action)
    return str(env.render())


def _degenerate(env_id: str, search_tokens: int) -> str:
    rows = []
    for line in degenerate.table(env_id, search_tokens=search_tokens):
        text = line.example.replace("\n", " / ")
        text = text if len(text) <= 60 else text[:59] + "…"
        name = line.name if line.limited or line.name == "references" else f"({line.name})"
        rows.append((name, f"{line.score:.4f}", f"{line.share:.1%}", f"`{text}`" if text.strip() else ""))
    return _table(("text", "score", "of the references'", "on the first example"), rows)


def _leaderboard(env_id: str, store: Path | None) -> list[str]:
    if store is None or not store.exists():
        return []
    tables: Sequence[Table] = read_leaderboard(store, env=bare_id(env_id)).tables
    parts = ["## Leaderboard"] if tables else []
    for table in tables:
        parts.append(
            _table(("agent", "score", "95 % interval", "seeds", "normalised", "steps"), map(_row, table.rows))
        )
        parts.append(
            f"Made by `llm-envs leaderboard show --store {store} --env {env_id}` from the records there."
        )
    return parts


def _row(row: Row) -> tuple[str, ...]:
    bounds = "" if row.low is None else f"{row.low:.4f} to {row.high:.4f}"
    normalised = "" if row.normalized is None else f"{row.normalized:.3f}"
    score = "failed" if row.score is None else f"{row.score:.4f}"
    steps = "" if row.training_steps is None else f"{row.training_steps:,.0f}"
    agent = f"{row.agent} ({row.label})" if row.label else row.agent
    if row.not_above_constant:
        agent += ", not above the best constant text"
    return agent, score, bounds, str(row.seeds), normalised, steps
