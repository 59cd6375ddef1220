"""The page in headless Chromium: it runs its own scripts alone, and its controls work.

What needs no browser is tested in test_page.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hostile_page
import made_up
import pytest
from chromium import Browser, Tab, chromium, find_chromium
from token_worlds import SMALL

from llm_benchmarks.leaderboard.html.page import write_page
from llm_benchmarks.leaderboard.html.payload import collect
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation

PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="no Chromium: install it, or name its program in the variable CHROMIUM"
)

ROWS = "document.querySelectorAll('#Translation-v0 .scores tbody tr:not([hidden])')"
AGENTS = f"Array.from({ROWS}, row => row.querySelector('.agent').firstChild.textContent).join()"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(str(PROGRAM)) as running:
        yield running


@pytest.fixture
def tab(browser: Browser) -> Tab:
    return browser.tab()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    store = RecordStore(folder / "store")
    for agent, first, mean in (("alpha", 1, 0.8), ("beta", 1, 0.5), ("beta too", 11, 0.5)):
        for seed in range(first, first + 3):
            rewards = [mean + 0.01 * (seed - first), mean, mean, mean]
            curve = [{"timesteps": t, "seconds": t, "eval/mean_reward": mean * t / 10} for t in (0, 10)]
            store.write(*made_up.run(agent, seed, rewards, curve=curve))
    store.write(*made_up.run("random", None, [0.1, 0.12, 0.09, 0.1]))
    out = folder / "page.html"
    write_page(collect(store), out)
    return out


def opened(tab: Tab, page: Path, address: str = "", width: int = 1400) -> Tab:
    tab.open(page, address, width)
    tab.wait("document.documentElement.dataset.ready === ''")
    return tab


def test_nothing_of_a_hostile_store_runs(tab: Tab, tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "store")
    hostile_page.fill(store)
    write_page(collect(store), tmp_path / "page.html")
    for address in ("", "#Translation-v0?text=3&filter=%3Cscript%3E", "#%E0%A4%A?sort=<x>"):
        opened(tab, tmp_path / "page.html", address)
        assert tab.evaluate("document.title") == "llm-envs leaderboard"
        assert tab.evaluate("document.querySelectorAll('img, iframe, a[href^=javascript]').length") == 0
        assert tab.evaluate("document.scripts.length") == 2
    opened(tab, tmp_path / "page.html", "#Translation-v0")
    cards = tab.evaluate("document.querySelector('.cards').textContent")
    assert "text <iframe srcdoc=" in cards
    assert tab.messages == []


def test_the_policy_stops_a_script_that_is_not_the_pages(tab: Tab, page: Path) -> None:
    opened(tab, page)
    tab.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'owned = 1'}))")
    assert tab.evaluate("typeof owned") == "undefined"
    assert any("Content Security Policy" in message for message in tab.messages)


def test_rows_are_sorted_filtered_and_columns_hidden(tab: Tab, page: Path) -> None:
    opened(tab, page, "#Translation-v0")
    assert tab.evaluate(AGENTS) == "alpha,beta,beta too,random"
    tab.evaluate("document.querySelector('#Translation-v0 [data-key=score] .sort').click()")
    tab.evaluate("document.querySelector('#Translation-v0 [data-key=score] .sort').click()")
    assert tab.evaluate(AGENTS) == "random,beta,beta too,alpha"
    assert tab.evaluate("document.querySelector('[data-key=score]').getAttribute('aria-sort')") == "ascending"
    tab.evaluate("document.querySelector('#Translation-v0 .anchors').click()")
    assert tab.evaluate(AGENTS) == "beta,beta too,alpha"
    tab.evaluate("document.querySelector('#Translation-v0 .columns input[data-key=seeds]').click()")
    assert tab.evaluate("document.querySelector('#Translation-v0 th[data-key=seeds]').hidden")
    assert tab.messages == []


def test_the_address_keeps_what_was_chosen(tab: Tab, page: Path) -> None:
    address = "#Translation-v0?sort=agent.down&filter=beta&x=seconds&text=2&theme=dark&ties=1"
    opened(tab, page, address)
    assert tab.evaluate(AGENTS) == "beta too,beta"
    assert tab.evaluate("document.documentElement.className") == "dark"
    assert tab.evaluate("document.querySelector('.curves [aria-pressed=true]').textContent") == "wall clock"
    assert "say 2" in tab.evaluate("document.querySelector('.source').textContent")
    assert tab.evaluate("document.querySelector('tr.chosen .agent').firstChild.textContent") == "beta"
    assert tab.evaluate("document.querySelector('tr.tied .agent').firstChild.textContent") == "beta too"
    tab.evaluate("document.querySelector('.prompt [data-step=\"1\"]').click()")
    assert "text=3" in tab.evaluate("location.hash")


def test_keys_work(tab: Tab, page: Path) -> None:
    opened(tab, page)
    tab.press("]")
    tab.wait("location.hash === '#Translation-v0'")
    tab.press("n")
    assert "text=1" in tab.evaluate("location.hash")
    tab.press("p")
    tab.press("d")
    assert tab.evaluate("document.documentElement.className") == "dark"
    tab.press("/")
    assert tab.evaluate("document.activeElement.className") == "filter"
    tab.press("x")
    assert tab.evaluate("document.querySelector('#Translation-v0 .filter').value") == "x"


def test_charts_have_a_line_and_a_band_for_each_row(tab: Tab, page: Path) -> None:
    opened(tab, page, "#Translation-v0")
    assert tab.evaluate("document.querySelectorAll('.curves path.line').length") == 3
    assert tab.evaluate("document.querySelectorAll('.curves path.band').length") == 3
    assert tab.evaluate("document.querySelectorAll('.pairs td:not(.self)').length") == 4 * 3
    tab.evaluate("document.querySelector('.curves .legend button').click()")
    assert tab.evaluate("document.querySelectorAll('.curves path.line').length") == 2


TINY = "TextGen-Tiny-v0"
TOKENS = f"Array.from(document.querySelectorAll('#{TINY} .token'))"
OPTIONS = f"document.querySelector('#{TINY} .browser .options')"


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a model that says log-probabilities, and of an agent that says nothing."""
    folder = tmp_path_factory.mktemp("noted")
    store = RecordStore(folder / "store")
    for agent, config in (("lm_sample", {"model": SMALL}), ("random", {})):
        evaluation = Evaluation(episodes=12, note_values=True)
        run_cell(Cell(env=TINY, agent=agent, config=config, evaluation=evaluation), store, device="cpu")
    write_page(collect(store), folder / "page.html")
    return folder / "page.html"


