"""`llm-envs pages`: writes the reference page of each environment.

A page has the docstring, the data, an example, the degenerate texts and the leaderboard. It is generated from
the code and its measurements, so it cannot go out of date.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym

import llm_envs
from llm_baselines.anchors.reference import ReferenceAgent
from llm_benchmarks.commands import gallery
from llm_benchmarks.console.report import CELL, figure
from llm_benchmarks.leaderboard.rows import Row
from llm_benchmarks.leaderboard.view import Leaderboard, read_leaderboard, trained_lines
from llm_benchmarks.rewards import degenerate
from llm_envs.data import overlap_report
from llm_envs.envs.ids import bare_id, registered_arguments
from llm_envs.envs.task import Task
from llm_envs.foreign import shown


def write(
    folder: Path,
    env_ids: Sequence[str] = (),
    *,
    store: Path | None = None,
    search_tokens: int,
    problems: dict[str, str] | None = None,
) -> list[Path]:
    """Writes the pages; with all ids also their index, index.md.

    Args:
        folder: The folder of the pages; created if absent.
        env_ids: Environment ids; all if empty.
        store: Records for the leaderboard section, which is left out if None or absent.
        search_tokens: Budget of the search for the best constant text.
        problems: Receives id -> what is wrong, for each record that cannot be read.

    Returns:
        The files that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    board = read_leaderboard(store) if store is not None and store.exists() else None
    if problems is not None and board is not None:
        problems |= board.problems
    written = []
    for env_id in env_ids or llm_envs.list_envs():
        path = folder / f"{bare_id(env_id)}.md"
        _replace(path, page(env_id, store=store, board=board, search_tokens=search_tokens))
        written.append(path)
    if not env_ids:
        written.append(folder / "index.md")
        _replace(written[-1], gallery.index())
    return written


def _replace(path: Path, text: str) -> None:
    """Replaces a page in one step, so that a full disk leaves the former page."""
    temporary = path.with_name(f".{path.name}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def page(env_id: str, *, store: Path | None, board: Leaderboard | None, search_tokens: int) -> str:
    """Returns a page as Markdown; `board` is the leaderboard of `store`."""
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
        *_leaderboard(env_id, store, board),
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


def _leaderboard(env_id: str, store: Path | None, board: Leaderboard | None) -> list[str]:
    tables = [] if board is None else [table for table in board.tables if table.env == bare_id(env_id)]
    parts = ["## Leaderboard"] if tables else []
    for table in tables:
        parts.append(
            _table(("agent", "score", "95 % interval", "seeds", "normalised", "steps"), map(_row, table.rows))
        )
        if learned := trained_lines(table):
            parts.append("\n".join(f"- {_no_markup(shown(line, None))}" for line in learned))
        parts.append(
            f"Made by `llm-envs leaderboard show --store {store} --env {env_id}` from the records there."
        )
    return parts


def _row(row: Row) -> tuple[str, ...]:
    bounds = ""
    if row.low is not None and row.high is not None:
        bounds = f"{figure(row.low, 4)} to {figure(row.high, 4)}"
    normalised = "" if row.normalized is None else figure(row.normalized)
    score = "failed" if row.score is None else figure(row.score, 4)
    steps = "" if row.training_steps is None else f"{row.training_steps:,.0f}"
    agent = _no_markup(shown(row.agent, CELL) + (f" ({shown(row.label)})" if row.label else ""))
    if row.not_above_constant:
        agent += ", not above the best constant text"
    return agent, score, bounds, str(row.seeds), normalised, steps


def _no_markup(name: str) -> str:
    """Escapes a name from a record, so that Markdown shows no tag, link, code or emphasis in it."""
    return re.sub(r"([<>\[\]`*])", r"\\\1", name)
