"""What a record says of where it was made."""

from __future__ import annotations

from llm_benchmarks.records.provenance import collect_provenance, utc_now


def test_the_recorded_command_omits_the_programs_folder():
    provenance = collect_provenance(
        started_at=utc_now(), command=["/home/me/bin/llm-envs", "benchmark", "a/b.toml"]
    )
    assert provenance["command"] == ["llm-envs", "benchmark", "a/b.toml"]
    assert collect_provenance(started_at=utc_now(), command=[])["command"] == []


def test_the_recorded_command_tells_no_folders_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = [
        "x",
        "--store",
        "/home/me/secret/store",
        f"--out={tmp_path}/runs/a",
        "--set",
        "lr=1",
        "a/b",
        "10/2",
    ]
    written = collect_provenance(started_at=utc_now(), command=given)["command"]
    assert written == ["x", "--store", ".../store", "--out=runs/a", "--set", "lr=1", "a/b", "10/2"]
