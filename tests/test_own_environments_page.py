"""docs/own_environments.md: its modules, snippets and commands, in the order a reader meets them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "own_environments.md").read_text(encoding="utf-8")


def test_everything_on_the_page_works(tmp_path):
    words = ("one", "two", "three", "four", "five", "six", "seven")
    pairs = [f"{a} {b},{b} {a}" for a in words for b in words if a != b]
    (tmp_path / "mine.csv").write_text("source,references\n" + "\n".join(pairs) + "\n")
    scripts, commands = [], []
    for language, code in re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        if code.startswith("# my_envs.py"):
            (tmp_path / "my_envs.py").write_text(code)
        elif language == "python":
            scripts.append(code)
        else:
            commands += code.replace("20000", "150").splitlines()
    assert (len(scripts), len(commands)) == (5, 5)
    lines = [f"status = main({command.split()[1:]!r}); assert status == 0, status" for command in commands]
    told = run("\n".join([*scripts, "from llm_benchmarks.commands.app import main", *lines]), tmp_path)
    assert "(480, 640, 3)" in told
    assert "\n1.0\n" in told
    table = told.partition("MyDeEn-v0 ")[2]
    assert "random" in table
    assert "ended by" in told  # an end of input ends the text in `play`


def run(code, folder):
    done = subprocess.run(
        [sys.executable, "-W", "error:::llm_envs", "-c", code],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        input="/end\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
