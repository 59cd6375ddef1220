"""Data, tokenizers and models of one's own are the same ones however the path to them is spelled."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.records.configuration import configuration
from llm_benchmarks.records.record import RecordError, cell_key, check_record, content_hash
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.resolve import make_plan
from llm_benchmarks.run.suite import Cell, Evaluation

CELL = Cell(env="Translation-v0", agent="random", evaluation=Evaluation(episodes=3))
LIMITS = {"max_prompt_tokens": 16, "max_new_tokens": 8}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        {"source": f"word {i}", "target": f"Wort {i}", "split": "test" if i % 2 else "train"}
        for i in range(12)
    ]
    Path("mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def with_data(dataset, **kwargs):
    return replace(CELL, env_kwargs={"dataset": dataset, **LIMITS, **kwargs})


def spellings(folder, name):
    return [name, f"./{name}", f"../{folder.name}/{name}", str(folder / name)]


def test_one_file_is_one_table_and_one_cell(folder, store):
    shutil.copy("mine.jsonl", "copy.jsonl")
    paths = [*spellings(folder, "mine.jsonl"), "copy.jsonl"]
    plans = [make_plan(with_data(f"file:{path}")) for path in paths]
    assert len({cell_key(plan) for plan in plans}) == 1
    assert len({plan["env"]["signature"] for plan in plans}) == 1
    assert {plan["dataset"]["name"] for plan in plans[:-1]} == {"file:mine.jsonl"}
    assert plans[-1]["dataset"]["name"] == "file:copy.jsonl"
    assert [plan["env"]["kwargs"]["dataset"] for plan in plans] == [f"file:{path}" for path in paths]
    for path in paths:
        run_cell(with_data(f"file:{path}"), store)
    (table,) = leaderboard_tables(store.records())
    (row,) = table.rows
    assert row.runs == len(paths)


def test_other_contents_are_another_cell(folder):
    before = make_plan(with_data("file:mine.jsonl"))
    with open("mine.jsonl", "a") as file:
        file.write('{"source": "more", "target": "mehr", "split": "train"}\n')
    after = make_plan(with_data("file:mine.jsonl"))
    assert cell_key(before) != cell_key(after)
    assert before["env"]["signature"] != after["env"]["signature"]


def test_a_tokenizer_is_its_contents(folder):
    words = {"<end>": 0, **{f"word{i}": i for i in range(1, 5)}}
    backend = Tokenizer(models.WordLevel(words, unk_token="<end>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.save("tok.json")
    plans = [
        make_plan(replace(CELL, env_kwargs={"tokenizer": {"id": f"hf:{path}", "end_tokens": ["<end>"]}}))
        for path in spellings(folder, "tok.json")
    ]
    assert len({cell_key(plan) for plan in plans}) == 1
    assert len({json.dumps(plan["tokenizer"]) for plan in plans}) == 1
    assert plans[0]["tokenizer"]["spec"]["id"].startswith("hf:tok.json@")


def test_a_model_folder_is_its_contents(folder):
    for name, weights in (("a", b"1"), ("same", b"1"), ("other", b"2")):
        Path(name).mkdir()
        Path(name, "config.json").write_text("{}")
        Path(name, "model.safetensors").write_bytes(weights)
    cell = replace(CELL, agent="supervised", total_timesteps=10)
    names = [*spellings(folder, "a"), "same", "other"]
    plans = [make_plan(replace(cell, config={"model": name})) for name in names]
    keys = [cell_key(plan) for plan in plans]
    assert len(set(keys[:-1])) == 1
    assert keys[-1] != keys[0]
    rows = [content_hash(configuration(plan)) for plan in plans]
    assert len(set(rows[:-1])) == 1
    assert rows[-1] != rows[0]
    assert plans[0]["agent"]["base_model"]["name"] == "a"
    assert make_plan(replace(cell, config={"model": "mini"}))["agent"]["base_model"] is None


def test_a_record_whose_key_is_by_name_is_still_read(folder, store):
    """Earlier releases named cells by the path."""
    record_id = run_cell(with_data("file:./mine.jsonl"), store).record
    record = json.loads((store.path / record_id / "record.json").read_text())
    check_record(record)
    by_name = {**record, "dataset": {**record["dataset"], "hash": None}}
    record["cell_key"] = cell_key(by_name)
    check_record(record)
    record["cell_key"] = "0" * 64
    with pytest.raises(RecordError, match="cell_key"):
        check_record(record)
