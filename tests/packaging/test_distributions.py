"""The sdist and the wheel hold what building and using need, and nothing else."""

from __future__ import annotations

import tarfile
import zipfile

import pytest
from clean_environments import ROOT, uv

import llm_envs

pytestmark = pytest.mark.package
PLACES = {
    "llm_envs": "llm_envs",
    "agents/llm_baselines": "llm_baselines",
    "benchmarks/llm_benchmarks": "llm_benchmarks",
    "benchmarks/suites": "llm_benchmarks/suites",
}
"""Folder of the checkout -> folder in site-packages."""
NO_MEMBERS = ("__pycache__", ".mypy_cache", ".ruff_cache")


def members(wheel):
    """File of a wheel -> its content, without the metadata."""
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_file_of_the_packages_and_the_suites(builder):
    expected = {
        f"{installed}/{path.relative_to(ROOT / folder).as_posix()}": path.read_bytes()
        for folder, installed in PLACES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not set(NO_MEMBERS) & set(path.parts)
    }
    found = members(builder.wheel)
    assert set(found) == set(expected)
    assert found == expected


@pytest.mark.parametrize("package", ["llm_envs", "llm_baselines", "llm_benchmarks"])
def test_the_wheel_says_that_its_packages_are_typed(builder, package):
    assert f"{package}/py.typed" in members(builder.wheel)


def test_the_wheel_built_from_the_sdist_is_the_one_built_from_the_checkout(builder, tmp_path):
    uv("build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == builder.wheel.name
    assert members(builder.wheel) == members(wheel)


def test_the_sdist_has_what_its_reader_looks_for_and_no_records(builder):
    with tarfile.open(builder.sdist) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {
        "pyproject.toml",
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "CITATION.cff",
        "constraints.txt",
    } <= names
    assert "tests/packaging/test_distributions.py" in names
    assert not [name for name in names if name.startswith("benchmarks/results")]


def test_the_names_and_the_metadata_carry_the_version(builder):
    assert builder.wheel.name == f"llm_envs-{llm_envs.__version__}-py3-none-any.whl"
    assert builder.sdist.name == f"llm_envs-{llm_envs.__version__}.tar.gz"
    with zipfile.ZipFile(builder.wheel) as opened:
        metadata = opened.read(f"llm_envs-{llm_envs.__version__}.dist-info/METADATA").decode()
    assert f"\nVersion: {llm_envs.__version__}\n" in metadata
    assert "License-Expression: MIT" in metadata
