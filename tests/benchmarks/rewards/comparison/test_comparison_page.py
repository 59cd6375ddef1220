"""The page of a comparison holds everything in itself, runs no script, and escapes what texts say."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from xml.etree import ElementTree

from made_up_designs import found, two_designs

from llm_benchmarks.rewards.comparison.figures import curves_figure
from llm_benchmarks.rewards.comparison.files import write
from llm_benchmarks.rewards.comparison.markdown import summary
from llm_benchmarks.rewards.comparison.page import render

HOSTILE = '<script>alert(1)</script><img src="http://x/y.png">\x1b[31m {{ 7 * 7 }}'


def test_it_loads_nothing_and_its_style_is_the_one_that_the_policy_allows():
    page = render(found(two_designs(texts=(HOSTILE, "b", "c")), agent="rloo"))
    assert "<script" not in page
    assert "<img" not in page
    assert not re.search(r"""(src|href)=["'](?!#)""", page)
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    [style] = re.findall(r"<style>(.*)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src &#39;sha256-{digest}&#39;" in policy or f"style-src 'sha256-{digest}'" in policy
    assert "default-src" in policy
    assert "script-src" not in policy
    assert "{{ 7 * 7 }}" in page  # a text is no template
    assert " style=" not in page  # the policy would refuse it


def test_it_has_the_matrix_the_peak_the_figures_and_the_texts():
    page = render(found())
    for expected in (
        "Trained on × scored on",
        "Peak and fall",
        "√KL from the start",
        "Texts side by side",
        "quality",
    ):
        assert expected in page
    assert "+0.600 [+0.600, +0.600]" in page  # quality
    assert "\N{MINUS SIGN}0.600 [\N{MINUS SIGN}0.600" in page  # ter
    assert "divides each by its running spread" in page
    assert "Rewards were not standardised" in render(found(agent="rloo"))
    assert "Rewards were not standardised" in render(found(config={"reward_scale": 1.0}))


def test_without_distances_the_figures_show_steps():
    page = render(found(two_designs(distance=False)))
    assert "environment steps" in page
    assert "at equal √KL" not in page


def test_a_figure_has_a_line_for_each_training_and_none_without_values():
    for over_distance, axis in ((True, "√KL from the start"), (False, "environment steps")):
        figure = curves_figure("quality", ["naive", "sound"], two_designs(), over_distance=over_distance)
        assert figure.count("<polyline") == 6
        assert "naive" in figure
        assert axis in figure
    assert curves_figure("unknown", ["naive"], two_designs(), over_distance=False) is None


def test_data_files_hold_what_the_page_shows(tmp_path):
    everything = found()
    write(everything, tmp_path)
    data = json.loads((tmp_path / "comparison.json").read_text())
    assert (
        data["matrix"]["sound"]["quality"]["mean"] == everything.table["sound"]["quality"].interval.estimate
    )
    assert data["courses"]["quality"]["naive"]["peak_sqrt_kl"] == 2.0
    assert data["equal_distance"] == 2.0
    assert len(data["runs"]) == 6
    with (tmp_path / "matrix.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 4
    assert float(rows[-1]["difference"]) == everything.table["sound"]["ter"].difference.estimate
    with (tmp_path / "curves.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 18


def test_each_figure_is_a_file_that_any_page_can_show(tmp_path):
    write(found(), tmp_path)
    assert {file.name for file in tmp_path.glob("*.svg")} == {
        f"{kind}-{name}.svg"
        for kind in ("steps", "distance")
        for name in ("naive", "sound", "quality", "ter")
    }
    root = ElementTree.parse(tmp_path / "steps-quality.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(root.findall("{*}polyline")) == 6


def test_the_summary_has_the_numbers_and_texts_that_cannot_end_its_tables():
    text = summary(found(two_designs(texts=("a | b <br>", "line\nline", "c"))))
    assert "| sound | 0.500 [0.475, 0.525] | 0.800 [0.800, 0.800] |" in text
    assert "| naive | 0.500 | 0.700 | 200 | 0.200 |" in text
    assert "a \\| b &lt;br>" in text
    assert "line / line" in text
    widths = {line.replace("\\|", "").count("|") for line in text.split("\n\n")[0].splitlines()}
    assert widths == {7}


def test_lone_surrogates_and_steps_without_kl_can_be_written(tmp_path):
    write(found(two_designs(distance=False, texts=("\ud800", "b", "c"))), tmp_path)
    data = json.loads((tmp_path / "comparison.json").read_text())
    assert data["equal_distance"] is None
