"""`llm-envs leaderboard verify`: what it says, what it keeps, what it imports, and its exit status."""

from __future__ import annotations

import io
import json
import shutil
import sys
import unicodedata

import forgery
import gymnasium as gym
import pytest
from canaries import ENV_ID, EVALUATE, NAME, Canary, planted
from rich.console import Console

import llm_envs
from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.view import show
from llm_benchmarks.records.merging import merge
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_benchmarks.records.verdicts import KeptVerdict, keep_verdicts, read_verdicts
from llm_benchmarks.run.recording import record_evaluation
from llm_benchmarks.verification.ladder import Ladder

CONTROL = "\x1b[31m\x9b2J\u202e\u200b\x07\r\x85\u2028"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two honest records: the folder, and the ids."""
    folder = tmp_path_factory.mktemp("made")
    data = forgery.write_data(folder / "data.jsonl", 1)
    store = RecordStore(folder / "store")
    return store.path, [forgery.record(store, data, seed) for seed in (1, 2)]


@pytest.fixture
def store(made, tmp_path):
    """A copy of the store."""
    shutil.copytree(made[0], tmp_path / "store")
    return RecordStore(tmp_path / "store")


def verify(store: RecordStore, *words: str) -> int:
    return main(["leaderboard", "verify", "--store", str(store.path), *words])


def printed(store: RecordStore, **options) -> str:
    out = io.StringIO()
    show(store, console=Console(file=out, width=120), **options)
    return out.getvalue()


def test_verdicts_become_badges(store, capsys):
    assert "verified" not in printed(store)
    assert verify(store) == 0
    assert capsys.readouterr().out.splitlines() == [
        "V2      2  replayed: seeds and tokens played again in the environment"
    ]
    assert "V2" in printed(store)
    assert "not who wrote them" in printed(store)
    shown = json.loads(_json_of(store, capsys))
    assert {row["verified"] for table in shown["tables"] for row in table["rows"]} == {"V2"}
    assert main(["leaderboard", "samples", "--env", "Translation-v0", "--store", str(store.path)]) == 0
    assert ", V2" in capsys.readouterr().out


def _json_of(store, capsys) -> str:
    capsys.readouterr()
    assert main(["leaderboard", "show", "--json", "--store", str(store.path)]) == 0
    return capsys.readouterr().out


def test_a_row_has_the_badge_of_its_weakest_record(store, made, capsys):
    assert verify(store, made[1][0]) == 0
    assert "V2" not in printed(store)  # the other seed of the row was not verified
    assert verify(store, made[1][1], "--level", "1") == 0
    assert " V1 " in printed(store)
    assert verify(store) == 0
    assert verify(store, "--level", "0") == 0
    assert " V2 " in printed(store)  # confirmed as far as it was tried


def test_an_edited_record_loses_its_badge(store, made):
    assert verify(store) == 0
    parts = forgery.parts_of(store.path, made[1][0])
    (store.path / f"{made[1][0]}.jsonl.gz").unlink()
    parts.rows[0]["reward"] += 0.5
    forgery.plant(store.path, parts)
    assert "V2" not in printed(store)
    assert verify(store) == 1
    assert "fails V1" in printed(store)


def test_the_report_names_what_differs_and_where(store, made, capsys):
    parts = forgery.parts_of(store.path, made[1][0])
    parts.rows[3]["text"] = f"{CONTROL} [b]bold[/b]\nforged"
    id = forgery.plant(store.path, parts)
    assert verify(store, id[:10]) == 1
    out = capsys.readouterr().out
    assert f"{id[:12]} Translation-v0 noisy, seed 1: V1 fails: episode 3 (example 3)" in " ".join(out.split())
    assert verify(store, id[:10], "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["holds"] is False
    assert report["records"][id]["level"] == 0


def test_no_escape_sequence_of_a_record_reaches_the_terminal(store, made, capsys):
    for field in (
        "text",
        "source",
        "finish_reason",
        "agent",
        "experiment",
        "metric",
        "signature",
        "env",
        "kwargs",
    ):
        parts = forgery.parts_of(store.path, made[1][0])
        spec, row = parts.record["spec"], parts.rows[0]
        if field in ("text", "source"):
            row[field] = CONTROL + row[field]
        elif field == "finish_reason":
            row[field] = "task"
        elif field == "metric":
            row["metrics"][CONTROL] = 0.5
        elif field == "signature":
            spec["environment"]["signature"] = CONTROL
        elif field == "env":
            spec["environment"]["id"] = CONTROL
        elif field == "kwargs":
            spec["environment"]["kwargs"] = {CONTROL: CONTROL}
        else:
            spec["agent"]["name"] = CONTROL
        forgery.plant(store.path, parts)
    assert verify(store) == 1
    assert verify(store, "--json") == 1
    captured = capsys.readouterr()
    for text in (captured.out, captured.err, (store.path / "verification.json").read_text()):
        acting = {c for c in text if c != "\n" and unicodedata.category(c)[0] in "CZ" and c != " "}
        assert acting == set()
    assert "\\x1b[31m" in captured.out


def test_nothing_that_a_record_names_is_imported(store, made, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    canary = Canary(tmp_path)
    whole = forgery.parts_of(store.path, made[1][0])
    tried = 0
    for name in (NAME, ENV_ID, EVALUATE):
        for _, spec in planted(whole.record["spec"], [name]):
            parts = forgery.parts_of(store.path, made[1][0])
            parts.record["spec"] = spec
            try:
                forgery.plant(tmp_path / "planted", parts)
            except (TypeError, KeyError, AttributeError, ValueError):  # no run has such a field
                continue
            tried += 1
    assert tried > 50
    assert main(["leaderboard", "verify", "--store", str(tmp_path / "planted")]) == 1
    assert not canary.sang()
    assert capsys.readouterr().out
    assert main(["leaderboard", "verify", "--store", str(tmp_path / "planted"), "--json"]) == 1
    reasons = [entry["reason"] for entry in json.loads(capsys.readouterr().out)["records"].values()]
    assert sum("names code" in reason for reason in reasons) >= 5
    assert not canary.sang()


def test_code_that_the_verifier_allows_is_used(store, made, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    canary = Canary(tmp_path)
    parts = forgery.parts_of(store.path, made[1][0])
    reward = parts.record["spec"]["evaluation"]["reward"]
    reward |= {"spec": NAME, "signature": NAME}
    id = forgery.plant(store.path, parts)
    assert verify(store, id) == 1
    assert not canary.sang()
    assert f"--allow-code {NAME}" in "".join(capsys.readouterr().out.split("\n"))
    assert verify(store, id, "--allow-code", NAME) == 1
    assert canary.sang()


def test_bad_input_has_status_2(store, capsys):
    assert verify(store, "--level", "4") == 2
    assert verify(store, "no-such-id") == 2
    assert verify(store, "--env", "No-Such-v0") == 2
    assert verify(store, "--experiment", "nothing") == 2
    assert main(["leaderboard", "verify", "--store", str(store.path / "absent")]) == 2
    (store.path / "verification.json").write_text('{"format": 1, "records": {"a": {"level": 99}}}')
    assert verify(store) == 2
    assert "remove it and verify again" in capsys.readouterr().err


def test_a_damaged_file_of_verdicts_is_told_and_hides_no_record(store, capsys):
    (store.path / "verification.json").write_text("[")
    assert main(["leaderboard", "show", "--store", str(store.path)]) == 1
    captured = capsys.readouterr()
    assert "Translation-v0" in captured.out
    assert "verification.json" in captured.err


def test_verdicts_stay_with_the_store_that_was_verified(store, tmp_path):
    assert verify(store) == 0
    copy = RecordStore(tmp_path / "copy")
    merge([store], copy)
    assert read_verdicts(copy) == {}


def test_no_keep_writes_nothing(store):
    before = sorted(path.name for path in store.path.iterdir())
    assert verify(store, "--no-keep") == 0
    assert sorted(path.name for path in store.path.iterdir()) == before


def test_verdicts_of_absent_records_are_dropped(store, made):
    known = made[1][0]
    verdict = KeptVerdict(2, 2, "holds", "", "0.1.0", "2026-01-01T00:00:00Z")
    keep_verdicts(store, {"0" * 64: verdict, known: verdict})
    assert list(read_verdicts(store)) == [known]
    assert read_verdicts(store)[known] == verdict


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"format": 2, "records": {}}', '{"format": 1, "records": {"a": 3}}']
)
def test_other_files_are_no_verdicts(store, content):
    (store.path / "verification.json").write_text(content)
    with pytest.raises(RecordError, match=r"verification\.json"):
        read_verdicts(store)


def test_an_interrupted_verification_keeps_what_it_found(store, made, monkeypatch):
    def interrupted(self, *arguments):
        yield from list(climbed(self, *arguments))[:1]
        raise KeyboardInterrupt

    climbed = Ladder.verdicts
    monkeypatch.setattr(Ladder, "verdicts", interrupted)
    assert verify(store) == 130
    assert len(read_verdicts(store)) == 1


def test_an_id_of_the_verifier_is_named_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(tmp_path))
    data = forgery.write_data(tmp_path / "mine.jsonl", 3)
    (tmp_path / "verified_ids.py").write_text(
        f"import llm_envs\nllm_envs.register_env('Verified-v0', 'translation', dataset='file:{data}')\n"
    )
    try:
        env = gym.make("verified_ids:Verified-v0", split="test", metrics="default")
        agent = forgery.write_noisily(env, 1)
        store = RecordStore(tmp_path / "played")
        result = llm_envs.evaluate(agent, env, seed=1_000_000)
        record_evaluation(result, agent, env, store, name="mine", seed=1, total_timesteps=1)
        gym.registry.pop("Verified-v0")
        sys.modules.pop("verified_ids")
        assert verify(store) == 1
        assert "--env MODULE:ID" in " ".join(capsys.readouterr().out.split())
        assert "verified_ids" not in sys.modules
        assert verify(store, "--env", "verified_ids:Verified-v0") == 0
    finally:
        gym.registry.pop("Verified-v0", None)
