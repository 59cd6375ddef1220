"""The page holds everything in itself, escapes what records say, and allows no script but its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import hostile_page
import made_up
import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.html.definitions import DEFINITIONS
from llm_benchmarks.leaderboard.html.page import render
from llm_benchmarks.leaderboard.html.payload import collect
from llm_benchmarks.leaderboard.html.table_parts import IntervalAxis, lanes
from llm_benchmarks.leaderboard.scores import Scores
from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.records.store import RecordStore


class Elements(HTMLParser):
    """Every element of a page with its attributes, the contents of scripts and styles, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._open = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open = tag if tag in self.raw else ""
        if self._open:
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.raw[self._open][-1] += data
        else:
            self.text += data


@pytest.fixture
def hostile(store: RecordStore) -> Elements:
    hostile_page.fill(store)
    return Elements(render(collect(store)))


@pytest.fixture
def filled(store: RecordStore) -> RecordStore:
    for agent, seed, mean in (
        ("random", None, 0.1),
        ("reference", None, 0.9),
        ("mine", 1, 0.5),
        ("mine", 2, 0.52),
        ("mine", 3, 0.48),
        ("mine too", 11, 0.5),
        ("mine too", 12, 0.53),
        ("mine too", 13, 0.47),
    ):
        rewards = [mean - 0.03, mean - 0.01, mean + 0.01, mean + 0.03]
        curve = [{"timesteps": t, "seconds": t / 2, "eval/mean_reward": mean * t / 10} for t in (0, 10)]
        store.write(*made_up.run(agent, seed, rewards, curve=curve if seed else ()))
    return store


def test_no_element_of_a_hostile_store_enters_the_page(hostile: Elements) -> None:
    tags = {tag for tag, _ in hostile.elements}
    assert not tags & {"img", "iframe", "link", "object", "embed", "base", "form"}
    assert [attributes.get("type", "") for tag, attributes in hostile.elements if tag == "script"] == [
        "application/json",
        "",
    ]
    assert len(hostile.raw["style"]) == 1
    for _, attributes in hostile.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src")]
        assert attributes.get("href", "#").startswith("#")


def test_hostile_names_stand_in_the_page_as_they_are(hostile: Elements) -> None:
    for attack in hostile_page.ATTACKS[:8]:
        assert attack in hostile.text


def test_hostile_texts_stand_in_the_data_as_they_are(hostile: Elements) -> None:
    raw = hostile.raw["script"][0]
    assert "<" not in raw
    assert "\u2028" not in raw
    texts = {text["text"] for table in json.loads(raw)["tables"] for text in table["samples"]["texts"]}
    assert texts == {f"text {attack}" for attack in hostile_page.ATTACKS}


def test_the_policy_allows_the_script_and_the_style_of_the_page_alone(hostile: Elements) -> None:
    policy = next(a["content"] for tag, a in hostile.elements if a.get("http-equiv"))

    def hash_of(content: str) -> str:
        return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()

    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src '{hash_of(hostile.raw['script'][1])}'",
        f"style-src '{hash_of(hostile.raw['style'][0])}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_the_scripts_make_no_markup_and_load_nothing(hostile: Elements) -> None:
    script = hostile.raw["script"][1]
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(",
                      "XMLHttpRequest", "import(", "new Function"):  # fmt: skip
        assert forbidden not in script
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", script + hostile.raw["style"][0])


def test_the_page_of_a_store_shows_ranks_ties_and_definitions(filled: RecordStore) -> None:
    page = Elements(render(collect(filled)))
    assert page.text.count("2–3") == 2
    assert "2 of 3 rows can be told apart from the next one" in " ".join(page.text.split())
    pieces = [a["class"] for tag, a in page.elements if tag == "i" and "class" in a]
    assert [piece for piece in pieces if piece] == ["start", "end"]
    views = [a["data-slug"] for tag, a in page.elements if tag == "section"]
    assert views == ["overview", "Translation-v0"]
    assert all(a.get("data-definition") != "" for tag, a in page.elements if tag == "th")
    terms = {a["data-term"] for _, a in page.elements if "data-term" in a}
    assert "performance profile" not in terms  # two environments are needed
    assert terms < set(DEFINITIONS)


def test_the_data_of_a_row(filled: RecordStore) -> None:
    (table,) = collect(filled).data["tables"]
    rows = {row["agent"]: row for row in table["rows"]}
    assert rows["mine"]["curve"] == {
        "unit": 0,
        "runs": 3,
        "steps": [0, 10],
        "calls": [0, 7],  # 7 texts scored in the whole training
        "seconds": [0, 5],
        "mean": [0, 0.5],
        "low": [0, 0.48],
        "high": [0, 0.52],
    }
    assert rows["mine"]["costs"]["steps"] == 1000
    assert table["improvement"][1][2] == pytest.approx(0.5)
    assert table["units"] == ["the environment's default reward"]
    assert len(table["samples"]["prompts"]) == 4
    assert len(table["samples"]["texts"]) == 4 * 4


def test_every_row_shows_the_same_few_prompts(filled: RecordStore) -> None:
    (table,) = collect(filled, n_samples=2).data["tables"]
    assert [prompt["example"] for prompt in table["samples"]["prompts"]] == [0, 2]
    assert len(table["samples"]["texts"]) == 2 * 4
    assert collect(filled, n_samples=0).data["tables"][0]["samples"]["texts"] == []


def test_bars_of_ties_that_overlap_have_lanes_of_their_own(filled: RecordStore) -> None:
    (table,) = leaderboard_tables(filled.records())
    tied = replace(table, tie_groups=((0, 1), (1, 3)))
    assert lanes(tied) == [["start", ""], ["end", "start"], ["", "mid"], ["", "end"]]


def test_intervals_lie_on_one_axis(filled: RecordStore) -> None:
    records = {record.id: record for record in filled.records()}
    (table,) = leaderboard_tables(records.values())
    scores = [Scores.of(records[i] for i in row.records) for row in table.rows]
    axis = IntervalAxis(table, scores)
    drawn = [axis.draw(*pair) for pair in zip(table.rows, scores, strict=True)]
    assert [d.score for d in drawn] == sorted((d.score for d in drawn), reverse=True)
    assert all(d.low <= d.score <= d.high for d in drawn)
    assert len(drawn[1].seeds) == 3
    places = [place for place, _ in axis.ticks()]
    assert places == sorted(places)
    assert 2 <= len(places) <= 6
    assert axis.anchors["random"] < axis.anchors["reference"]


def test_the_command_writes_and_names_the_page(
    filled: RecordStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    words = ["leaderboard", "html", "--store", str(filled.path), "--out", str(out)]
    assert main(words) == 0
    assert str(out) in capsys.readouterr().out
    first = out.read_bytes()
    assert main(words) == 0
    assert out.read_bytes() == first
    assert main([*words, "--env", "TextGen-v0"]) == 2
    assert "no records of 'TextGen-v0'" in capsys.readouterr().err


def test_an_unreadable_record_is_counted_and_named(
    filled: RecordStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (filled.path / f"{'0' * 64}.jsonl.gz").write_bytes(b"no record")
    out = tmp_path / "page.html"
    assert main(["leaderboard", "html", "--store", str(filled.path), "--out", str(out)]) == 1
    assert "1 records could not be read" in out.read_text(encoding="utf-8")
    assert "unreadable record 000000000000" in capsys.readouterr().err
