"""Every Python block of the READMEs runs, in order, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import llm_envs

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
def test_snippet_runs_without_a_warning(code, tmp_path):
    run(code, tmp_path)


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
