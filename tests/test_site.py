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


class Prose(HTMLParser):
    """What a reader sees of the article of a page: words outside of code, and how the article is built."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words, self.prose, self.inline_code = "", "", ""
        self.images: list[dict[str, str | None]] = []
        self.headings: list[str] = []
        self.blocks: list[str] = []  # the elements that stand in the article itself
        self._open: list[str] = []
        article = re.search(r"<article[^>]*>(.*)</article>", text, re.DOTALL)
        self.feed(article[1] if article else "")

    def handle_starttag(self, tag, attrs):
        if not self._open:
            self.blocks.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in ("img", "br", "hr", "input", "link", "meta", "path", "source"):
            self._open.append(tag)
            if re.fullmatch(r"h[1-6]", tag):
                self.headings.append("")

    def handle_endtag(self, tag):
        while tag in self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        code = "code" in self._open
        if not {"pre", "code", "script", "style", "math"} & set(self._open):
            self.words += data
            if "p" in self._open:
                self.prose += data
        if code and "pre" not in self._open:
            self.inline_code += data + "\n"
        if self.headings and any(re.fullmatch(r"h[1-6]", tag) for tag in self._open) and data != "¶":
            self.headings[-1] += data


def written_pages(site: Path) -> dict[str, Prose]:
    """Name -> article of each page that somebody wrote: no code and no reference from docstrings."""
    pages = {page.relative_to(site).as_posix(): page for page in html_pages(site)}
    return {
        name: Prose(page.read_text(encoding="utf-8"))
        for name, page in pages.items()
        if not name.startswith(("source/", "api/", "rewards/comparison/", "404"))
    }


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


def test_no_page_shows_raw_markdown(site):
    pages = written_pages(site)
    assert len(pages) > 50
    for name, page in pages.items():
        assert re.search(r"\*\*|\]\(|```|^#+ |&lt;/?\w+&gt;", page.words, re.M) is None, name
        assert re.search(r"\n(- |\d\. |\| )", page.prose) is None, f"{name}: a list or table as a paragraph"
        assert "\\|" not in page.inline_code, name


def test_every_picture_is_there_and_says_what_it_shows(site):
    shown = [(name, image) for name, page in written_pages(site).items() for image in page.images]
    assert len(shown) > 8
    for name, image in shown:
        assert (site / name).parent.joinpath(image["src"] or "").resolve().is_file(), (name, image)
        assert len(image.get("alt") or "") > 10, (name, image)


def test_a_page_has_one_title_and_no_heading_twice(site):
    for name, page in written_pages(site).items():
        assert page.blocks.count("h1") == 1, name
        if name not in ("changelog.html", "extend/record_schema.html"):  # versions; fields of several parts
            assert len(page.headings) == len(set(page.headings)), (name, page.headings)


def test_a_page_of_docs_begins_with_a_sentence(site):
    pages = written_pages(site)
    for path in (ROOT / "docs").rglob("*.md"):
        name = path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        blocks = pages[name].blocks
        assert blocks[blocks.index("h1") + 1] == "p", name


def test_the_tabs_are_those_of_the_navigation(site):
    listed = re.findall(r"^  - (\w+):", (ROOT / "docs" / ".nav.yml").read_text(encoding="utf-8"), re.M)
    text = (site / "index.html").read_text(encoding="utf-8")
    tabs = re.findall(r'<li class="md-tabs__item.*?</li>', text, re.DOTALL)
    assert [" ".join(re.sub(r"<[^>]*>", " ", tab).split()) for tab in tabs] == listed


def test_a_short_name_in_code_stays_in_one_piece():
    with_whole_names = runpy.run_path(str(ROOT / "docs" / "site" / "names.py"))["with_whole_names"]
    block = "<pre><span></span><code>llm-envs doctor</code></pre>"
    long = "<code>llm-envs leaderboard html --store STORE</code>"
    assert with_whole_names(block + long) == block + long
    assert with_whole_names("<code>--threads N</code>") == '<code class="whole">--threads N</code>'
    assert with_whole_names(r"<code>a\|b</code>") == '<code class="whole">a|b</code>'


def test_the_search_index_is_a_script_too_for_pages_opened_from_disk(site):
    written = (site / "search" / "search_index.js").read_text(encoding="utf-8").removeprefix("var __index = ")
    assert json.loads(written) == json.loads(
        (site / "search" / "search_index.json").read_text(encoding="utf-8")
    )
    assert "assets/iframe-worker.js" in Loaded((site / "index.html").read_text(encoding="utf-8")).urls


# Pages with long code, equations, wide tables and figures.
WIDE = ("start", "agents/token_dqn", "rewards/library", "results/longer", "envs/TextGen-v0")


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium")
def test_no_page_is_wider_than_a_phone(site):
    with chromium(str(find_chromium())) as browser:
        tab = browser.tab()
        for name in WIDE:
            tab.open(site / f"{name}.html", width=390)
            assert tab.evaluate("document.scrollingElement.scrollWidth") <= 390, name
            assert tab.messages == [], name


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium")
def test_the_search_works_in_a_page_opened_from_disk(site):
    with chromium(str(find_chromium())) as browser:
        tab = browser.tab()
        tab.open(site / "agents" / "rloo.html", "?q=tightened")
        tab.wait("document.querySelectorAll('.md-search-result__item').length > 0", tries=1_000)
        assert "tightened" in tab.evaluate("document.querySelector('.md-search-result__list').textContent")
        assert tab.messages == []


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