@pytest.mark.parametrize("width", [400, 1400])
def test_tokens_are_coloured_by_what_their_agent_said(tab: Tab, noted: Path, width: int) -> None:
    opened(tab, noted, f"#{TINY}", width)
    for choice in ("reward", "q", "v", "advantage", "log_prob", "plain"):
        assert tab.evaluate(f"{OPTIONS}.querySelectorAll('[data-choice={choice}]').length") == 1
    tab.evaluate(f"{OPTIONS}.querySelector('[data-choice=log_prob]').click()")
    assert "tokens=log_prob" in tab.evaluate("location.hash")
    assert tab.evaluate(f"{OPTIONS}.querySelectorAll('.scale.surprise i').length") == 1
    assert tab.evaluate(f"{TOKENS}.length") > 0
    assert tab.evaluate(f"{TOKENS}.every(token => / log-probability −[0-9.]+/.test(token.title))")
    assert tab.evaluate(f"{TOKENS}.some(token => Number(token.style.getPropertyValue('--share')) > 0.5)")
    assert "no log-probability noted" in tab.evaluate(f"document.querySelector('#{TINY} .cards').textContent")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.messages == []


def test_a_colouring_that_no_record_holds_says_so(tab: Tab, noted: Path) -> None:
    opened(tab, noted, f"#{TINY}?tokens=q")
    assert "These records hold no Q of tokens" in tab.evaluate(f"{OPTIONS}.textContent")
    assert tab.evaluate(f"{TOKENS}.length") == 0
    opened(tab, noted, f"#{TINY}?tokens=__proto__")
    assert tab.evaluate(f"{OPTIONS}.querySelector('[aria-pressed=true]').textContent") == "reward"
    assert tab.messages == []


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("view", ["overview", "Translation-v0"])
def test_only_tables_scroll_sideways(tab: Tab, page: Path, view: str, width: int) -> None:
    opened(tab, page, f"#{view}", width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_tables_can_be_read_without_scripts(tab: Tab, page: Path) -> None:
    tab.send("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(page, "#Translation-v0")
    tab.send("Emulation.setScriptExecutionDisabled", value=False)
    assert tab.evaluate("document.querySelectorAll('.view[hidden]').length") == 0
    assert tab.evaluate(f"{ROWS}.length") == 4
