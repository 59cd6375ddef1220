"""Every Python block of the READMEs runs, in order, in a process of its own."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import llm_envs
from llm_benchmarks.leaderboard.view import print_table, read_leaderboard

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks():
    for path in [ROOT / "README.md"]:
        for index, match in enumerate(BLOCK.finditer(path.read_text(encoding="utf-8"))):
            yield pytest.param(match[1], id=f"{path.relative_to(ROOT)}-{index}")


def run(code, folder):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error:::llm_envs", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", list(blocks()))
def test_snippet_runs_without_a_warning_and_prints_what_came_of_it(code, tmp_path):
    assert run(code, tmp_path).strip() != ""


def block(readme, word):
    text = (ROOT / readme).read_text(encoding="utf-8")
    (code,) = [match[1] for match in BLOCK.finditer(text) if word in match[1]]
    return code


@pytest.mark.parametrize("word", ["import TokenDQN", "TopKActions(", 'make_agent("sb3_dqn"'])
def test_a_snippet_that_trains_is_seeded(word):
    code = block("README.md", word)
    assert len(re.findall(r"(DQN|make_agent)\(", code)) == code.count("seed=0")


def test_the_extractor_works_by_itself(tmp_path):
    assert 0 <= float(run(block("agents/README.md", "TokenFeaturesExtractor"), tmp_path)) <= 1


def test_the_record_of_an_evaluation_in_python_stands_in_the_leaderboard(tmp_path):
    out = run(block("benchmarks/README.md", "record_evaluation"), tmp_path)
    assert "my_dqn: trained on chrf, paid at the end" in out


def test_the_tables_of_the_readme_are_those_that_are_printed():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^```text\n(Dialogue-v0 .*?)^```", readme, re.MULTILINE | re.DOTALL)[1]
    out = io.StringIO()
    for table in read_leaderboard(ROOT / "benchmarks" / "results").tables:
        if f"\n{table.env} " in f"\n{shown}":
            print_table(table, Console(file=out, width=100))
    assert shown.splitlines() == [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def test_token_dqn_learns_on_an_environment_written_by_its_reader(tmp_path):
    readme = (ROOT / "agents" / "README.md").read_text(encoding="utf-8")
    (code,) = [match[1] for match in BLOCK.finditer(readme) if "class Parrot" in match[1]]
    assert run(code, tmp_path).strip() == "[1, 2, 3, 4]"


def test_every_id_stands_in_the_readme_and_has_a_page():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for env_id in llm_envs.list_envs():
        assert f"docs/envs/{env_id}.md" in readme
        assert (
            (ROOT / "docs" / "envs" / f"{env_id}.md").read_text(encoding="utf-8").startswith(f"# {env_id}\n")
        )


def test_links_in_the_readmes_lead_somewhere():
    readmes = [ROOT / "README.md", ROOT / "agents" / "README.md", ROOT / "benchmarks" / "README.md"]
    for path in [*readmes, ROOT / "docs" / "fetch.md", ROOT / "docs" / "rewards" / "language_models.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path}: {target}"
