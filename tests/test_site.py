"""The site of the documentation: builds without a warning, holds every page, asks no server for anything."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from chromium import chromium, find_chromium
from pages import ROOT

import llm_envs

pytest.importorskip("mkdocs")

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "video": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


class Loaded(HTMLParser):
    """What a page makes a browser load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "link" and given.get("rel") in ("canonical", "next", "prev"):
            return
        if url := given.get(LOADING.get(tag, "")):
            self.urls.append(url)
        self.urls += re.findall(r"url\(([^)]*)\)", given.get("style") or "")


def html_pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def links_of(page: Path) -> list[str]:
    return re.findall(r'<a [^>]*href="([^"#][^"]*)"', page.read_text(encoding="utf-8"))


def test_no_page_loads_anything_from_a_server(site):
    loaded = {url for page in html_pages(site) for url in Loaded(page.read_text(encoding="utf-8")).urls}
    assert loaded
    assert {url for url in loaded if "//" in url and not url.startswith("data:")} == set()


def test_no_style_sheet_loads_anything_from_a_server(site):
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        loaded = re.findall(r"(?:@import\s*|url\()[\"']?([^\"')]+)", sheet.read_text(encoding="utf-8"))
        assert [url for url in loaded if url.startswith(("http", "//"))] == []


def test_every_link_between_pages_leads_to_a_file(site):
    for page in html_pages(site):
        if page.name == "404.html":
            continue
        for link in links_of(page):
            if "://" in link or link.startswith("mailto:"):
                continue
            assert (page.parent / link.partition("#")[0]).resolve().exists(), (page, link)


def test_every_page_of_docs_stands_in_the_navigation(site):
    listed = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in html_pages(site)
        for link in re.findall(r'<a href="([^"]+)" class="md-nav__link', page.read_text(encoding="utf-8"))
    }
    pages = [page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")]
    assert len(pages) > 30
    assert [str(page) for page in pages if (site / page).resolve() not in listed] == []


def test_the_search_index_finds_pages_and_leaves_code_out(site):
    documents = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    places = {document["location"].partition("#")[0] for document in documents}
    assert {"agents/token_dqn.html", "from-the-article.zh-CN.html", "extend/record_schema.html"} <= places
    assert not any(place.startswith("source/") for place in places)


def test_equations_are_drawn_by_the_browser_itself(site):
    text = (site / "from-the-article.html").read_text(encoding="utf-8")
    assert text.count('display="block"') == 5
    assert "\\max" not in re.sub(r"<code.*?</code>", "", text, flags=re.DOTALL)


def test_an_equation_that_cannot_be_drawn_is_an_error_that_names_it():
    with_mathml = runpy.run_path(str(ROOT / "docs" / "site" / "equations.py"))["with_mathml"]
    assert "<math" in with_mathml(r'<span class="arithmatex">\(\max_a Q\)</span>')
    with pytest.raises(ValueError, match="nosuchthing"):
        with_mathml(r'<span class="arithmatex">\(\nosuchthing Q\)</span>')


def test_every_public_name_has_its_docstring_in_the_reference(site):
    text = (site / "api" / "environments.html").read_text(encoding="utf-8")
    for name in llm_envs.__all__:
        assert re.search(rf'id="llm_envs\.[\w.]*{name}"', text), name


def test_every_field_of_a_record_stands_on_its_page(site):
    schema = json.loads((ROOT / "benchmarks/llm_benchmarks/records/record.schema.json").read_text())
    text = (site / "extend" / "record_schema.html").read_text(encoding="utf-8")
    named = set(re.findall(r"<code[^>]*>([^<]+)</code>", text))
    for name, part in schema["properties"].items():
        assert name in named or f'<h2 id="{name}">' in text, name
        for field in part.get("properties", {}):
            assert field in named, (name, field)


def test_a_link_to_code_leads_to_a_page_that_shows_it(site):
    text = (site / "agents" / "rloo.html").read_text(encoding="utf-8")
    link = "../source/agents/llm_baselines/algorithms/rloo.py.html"
    assert f'href="{link}"' in text
    assert "leave_one_out" in (site / "agents" / link).resolve().read_text(encoding="utf-8")


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium")
def test_the_search_works_on_a_local_server_without_a_message(site):
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, chromium(str(find_chromium())) as browser:
        Thread(target=server.serve_forever, daemon=True).start()
        tab = browser.tab()
        tab.go(f"http://127.0.0.1:{server.server_port}/index.html?q=tightened")
        tab.wait("document.querySelectorAll('.md-search-result__item').length > 0", tries=1_000)
        found = tab.evaluate("document.querySelector('.md-search-result__list').textContent")
        assert "tightened" in found
        assert tab.messages == []
        server.shutdown()
