"""The committed comparison shows the numbers and texts of its data, and names the files that made it."""

from __future__ import annotations

import json
import re

import pytest
from pages import ROOT, read

from llm_benchmarks.rewards.comparison.designs import read_designs

PAGE = "docs/rewards/comparison.md"
FOLDER = ROOT / "docs" / "rewards" / "comparison"
DATA = sorted(FOLDER.glob("*/comparison.json"))


def committed():
    return [pytest.param(json.loads(path.read_text(encoding="utf-8")), id=path.parent.name) for path in DATA]


@pytest.mark.parametrize("data", committed())
def test_every_mean_and_interval_of_the_matrix_stands_on_the_page(data):
    page = read(PAGE)
    for row in data["matrix"].values():
        for entry in row.values():
            shown = f"{entry['mean']:.3f}"
            if entry["low"] is not None:
                shown += f" [{entry['low']:.3f}, {entry['high']:.3f}]"
            assert shown in page, shown


@pytest.mark.parametrize("data", committed())
def test_the_texts_on_the_page_are_those_that_were_written(data):
    page = read(PAGE)
    for sample in data["samples"]:
        for one in sample["texts"]:
            shown = one["text"].replace("|", "\\|").replace("\n", " / ")
            assert shown[:100] in page  # long texts are cut


@pytest.mark.parametrize("data", committed())
def test_the_designs_are_those_of_the_committed_file(data):
    [file] = {word for word in re.findall(r"[\w/]+\.toml", data["command"]) if "agent" not in word}
    designs = {one.name: one.spec for one in read_designs([str(FOLDER / file.rpartition("/")[2])])}
    assert designs == data["designs"]


def test_the_page_says_how_to_run_each_comparison_that_has_designs():
    page = read(PAGE)
    assert DATA
    for file in FOLDER.glob("*.toml"):
        assert f"comparison/{file.name}" in page
