"""The page about the audit shows what the command prints."""

from __future__ import annotations

import re

import pytest
from pages import read

from llm_benchmarks.commands.app import main


def test_example_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    page = read("docs/rewards/audit.md")
    [shown] = re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    [line] = re.findall(r"`llm-envs (rewards audit chrf [^`]*)`", page)
    assert main(line.split()) == 1
    printed = [row.rstrip() for row in capsys.readouterr().out.splitlines()]
    missing = [row for row in shown.splitlines() if row not in printed]
    assert missing == []
    assert len(shown.splitlines()) >= len(printed) - 2


def test_limits_of_the_page_are_those_of_the_code() -> None:
    from llm_benchmarks.rewards.audit import exploits, searches

    page = read("docs/rewards/audit.md")
    assert f"surely above {exploits.LIMIT:.0%}".replace("%", " %") in page
    assert f"keeps {exploits.BLIND:.0%}".replace("%", " %") in page
    assert f"more than {searches.CHEAP_CALLS} reward calls" in page
    assert (exploits.PACE, exploits.AHEAD, exploits.PARTIAL) == (0.25, 0.5, 0.5)
