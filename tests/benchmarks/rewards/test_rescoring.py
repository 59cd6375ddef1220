"""`leaderboard rescore`: old texts scored by another reward, beside the records that stay as they are."""

from __future__ import annotations

import io
import json
import shutil

import forgery
import gymnasium as gym
import pytest
from rich.console import Console

import llm_envs
from llm_benchmarks.commands.app import main
from llm_benchmarks.leaderboard.view import read_leaderboard, show
from llm_benchmarks.records.additions import names, read_addition
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_envs.rewards.registry import REGISTRY


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two honest records, and their data set."""
    folder = tmp_path_factory.mktemp("made")
    data = forgery.write_data(folder / "data.jsonl", 1)
    store = RecordStore(folder / "store")
    for seed in (1, 2):
        forgery.record(store, data, seed)
    return store.path, data


@pytest.fixture
def store(made, tmp_path):
    """A copy of the store."""
    shutil.copytree(made[0], tmp_path / "store")
    return RecordStore(tmp_path / "store")


def rescore(store: RecordStore, *words: str) -> int:
    return main(["leaderboard", "rescore", "--store", str(store.path), *words])


def printed(store: RecordStore, **options) -> str:
    out = io.StringIO()
    show(store, console=Console(file=out, width=120), **options)
    return out.getvalue()


def test_a_reward_scores_old_texts_as_an_evaluation_would(store, made):
    before = {path.name: path.read_bytes() for path in store.path.iterdir()}
    assert rescore(store, "--reward", "chrf", "--name", "by_chrf") == 0
    after = {path.name: path.read_bytes() for path in store.path.iterdir()}
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"by_chrf.scores.jsonl"}
    env = gym.make("Translation-v0", dataset=f"file:{made[1]}", split="test", reward="chrf")
    result = llm_envs.evaluate(forgery.write_noisily(env, 1), env, seed=1_000_000)
    addition = read_addition(store, "by_chrf")
    [id] = [record.id for record in store.records() if record.training_seed == 1]
    assert list(addition.scores[id].values) == [row.reward for row in result.rows]
    assert addition.scores[id].signature == env.unwrapped.task.reward.signature


def test_the_leaderboard_shows_an_added_score_in_a_table_of_its_own(store, capsys):
    assert rescore(store, "--reward", '{"chrf": 2.0}', "--name", "twice") == 0
    assert "Translation-v0 noisy: twice" in capsys.readouterr().out
    [own], [other] = read_leaderboard(store).tables, read_leaderboard(store, score="twice").tables
    addition = read_addition(store, "twice")
    means = [scores.mean for scores in addition.scores.values()]
    assert other.rows[0].score == pytest.approx(sum(means) / len(means), abs=1e-12)
    assert other.evaluation_reward != own.evaluation_reward
    assert "reward: 2*chrf" in printed(store, score="twice")
    assert main(["leaderboard", "show", "--store", str(store.path), "--score", "twice"]) == 0
    with pytest.raises(KeyError, match="there are: twice"):
        read_leaderboard(store, score="thrice")


def test_badges_prove_the_own_scores_only(store):
    assert rescore(store, "--reward", "chrf", "--name", "by_chrf") == 0
    assert main(["leaderboard", "verify", "--store", str(store.path)]) == 0
    assert "V2" in printed(store)
    assert "V2" not in printed(store, score="by_chrf")


def test_a_metric_is_shown_beside_the_others(store):
    assert "repetition" not in printed(store)
    assert rescore(store, "--metric", "repetition") == 0
    [table] = read_leaderboard(store).tables
    scores = read_addition(store, "repetition").scores.values()
    assert table.rows[0].metrics["repetition"] == pytest.approx(sum(s.mean for s in scores) / 2, abs=1e-12)
    assert [len(record.episodes()[0]["metrics"]) for record in store.records()] == [2, 2]


def test_a_corpus_metric_is_one_number(store, monkeypatch):
    class Vocabulary:
        """The number of different words in all texts."""

        def __call__(self, episode) -> float:
            """Scores one text."""
            return float(len(set(episode.text.split())))

        def score_corpus(self, episodes) -> float:
            """Scores all texts together."""
            return float(len({word for episode in episodes for word in episode.text.split()}))

    monkeypatch.setitem(REGISTRY, "vocabulary", Vocabulary)
    assert rescore(store, "--reward", "vocabulary") == 2
    assert rescore(store, "--metric", "vocabulary") == 0
    for id, scores in read_addition(store, "vocabulary").scores.items():
        words = {word for row in store.read(id).episodes() for word in row["text"].split()}
        assert scores.whole == len(words)


def test_a_reward_with_a_state_is_refused(store, monkeypatch, capsys):
    class Novel:
        """1 for a text that it has not seen before."""

        def __init__(self) -> None:
            self._seen: set[str] = set()

        def __call__(self, episode) -> float:
            """Scores."""
            new = episode.text not in self._seen
            self._seen.add(episode.text)
            return float(new)

    monkeypatch.setitem(REGISTRY, "novel", Novel)
    assert rescore(store, "--reward", "novel") == 2
    assert "keeps a state or draws numbers" in capsys.readouterr().err
    assert names(store) == []


def test_a_second_reward_needs_another_name(store, capsys):
    assert rescore(store, "--reward", "chrf", "--name", "mine") == 0
    assert rescore(store, "--reward", "bleu", "--name", "mine") == 2
    assert "--name" in capsys.readouterr().err
    assert rescore(store, "--reward", "chrf", "--name", "mine") == 0


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--reward", "chrf", "--metric", "chrf"],
        ["--reward", "chfr"],
        ["--reward", "chrf", "--name", "../chrf"],
        ["--reward", "chrf", "--experiment", "nothing"],
        ["--reward", "task_success"],
    ],
)
def test_bad_input_has_status_2_and_writes_nothing(store, words):
    assert rescore(store, *words) == 2
    assert names(store) == []


def test_code_that_a_record_names_is_not_imported_for_its_texts(store, capsys):
    for id in store.ids():
        parts = forgery.parts_of(store.path, id)
        parts.record["spec"]["environment"]["kwargs"]["tokenizer"] = "os:getcwd"
        forgery.plant(store.path, parts)
    assert rescore(store, "--reward", "chrf", "--json") == 1
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert len(report["means"]) == len(report["left_out"]) == 2
    assert "--allow-code os:getcwd" in captured.err


@pytest.mark.parametrize(
    "content", ["", "[]\n", '{"format": 1}\n', '{"format": 9, "name": "a", "kind": "metric"}']
)
def test_a_damaged_addition_is_told_and_hides_no_record(store, content):
    (store.path / "a.scores.jsonl").write_text(content)
    with pytest.raises(RecordError, match="remove it and rescore"):
        read_addition(store, "a")
    board = read_leaderboard(store)
    assert list(board.problems) == ["a.scores.jsonl"]
    assert len(board.tables) == 1


def test_numbers_of_an_addition_are_checked(store):
    assert rescore(store, "--metric", "chrf", "--name", "more") == 0
    path = store.path / "more.scores.jsonl"
    head, line, *rest = path.read_text().split("\n")
    row = json.loads(line)
    for values in ([], [1e16] * 12, ["x"] * 12, [True] * 12):
        path.write_text("\n".join([head, json.dumps({**row, "values": values}), *rest]))
        with pytest.raises(RecordError, match="not a number, or missing"):
            read_addition(store, "more")
