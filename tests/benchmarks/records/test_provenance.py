"""What a record says of where it was made."""

from __future__ import annotations

from llm_benchmarks.records.provenance import collect_provenance, utc_now


def test_the_command_does_not_tell_where_the_program_stands():
    told = collect_provenance(
        started_at=utc_now(), command=["/home/me/bin/llm-envs", "benchmark", "a/b.toml"]
    )
    assert told["command"] == ["llm-envs", "benchmark", "a/b.toml"]
    assert collect_provenance(started_at=utc_now(), command=[])["command"] == []
