"""The version stands in one place, and whatever repeats it agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import llm_envs

ROOT = Path(__file__).parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_distribution_takes_its_version_from_the_package():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in pyproject["project"]["dynamic"]
    assert pyproject["tool"]["hatch"]["version"]["path"] == "llm_envs/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", llm_envs.__version__)


def test_the_newest_section_of_the_changelog_is_of_this_version():
    newest = re.search(r"^## \[(.+?)\]", CHANGELOG, re.MULTILINE)
    assert newest is not None
    assert newest[1] == llm_envs.__version__


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == llm_envs.__version__


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)", CHANGELOG))))
def test_links_of_the_changelog_lead_to_files(link):
    assert (ROOT / link).exists()
