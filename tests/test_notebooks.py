"""Notebooks run from top to bottom, and hold the outputs that they give."""

from __future__ import annotations

import json

import pytest
from notebooks import code_cells, run_notebook
from pages import ROOT

NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_gives_the_outputs_it_holds(path):
    assert run_notebook(path) == [cell["outputs"] for cell in code_cells(path)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_has_the_form_that_jupyter_reads(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert all(output["output_type"] != "error" for cell in code_cells(path) for output in cell["outputs"])


def test_looking_at_text_shows_html_of_outcomes_steps_and_rows():
    (path,) = [path for path in NOTEBOOKS if path.name == "looking_at_text.ipynb"]
    shown = [
        "".join(o["data"].get("text/html", ())) for c in code_cells(path) for o in c["outputs"] if "data" in o
    ]
    assert sum("llm-envs-episode" in html for html in shown) == 6
    assert any(html.count("llm-envs-episode") == 3 for html in shown)
