"""The page holds everything in itself, has no script, and shows hostile texts as texts."""

from __future__ import annotations

import base64
import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path

import hostile_page
import pytest
from chromium import chromium, find_chromium

from llm_benchmarks.commands.app import main
from llm_benchmarks.rewards.audit import BUDGETS, audit
from llm_benchmarks.rewards.audit.page import render, write_page

PROGRAM = find_chromium()


class Elements(HTMLParser):
    """Every element with its attributes, the style, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.style, self.text, self._in_style = "", "", False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.style += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def hostile_report_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of an audit on data whose prompts and references try to become markup and script."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        {"source": f"prompt {i} {attack}", "references": [f"reference {attack} {i}"]}
        for i, attack in enumerate(hostile_page.ATTACKS * 3)
    ]
    data = folder / "hostile.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    arguments = {
        "dataset": f"file:{data}",
        "tokenizer": "byte",
        "max_prompt_tokens": 400,
        "max_new_tokens": 400,
    }
    report = audit("audited_designs:constant", "Translation-v0", budget=BUDGETS["short"], arguments=arguments)
    return render(report)


def test_hostile_texts_make_no_element_and_no_attribute(hostile_report_page: str) -> None:
    page = Elements(hostile_report_page)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "link", "object", "embed", "base", "form"}
    assert [tag for tag, _ in page.elements].count("style") == 1
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src")]
        assert attributes.get("href", "#").startswith("#")


def test_hostile_texts_are_shown(hostile_report_page: str) -> None:
    shown = Elements(hostile_report_page).text
    assert sum(attack in shown for attack in hostile_page.ATTACKS) >= 2
    assert "\u202e" not in shown


def test_policy_allows_the_style_alone(hostile_report_page: str) -> None:
    page = Elements(hostile_report_page)
    [policy] = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium: install it, or name its program in CHROMIUM")
def test_browser_draws_the_page_and_runs_nothing(hostile_report_page: str, tmp_path: Path) -> None:
    place = tmp_path / "audit.html"
    place.write_bytes(hostile_report_page.encode("utf-8", "backslashreplace"))
    with chromium(str(PROGRAM)) as browser:
        tab = browser.tab()
        tab.open(place)
        assert tab.evaluate("document.title").startswith("audit of ")
        assert tab.evaluate("document.querySelectorAll('.chart svg').length") >= 2
        assert tab.evaluate("getComputedStyle(document.querySelector('.verdict')).fontWeight") == "600"
        assert tab.messages == []


def test_page_has_the_verdict_the_plots_and_the_texts(tmp_path: Path) -> None:
    report = audit("default", "TextGen-Tiny-v0", budget=BUDGETS["short"])
    write_page(report, tmp_path / "audit.html")
    page = Elements((tmp_path / "audit.html").read_text(encoding="utf-8"))
    assert "holds: no text without merit" in page.text
    assert len([tag for tag, _ in page.elements if tag == "svg"]) >= len(report.results) + 4
    assert report.results[0].examples()[0][1] in page.text


def test_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "audit.html"
    assert (
        main(
            [
                "rewards",
                "audit",
                "distinct",
                "--env",
                "TextGen-Tiny-v0",
                "--budget",
                "short",
                "--out",
                str(out),
            ]
        )
        == 1
    )
    assert "exploited" in out.read_text(encoding="utf-8")
