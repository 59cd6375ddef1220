"""`evaluate --note-values`: the record is the same, and holds the values beside each episode."""

from __future__ import annotations

import json

import numpy as np
import pytest
from token_worlds import SMALL

from llm_baselines.agent import TokenValues
from llm_benchmarks.commands.app import main
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.token_values import MOST_TOKENS, to_field
from llm_benchmarks.records.values import RecordError
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation
from llm_benchmarks.run.suite import load_suite
from llm_benchmarks.run.valuing import note_values
from llm_benchmarks.verification.ladder import Ladder
from llm_envs.envs.ids import make_vec

TINY = "TextGen-Tiny-v0"


def record(tmp_path, name, agent="lm_sample", **evaluation):
    config = {"model": SMALL} if agent.startswith("lm_") else {}
    cell = Cell(env=TINY, agent=agent, config=config, evaluation=Evaluation(num_envs=4, **evaluation))
    store = RecordStore(tmp_path / name)
    result = run_cell(cell, store, device="cpu")
    return store, store.read(result.record), result


def without(rows):
    return [{name: value for name, value in row.items() if name != "token_values"} for row in rows]


def test_noting_changes_neither_identity_nor_texts_nor_scores(tmp_path):
    _, plain, _ = record(tmp_path, "plain")
    _, noted, result = record(tmp_path, "noted", note_values=True)
    assert noted.data["identity"] == plain.data["identity"]
    assert noted.results == plain.results
    assert without(noted.episodes()) == plain.episodes()
    assert result.message == ""
    for row in noted.episodes():
        values = row["token_values"]
        assert values["version"] == 1
        assert len(values["log_prob"]) == row["length"] > 0
        assert all(number <= 0 for number in values["log_prob"])


def test_an_agent_that_says_nothing_is_told_and_recorded(tmp_path):
    _, noted, result = record(tmp_path, "random", agent="random", note_values=True)
    assert noted.status == "completed"
    assert "this agent cannot say them" in result.message
    assert without(noted.episodes()) == noted.episodes()


def test_a_record_with_values_passes_levels_0_to_2(tmp_path):
    store, noted, _ = record(tmp_path, "noted", note_values=True)
    ((_, verdict),) = Ladder(level=2).verdicts(store)
    assert (verdict.record, verdict.level, verdict.fault) == (noted.id, 2, None)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda values: {**values, "log_prob": values["log_prob"][1:]}, "log_prob: has"),
        (lambda values: {**values, "log_prob": "much"}, "log_prob"),
        (lambda values: {**values, "hope": [1.0]}, "token_values"),
        (lambda values: {"log_prob": values["log_prob"]}, "version"),
        (lambda values: {**values, "q": [1e99] * len(values["log_prob"])}, "token_values.q"),
    ],
)
def test_values_that_do_not_fit_their_tokens_are_refused(tmp_path, change, named):
    store, noted, _ = record(tmp_path, "noted", note_values=True)
    rows = noted.episodes()
    rows[2]["token_values"] = change(rows[2]["token_values"])
    with pytest.raises(RecordError, match=named):
        store.write({**noted.data, "files": {}}, rows)


def test_values_of_a_later_version_are_read_and_not_shown(tmp_path):
    from llm_benchmarks.leaderboard.html.payload import collect

    store, noted, _ = record(tmp_path, "noted", note_values=True)
    rows = noted.episodes()
    for row in rows:
        row["token_values"]["version"] = 2
    later = RecordStore(tmp_path / "later")
    later.write({**noted.data, "files": {}}, rows)
    texts = collect(later).data["tables"][0]["samples"]["texts"]
    assert texts
    assert not any("values" in text for text in texts)
    shown = collect(store).data["tables"][0]["samples"]["texts"]
    assert all(len(text["values"]["log_prob"]) == len(text["ends"]) for text in shown)


class Counts:
    """Says the column of each token."""

    def __init__(self):
        self.texts = 0

    def token_values(self, observations, columns):
        self.texts += len(observations)
        return [TokenValues(q=np.asarray(own, float)) for own in columns]


def test_columns_are_those_of_the_tokens_and_the_record_is_bounded(tmp_path):
    _, plain, _ = record(tmp_path, "plain", agent="random")
    rows = plain.episodes()
    envs = make_vec(TINY, 4, split="test", autoreset_mode="Disabled")
    noted = note_values(Counts(), envs, rows)
    assert [noted[row["index"]]["q"] for row in rows] == [
        [4.0 + i for i in range(row["length"])] for row in rows
    ]
    bounded = Counts()
    few = note_values(bounded, envs, rows, most_tokens=20)
    assert sum(rows[index]["length"] for index in few) <= 20 < MOST_TOKENS
    assert list(few) == list(range(len(few)))
    assert bounded.texts == len(few) > 0


def test_dialogues_have_the_columns_of_the_agents_own_tokens(tmp_path):
    cell = Cell(env="Dialogue-v0", agent="reference", evaluation=Evaluation(episodes=3, num_envs=3))
    store = RecordStore(tmp_path / "dialogue")
    rows = store.read(run_cell(cell, store, device="cpu").record).episodes()
    envs = make_vec("Dialogue-v0", 3, split="test", autoreset_mode="Disabled")
    for row in rows:
        columns = note_values(Counts(), envs, rows)[row["index"]]["q"]
        assert len(columns) == len(row["action_ids"])
        assert np.diff(columns).min() >= 1
        assert np.diff(columns).max() > 1  # the user's turns lie between


def test_values_that_are_not_finite_are_left_out():
    assert to_field(TokenValues(q=np.array([0.5, np.nan]))) is None
    assert to_field(TokenValues()) is None
    assert to_field(TokenValues(v=np.array([1 / 3], np.float32))) == {"version": 1, "v": [0.33333]}


def test_the_command_and_a_suite_take_the_option(tmp_path, capsys):
    line = ["evaluate", "--env", TINY, "--agent", "lm_greedy", "--set", f"model={json.dumps(SMALL)}"]
    assert main([*line, "--episodes", "4", "--store", str(tmp_path / "store"), "--note-values"]) == 0
    (noted,) = RecordStore(tmp_path / "store").records()
    assert all("log_prob" in row["token_values"] for row in noted.episodes())
    suite = tmp_path / "noted.toml"
    suite.write_text(
        'name = "noted"\n[evaluation]\nnote_values = true\n[[cells]]\n'
        f'envs = ["{TINY}"]\nagents = ["random"]\n'
    )
    assert load_suite(suite).cells[0].evaluation.note_values
