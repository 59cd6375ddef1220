"""README.md: its snippets run, its table is what the committed records give, and it stays short."""

from __future__ import annotations

import re

import pytest
from pages import ROOT, blocks, python_block, read, run

import llm_envs
from llm_benchmarks.leaderboard.view import read_leaderboard

README = "README.md"
CODE = [code for language, code in blocks(README) if language == "python"]


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_snippet_runs_without_a_warning_and_prints_its_result(code, tmp_path):
    assert run(code, tmp_path).strip() != ""


def test_the_record_of_an_evaluation_in_python_stands_in_the_leaderboard(tmp_path):
    out = run(python_block("benchmarks/README.md", "record_evaluation"), tmp_path)
    assert "my_dqn: trained on chrf, paid at the end" in out


def test_the_readme_fits_on_150_lines():
    assert len(read(README).splitlines()) <= 150


def test_every_id_stands_in_the_readme():
    for env_id in llm_envs.list_envs():
        assert f"docs/envs/{env_id}.md" in read(README)


def shown_scores():
    """(environment, agent) -> the score in the README's table, and its interval if it has one."""
    lines = re.findall(r"^\| (.+) \|$", read(README).partition("## What agents reach")[2], re.MULTILINE)
    header, _, *rows = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    return {
        (env_id, agent.strip("`")): [float(number) for number in re.findall(r"-?\d\.\d+", cell)]
        for agent, *cells in rows
        for env_id, cell in zip(header[1:], cells, strict=True)
    }


def test_the_table_of_the_readme_is_what_the_records_give():
    recorded: dict[tuple[str, str], list[list[float]]] = {}
    for table in read_leaderboard(ROOT / "benchmarks" / "results").tables:
        for row in table.rows:
            numbers = [row.score, *([] if row.seeds == 0 else [row.low, row.high])]
            if None not in numbers:
                rounded = [round(number, 3) for number in numbers]
                recorded.setdefault((table.env, row.agent), []).append(rounded)
    shown = shown_scores()
    assert len(shown) == 15
    for cell, numbers in shown.items():
        assert numbers in recorded[cell], cell


def test_the_share_of_a_fixed_frame_is_the_pages():
    (frame,) = re.findall(
        r"\(the words in a fixed frame\) \| ([\d.]+) \| ([\d.]+)%", read("docs/envs/TextGen-v0.md")
    )
    (score, percent) = re.findall(r"earns (0\.\d+) on\s+TextGen-v0, (\d+) %", read(README))[0]
    assert (f"{float(frame[0]):.2f}", f"{float(frame[1]):.0f}") == (score, percent)
