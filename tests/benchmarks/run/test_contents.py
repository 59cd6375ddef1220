"""Data, tokenizers and models of one's own are the same ones however the path to them is spelled."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from llm_benchmarks.leaderboard.tables import leaderboard_tables
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation
from llm_benchmarks.run.resolve import resolve, resolve_agent

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
    runs = [resolve(with_data(f"file:{path}")) for path in paths]
    assert len({run.spec.identity() for run in runs}) == 1
    assert len({run.spec.environment.signature for run in runs}) == 1
    assert {run.facts["dataset"]["name"] for run in runs[:-1]} == {"file:mine.jsonl"}
    assert runs[-1].facts["dataset"]["name"] == "file:copy.jsonl"
    assert [run.spec.environment.kwargs["dataset"] for run in runs] == [f"file:{path}" for path in paths]
    for path in paths:
        run_cell(with_data(f"file:{path}"), store)
    (table,) = leaderboard_tables(store.records())
    (row,) = table.rows
    assert row.runs == len(paths)


def test_other_contents_are_another_cell(folder):
    before = resolve(with_data("file:mine.jsonl")).spec
    with open("mine.jsonl", "a") as file:
        file.write('{"source": "more", "target": "mehr", "split": "train"}\n')
    after = resolve(with_data("file:mine.jsonl")).spec
    assert before.identity() != after.identity()
    assert before.environment.signature != after.environment.signature


def test_the_contents_of_a_tokenizer_identify_it(folder):
    words = {"<end>": 0, **{f"word{i}": i for i in range(1, 5)}}
    backend = Tokenizer(models.WordLevel(words, unk_token="<end>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.save("tok.json")
    runs = [
        resolve(replace(CELL, env_kwargs={"tokenizer": {"id": f"hf:{path}", "end_tokens": ["<end>"]}}))
        for path in spellings(folder, "tok.json")
    ]
    assert len({run.spec.identity() for run in runs}) == 1
    assert len({json.dumps(run.facts["tokenizer"]) for run in runs}) == 1
    assert runs[0].facts["tokenizer"]["spec"]["id"].startswith("hf:tok.json@")


def test_the_contents_of_a_model_folder_identify_it(folder):
    for name, weights in (("a", b"1"), ("same", b"1"), ("other", b"2")):
        Path(name).mkdir()
        Path(name, "config.json").write_text("{}")
        Path(name, "model.safetensors").write_bytes(weights)
    cell = replace(CELL, agent="supervised", total_timesteps=10)
    names = [*spellings(folder, "a"), "same", "other"]
    specs = [resolve(replace(cell, config={"model": name})).spec for name in names]
    keys = [spec.identity() for spec in specs]
    assert len(set(keys[:-1])) == 1
    assert keys[-1] != keys[0]
    assert specs[0].agent.base_model == {"name": "a", "hash": ANY, "source": "folder"}
    assert resolve(replace(cell, config={"model": "mini"})).spec.agent.base_model is None


def test_the_name_identifies_a_hub_model_or_an_asset():
    cell = replace(CELL, agent="supervised", total_timesteps=10)
    for name, source in (("somebody/model", "hub"), ("smollm2-135m", "asset")):
        agent = resolve_agent(replace(cell, config={"model": name})).spec.agent
        assert agent.base_model == {"name": name, "hash": ANY, "source": source}
        known = replace(agent, base_model={**agent.base_model, "hash": "0" * 64})
        runs = [replace(resolve_agent(cell).spec, agent=one) for one in (agent, known)]
        assert runs[0].identity() == runs[1].identity()
