"""`llm-envs doctor`: what an installation can do, and how to get the rest."""

from __future__ import annotations

import json

import pytest

from llm_benchmarks.commands import doctor
from llm_benchmarks.commands.app import main
from llm_envs.checks.extras import EXTRAS


def test_the_report_names_versions_and_the_device(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["libraries"]["gymnasium"]
    assert found["device"]["name"].split(":")[0] in ("cpu", "cuda", "mps")
    assert set(found["extras"]) == set(EXTRAS)
    assert found["extras"]["agents"] == []
    assert found["threads"]["cores"] >= 1


def test_a_missing_extra_is_named_with_the_command_that_installs_it(monkeypatch, capsys):
    monkeypatch.setitem(EXTRAS, "parquet", ("pyarrow_of_nowhere",))
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "pyarrow_of_nowhere" in printed
    assert "pip install 'llm-envs[parquet]'" in printed


def test_an_asset_that_is_not_fetched_is_named_with_its_command(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path / "none" / "yet"))
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "llm-envs fetch smollm2-135m" in printed
    assert str(tmp_path) in printed.replace("\n", "").replace(" ", "")


def test_a_cache_that_cannot_be_written_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert "LLM_ENVS_HOME" in doctor.findings()["cache"]["problem"]


@pytest.mark.parametrize("name", ["gymnasium", "no-such-distribution-anywhere"])
def test_a_version_is_given_or_null(monkeypatch, name):
    monkeypatch.setattr(doctor, "LIBRARIES", (name,))
    assert (doctor.findings()["libraries"][name] is None) is (name != "gymnasium")
