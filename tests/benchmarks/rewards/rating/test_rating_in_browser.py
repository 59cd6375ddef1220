"""The page of `llm-envs rate` in headless Chromium: rating by keyboard, undo, and going on after a kill."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import hostile_page
import pytest
from chromium import Browser, Tab, chromium, find_chromium
from rated import RateProcess, pairs, request, served

from llm_benchmarks.rewards.rating.items import Item
from llm_benchmarks.rewards.rating.judgements import read_judgements

PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="no Chromium: install it, or name its program in the variable CHROMIUM"
)
TEXTS = "Array.from(document.querySelectorAll('article p'), p => p.textContent)"
PROGRESS = "document.getElementById('progress').textContent"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(str(PROGRAM)) as running:
        yield running


@pytest.fixture
def tab(browser: Browser) -> Tab:
    return browser.tab()


def begin(tab: Tab, address: str, name: str = "Ana", width: int = 1400, height: int = 900) -> None:
    tab.go(address, width, height)
    tab.wait("document.documentElement.dataset.ready === ''")
    tab.evaluate(f"document.getElementById('who').value = {json.dumps(name)}")
    tab.evaluate("document.querySelector('#name button').click()")
    tab.wait("!document.getElementById('steps').hidden")


def press(tab: Tab, key: str, then: str) -> None:
    """Presses a key and waits until the progress is `then`."""
    tab.press(key)
    tab.wait(f"{PROGRESS} === {then!r} && !document.querySelector('#answers button').disabled")


def said(path: Path) -> list[tuple[str, str | int]]:
    return [(one.prompt, one.choice) for one in read_judgements(path).all()]


def test_keys_rate_take_back_and_go_on_after_a_kill(tab: Tab, tmp_path: Path) -> None:
    rows = [{"prompt": f"p{k}", "a": f"alpha {k}", "b": f"beta {k}"} for k in range(5)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("texts.jsonl", "--out", "said.jsonl")
    server = RateProcess(tmp_path, *words)
    begin(tab, server.address)
    assert tab.evaluate(PROGRESS) == "0 of 5"
    left, right = tab.evaluate(TEXTS)
    assert {left.split()[0], right.split()[0]} == {"alpha", "beta"}
    press(tab, "ArrowLeft", "1 of 5")
    assert said(tmp_path / "said.jsonl")[0][1] == ("a" if left.startswith("alpha") else "b")
    second = tab.evaluate(TEXTS)
    press(tab, "t", "2 of 5")
    press(tab, "u", "1 of 5")
    assert tab.evaluate(TEXTS) == second
    press(tab, "ArrowRight", "2 of 5")
    press(tab, "s", "3 of 5")
    server.end(signal.SIGKILL)
    tab.press("t")
    tab.wait("!document.getElementById('message').hidden")
    assert "does not answer" in tab.evaluate("document.getElementById('message').textContent")
    with open(tmp_path / "said.jsonl", "ab") as file:
        file.write(b'{"item": "cut by a crash')
    server = RateProcess(tmp_path, *words)
    begin(tab, server.address)
    assert tab.evaluate(PROGRESS) == "3 of 5"
    press(tab, "0", "4 of 5")
    press(tab, "2", "5 of 5")
    assert not tab.evaluate("document.getElementById('done').hidden")
    press(tab, "Backspace", "4 of 5")
    assert server.end(signal.SIGTERM) == 0
    right_of_second = "a" if second[1].startswith("alpha") else "b"
    assert [choice for _, choice in said(tmp_path / "said.jsonl")][1:] == [right_of_second, "skip", "tie"]
    assert [text for text in tab.messages if "request of" in text] == []


def test_a_second_window_cannot_judge_a_text_twice(tab: Tab, tmp_path: Path) -> None:
    items = pairs(3)
    with served(items, tmp_path / "said.jsonl") as server:
        begin(tab, server.address)
        answer = {"rater": "Ana", "item": items[0].id, "choice": "tie", "seconds": 1}
        assert request(server, "answer", answer)[0] == 200
        press(tab, "ArrowRight", "1 of 3")
        assert "judged already" in tab.evaluate("document.getElementById('message').textContent")
        assert len(said(tmp_path / "said.jsonl")) == 1
        press(tab, "t", "2 of 3")


def test_ratings_take_the_keys_1_to_5_and_mouse(tab: Tab, tmp_path: Path) -> None:
    items = [Item(f"p{k}", (f"text {k}",), ("x",)) for k in range(3)]
    with served(items, tmp_path / "said.jsonl", "absolute") as server:
        begin(tab, server.address)
        assert tab.evaluate("document.querySelectorAll('article').length") == 1
        press(tab, "4", "1 of 3")
        tab.press("6")
        tab.press("ArrowLeft")
        tab.evaluate("document.querySelectorAll('#answers button')[0].click()")
        tab.wait(f"{PROGRESS} === '2 of 3'")
        assert [choice for _, choice in said(tmp_path / "said.jsonl")] == [4, 1]


def test_nothing_of_a_hostile_text_runs_and_control_characters_show(tab: Tab, tmp_path: Path) -> None:
    attacks = [*hostile_page.ATTACKS, "bell \x07 back \u202e wards \u200b zero"]
    items = [
        Item(f"prompt {attack}", (f"text {attack}", f"other {attack}"), ("x", "y")) for attack in attacks
    ]
    with served(items, tmp_path / "said.jsonl", question=f"Which? {hostile_page.ATTACKS[0]}") as server:
        begin(tab, server.address, name="<b onclick=1>'\"&")
        for k, attack in enumerate(attacks, 1):
            assert tab.evaluate("document.title") == "llm-envs rate"
            shown = tab.evaluate("document.getElementById('prompt').textContent")
            assert shown.startswith(f"prompt {attack[:4]}")
            assert not {"\x07", "\u202e", "\u200b", "\u2028"} & set("".join(tab.evaluate(TEXTS)))
            press(tab, "t", f"{k} of {len(attacks)}")
        assert tab.evaluate("document.querySelectorAll('img, iframe, svg, a, b').length") == 0
        assert tab.evaluate("document.scripts.length") == 1
    assert tab.messages == []


def test_the_policy_stops_a_script_that_is_not_the_pages(tab: Tab, tmp_path: Path) -> None:
    with served(pairs(1), tmp_path / "said.jsonl") as server:
        begin(tab, server.address)
        tab.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {text: 'owned = 1'}))"
        )
        assert tab.evaluate("typeof owned") == "undefined"


def test_agents_are_nowhere_on_the_page(tab: Tab, tmp_path: Path) -> None:
    with served(pairs(2), tmp_path / "said.jsonl") as server:
        begin(tab, server.address)
        assert "the alpha" not in tab.evaluate("document.documentElement.outerHTML")
        answer = tab.evaluate(
            "fetch('question', {method: 'POST', headers: {'Content-Type': 'application/json'}, "
            "body: JSON.stringify({rater: 'Ana'})}).then(r => r.text())"
        )
        assert "the alpha" not in answer
        assert "the beta" not in answer


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_scrolls_sideways(tab: Tab, tmp_path: Path, width: int) -> None:
    long = "word " * 200 + "x" * 300
    with served([Item(long, (long, f"{long} too"), ("x", "y"))], tmp_path / "said.jsonl") as server:
        begin(tab, server.address, "a name of forty characters, or nearly so", width)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
