"""What tests of the documentation need: the code blocks of a page, and a process that runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from statistics import fmean

from llm_benchmarks.leaderboard.statistics import mean_interval
from llm_benchmarks.leaderboard.view import read_leaderboard

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+\.(?:py|toml))\n")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, code) of each block, in order."""
    return [(match[1], match[2]) for match in _BLOCK.finditer(read(page))]


def python_block(page: str, words: str) -> str:
    """The one Python block that holds these words."""
    (code,) = [code for language, code in blocks(page) if language == "python" and words in code]
    return code


def run(code: str, folder: Path, *, stdin: str = "") -> str:
    """Runs code in a process of its own; what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error:::llm_envs", "-c", code],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        input=stdin,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@lru_cache
def run_alone(code: str) -> str:
    """Runs a snippet once in an empty folder; what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        return run(code, Path(folder))


def run_page(page: str, folder: Path) -> str:
    """Runs a page in the order a reader meets it.

    A block that begins with `# NAME.py` or `# NAME.toml` is written to that file. Python blocks run in one
    process. Lines of `console` blocks are commands; they get short budgets.
    """
    code = []
    for language, text in blocks(page):
        if language in ("console", "toml"):
            text = text.replace("20000", "150").replace("seeds = [0, 1]", "seeds = [0]")
            text = text.replace("seeds = [0, 1, 2, 3, 4]", "seeds = [0, 1]")
            text = text.replace("copy_steps = 800", "copy_steps = 20")
        if named := _FILE.match(text):
            (folder / named[1]).write_text(text, encoding="utf-8")
        elif language == "python":
            code.append(text)
        elif language == "console":
            code.append("from llm_benchmarks.commands.app import main")
            for line in text.splitlines():
                words = line.partition("#")[0].split()
                assert words[0] == "llm-envs", line
                code.append(f"status = main({words[1:]!r}); assert status == 0, status")
    return run("\n".join(code), folder, stdin="/end\n")


def markdown_files() -> list[Path]:
    """Every Markdown file of the project."""
    folders = ("docs", "agents", "benchmarks", "llm_envs", "tests")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found])


@lru_cache
def recorded_scores() -> dict[tuple[str, str], list[list[float]]]:
    """(environment, agent) -> score and interval of each row of the committed stores, to three digits.

    Runs whose records left the store count too; their interval is over seeds.
    """
    scores: dict[tuple[str, str], list[list[float]]] = {}
    for store in sorted((ROOT / "benchmarks").glob("results*/")):
        for table in read_leaderboard(store).tables:
            for row in table.rows:
                numbers = [number for number in (row.score, row.low, row.high) if number is not None]
                scores.setdefault((table.env, row.agent), []).append([round(number, 3) for number in numbers])
    summary = json.loads((ROOT / "benchmarks" / "results-summarised.json").read_text(encoding="utf-8"))
    for group in summary["groups"]:
        runs = [run["score"] for run in group["runs"]]
        numbers = [fmean(runs)]
        if len(runs) > 1:
            interval = mean_interval(runs)
            numbers += [interval.low, interval.high]
        named = (group["spec"]["environment"]["id"], group["spec"]["agent"]["name"])
        scores.setdefault(named, []).append([round(float(number), 3) for number in numbers])
    return scores


def shown_numbers(cell: str) -> list[float]:
    """The score in a cell of a table, and its interval if it has one; empty if it holds no score."""
    found = re.fullmatch(r"(-?\d\.\d{3})(?: \[(-?\d\.\d{3}), (-?\d\.\d{3})\])?", cell.strip())
    return [] if found is None else [float(number) for number in found.groups() if number is not None]


def is_recorded(env_id: str, agent: str, numbers: list[float]) -> bool:
    """Whether a row of a committed store has this score and, if one is shown, this interval."""
    rows = recorded_scores().get((env_id, agent), [])
    return any(row[: len(numbers)] == numbers for row in rows)
