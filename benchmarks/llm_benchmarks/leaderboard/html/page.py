"""Renders the page: one file with its style, scripts and data, and a policy that allows nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from llm_benchmarks.console.report import figure
from llm_benchmarks.leaderboard.columns import rank_text
from llm_benchmarks.leaderboard.compare import row_name
from llm_benchmarks.leaderboard.html import table_parts
from llm_benchmarks.leaderboard.html.definitions import DEFINITIONS
from llm_benchmarks.leaderboard.html.payload import Page
from llm_benchmarks.leaderboard.html.policy import content_policy
from llm_benchmarks.leaderboard.rows import ANCHORS
from llm_benchmarks.leaderboard.tables import MISSING, Table
from llm_envs.foreign import shown

SCRIPTS = ("dom", "state", "tables", "chart", "curves", "pairs", "across", "token_colours", "samples", "main")
"""The scripts in the order in which they are joined; a later one uses the earlier ones."""


def render(page: Page) -> str:
    """Returns the page as HTML.

    Everything that comes from records is escaped: by Jinja in the markup, and by `tojson` in the data, which
    leaves no `<` in it. The scripts put texts into the page as text only.
    """
    style, script = _read("style.css"), _joined_scripts()
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": _figure, "shown": shown}
    return environment.get_template("page.html.jinja").render(
        page=page,
        sections=_sections(page),
        matrix=_matrix(page.tables),
        across=page.data["across"],
        definitions=DEFINITIONS,
        anchors=ANCHORS,
        parts=table_parts,
        rank_text=rank_text,
        style=style,
        script=script,
        policy=content_policy(style, script),
    )


def write_page(page: Page, out: Path) -> None:
    """Writes the page to a file."""
    out.write_bytes(render(page).encode("utf-8", "backslashreplace"))  # half a surrogate pair is no UTF-8


def _figure(value: float, digits: int = 3) -> str:
    """Returns a number as in the terminal, with a minus sign, and none before a zero."""
    text = figure(value, digits)
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}", 1)


def _read(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _joined_scripts() -> str:
    scripts = "\n".join(_read(f"{name}.js") for name in SCRIPTS)
    return f'\n(() => {{\n"use strict";\n{scripts}\n}})();\n'


def _sections(page: Page) -> list[dict[str, Any]]:
    """Returns what the template needs for each table."""
    sections: list[dict[str, Any]] = []
    names = [table.env for table in page.tables]
    for i, (table, scores) in enumerate(zip(page.tables, page.scores, strict=True)):
        axis = table_parts.IntervalAxis(table, scores)
        number = names[:i].count(table.env) + 1
        told = _told_apart(table, page.tables)
        sections.append(
            {
                "index": i,
                "slug": table.env if number == 1 else f"{table.env}.{number}",
                "title": table.env,
                "short": (_breakable(shown(table.env)), told),
                "tab": f"{table.env} · {told}" if told else table.env,
                "table": table,
                "columns": table_parts.page_columns(table),
                "axis": axis,
                "drawn": [axis.draw(*pair) for pair in zip(table.rows, scores, strict=True)],
                "lanes": table_parts.lanes(table),
                "curves": any(row["curve"] for row in page.data["tables"][i]["rows"]),
                "texts": len(page.data["tables"][i]["samples"]["texts"]),
            }
        )
    return sections


def _told_apart(table: Table, tables: Sequence[Table]) -> str:
    """Returns what tells a table from the others of its environment: its data, or else its reward."""
    datasets = [other.dataset for other in tables if other.env == table.env]
    if len(datasets) == 1:
        return ""
    if datasets.count(table.dataset) == 1:
        return table.dataset or ""
    given = {name: value for name, value in table.differences.items() if value != MISSING}
    short = {name: "" if name == "reward" else name.rpartition(".")[2] for name in given}
    return ", ".join(f"{short[name]} {value}".strip() for name, value in given.items())


def _breakable(name: str) -> str:
    """Returns a name that a browser may break after its dashes, but not before a version."""
    return re.sub(r"-(?=v\d)", "\u2011", name).replace("-", "-\u200b")


def _matrix(tables: Sequence[Table]) -> list[tuple[str, list[float | None], list[str]]]:
    """Returns the best normalised score of each agent in each table, and the name of its row."""
    agents = dict.fromkeys(row.agent for table in tables for row in table.rows if row.score is not None)
    lines = []
    for agent in agents:
        best: list[float | None] = []
        names = []
        for table in (table for table in tables if table.scale is not None):
            row = next((r for r in table.rows if r.agent == agent and r.score is not None), None)
            best.append(None if row is None or row.normalized is None else round(row.normalized, 2) + 0.0)
            names.append("" if row is None else row_name(row))
        if any(value is not None for value in best):
            lines.append((agent, best, names))
    return sorted(lines, key=lambda line: (line[0] in ANCHORS, -sum(v is not None for v in line[1]), line[0]))
