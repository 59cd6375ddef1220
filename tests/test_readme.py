"""README.md: its snippets run, its table is what the committed records give, and it stays short."""

from __future__ import annotations

import re

import pytest
from pages import blocks, is_recorded, python_block, read, run, shown_numbers

import llm_envs

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


def test_the_table_of_the_readme_is_what_the_records_give():
    lines = re.findall(r"^\| (.+) \|$", read(README).partition("## What agents reach")[2], re.MULTILINE)
    header, _, *rows = [line.split(" | ") for line in lines]
    assert len(rows) == 4
    for agent, *cells in rows:
        for env_id, cell in zip(header[1:], cells, strict=True):
            assert shown_numbers(cell)
            assert is_recorded(env_id, agent.strip("`"), shown_numbers(cell)), (env_id, agent, cell)


def test_the_share_of_a_fixed_frame_is_the_pages():
    (frame,) = re.findall(
        r"\(the words in a fixed frame\) \| ([\d.]+) \| ([\d.]+)%", read("docs/envs/TextGen-v0.md")
    )
    (score, percent) = re.findall(r"earns (0\.\d+) on\s+TextGen-v0, (\d+) %", read(README))[0]
    assert (f"{float(frame[0]):.2f}", f"{float(frame[1]):.0f}") == (score, percent)
