"""docs/rewards/evaluate.md: its script, snippets and commands, in the order a reader meets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llm_benchmarks.commands.app import main

PAGE = (Path(__file__).parents[2] / "docs" / "rewards" / "evaluate.md").read_text(encoding="utf-8")


def test_everything_on_the_page_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Path("metrics/corpus_bleu/corpus_bleu.py")
    place.parent.mkdir(parents=True)
    names: dict[str, object] = {}
    for language, code in re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        if code.startswith(f"# {place}"):
            place.write_text(code)
        elif language == "python":
            exec(code, names)
        else:
            assert [main(line.split()[1:]) for line in code.splitlines()] == [0, 0]
    assert list(names["result"].metrics) == ["chrf", "exact_match", "evaluate:corpus_bleu"]  # type: ignore[attr-defined]
    assert re.search(r"evaluate\s+chrf|corpus_b", capsys.readouterr().out)
