"""What would be refused after hours of training is refused before it; what runs all the same is not lost."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from made_up_agents import SOURCE

from llm_baselines.algorithms.supervised.supervised import Supervised
from llm_baselines.registry import make_agent
from llm_benchmarks.commands.app import main
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run import agent_defaults
from llm_benchmarks.run.cell import run_cell
from llm_benchmarks.run.cells import Cell, Evaluation, SuiteError
from llm_benchmarks.run.resolve import resolve
from llm_benchmarks.run.suite import load_suite
from llm_benchmarks.run.trained_folder import REPORT, read_training
from llm_envs.data import DataError, load_corpus

TINY = "TextGen-Tiny-v0"
BLOCK = f'[[cells]]\nenvs = ["{TINY}"]\nagents = ["their_agents:Watched"]\ntotal_timesteps = 40\n'
WATCHED = '''
from pathlib import Path

class Watched(Learner):
    """Leaves a file where it has been trained."""

    def learn(self, total_timesteps, **options):
        Path("trained").touch()
        return super().learn(total_timesteps, **options)

class Boaster(Watched):
    """Its report is of no use."""

    def learn(self, total_timesteps, **options):
        super().learn(total_timesteps, **options)
        self.report.parameters = -1
        return self

class Rambler(Watched):
    def learn(self, total_timesteps, **options):
        super().learn(total_timesteps, **options)
        self.report.curve.append({"timesteps": "many"})
        return self

class Spoiled(Watched):
    """What it has learned is NaN."""

    def save(self, folder):
        import torch
        from safetensors.torch import save_file
        save_file({"w": torch.tensor([1.0, float("nan")])}, Path(folder) / "w.safetensors")
'''


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "their_agents.py").write_text(SOURCE + WATCHED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def rows(path: Path, texts: list[str]) -> str:
    path.write_text("".join(json.dumps({"source": t, "target": "a b"}) + "\n" for t in texts))
    return f"file:{path}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BLOCK + "trials = -1", "[[cells]] 1: trials=-1 must be at least 0"),
        (BLOCK + "trials = true", "option 'trials' is of type int, got True"),
        (BLOCK + "tuning_seeds = [-1]", "tuning_seeds: -1 is no seed"),
        (BLOCK + "tuning_seeds = ['1']", "option 'tuning_seeds' is of type list[int]"),
        (BLOCK + "seeds = [true]", "option 'seeds' is of type list[int], got [True]"),
        (BLOCK + "track = 5", "option 'track' is of type str or None, got 5"),
        (
            '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["constant", "random"]\ntotal_timesteps = 9\n',
            "agent 'random' does not train; give it a [[cells]] of its own",
        ),
        (BLOCK + "rewards = [{bleu = 1e30}]", "the weight of reward 'bleu' is 1e+30; at most 1e+09"),
        (BLOCK + "rewards = [{bleu = inf}]", "cells.0.rewards.0.bleu: inf is not a finite number"),
        (BLOCK + "[cells.evaluation]\nreward = {chrf = 1e30}", "the weight of reward 'chrf' is 1e+30"),
        ("[evaluation]\nreward = {chrf = 1e30}\n" + BLOCK, "[evaluation]: reward: the weight of reward"),
        ("[evaluation]\nsplit = 'tets'\n" + BLOCK, "split='tets' is none of train, validation, test"),
        ("[evaluation]\nepisodes = true\n" + BLOCK, "option 'episodes' is of type int or None, got True"),
        ("[evaluation]\ndeterministic = 'no'\n" + BLOCK, "option 'deterministic' is of type bool, got 'no'"),
        ("[run]\ndevice = 'tpu9'\n" + BLOCK, "[run] device 'tpu9' cannot be used here"),
    ],
)
def test_an_invalid_suite_is_refused_in_one_line(
    text: str, message: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "suite.toml").write_text(text)
    assert main(["benchmark", "suite.toml", "--store", "store"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (place / "trained").exists()
    assert not (place / "store").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trials": -1}, "trials=-1 must be at least 0"),
        ({"seed": True}, "option 'seed' of Cell is of type int, got True"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
        ({"tuning_seeds": (-1,)}, "tuning_seeds: -1 is no seed"),
        ({"total_timesteps": -5}, "total_timesteps must be steps"),
        ({"track": "psychic"}, "track 'psychic' is none of"),
        ({"reward": {"bleu": 1e308}}, "the weight of reward 'bleu'"),
        ({"reward": lambda episode: 1.0}, "register a function with llm_envs.register_reward"),
        ({"env": 5}, "option 'env' of Cell is of type str, got 5"),
    ],
)
def test_a_cell_that_no_record_can_hold_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError) as error:
        Cell(**{"env": TINY, "agent": "random", **given})
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": True}, "'seed' of Evaluation is of type int, got True"),
        ({"num_envs": 0}, "num_envs=0 must be at least 1"),
        ({"deterministic": 1}, "'deterministic' of Evaluation is of type bool, got 1"),
        ({"reward": {"bleu": float("nan")}}, "cannot stand in a record"),
    ],
)
def test_an_invalid_evaluation_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        Evaluation(**given)
    assert message in str(error.value)


@pytest.mark.parametrize("agent", ["sb3_dqn", "supervised", "token_dqn"])
def test_a_data_set_without_validation_rows_is_refused_before_training(
    agent: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "data"
    folder.mkdir()
    for split in ("train", "test"):
        rows(folder / f"{split}.jsonl", [f"{split} {i}" for i in range(3)])
    words = ["train", "--env", "Translation-v0", "--agent", agent, "--out", "out", "--total-timesteps", "100"]
    words += ["--env-set", f"dataset=file:{folder}"]
    assert main(words) == 2
    error = capsys.readouterr().err.strip()
    assert "no examples in split 'validation' (train 3, validation 0, test 3)" in error
    assert "eval_freq=0" in error
    assert len(error.splitlines()) == 1
    assert not (place / "out").exists()


def test_learn_refuses_a_missing_validation_split_before_training(place: Path) -> None:
    spec = rows(place / "two.jsonl", ["one", "two"])
    env = gym.make("Translation-v0", dataset=spec, split=_filled_split(spec))
    agent = Supervised("nano", env, device="cpu")
    agent.begin_by_copying = lambda progress_bar: pytest.fail("it was trained first")  # type: ignore[method-assign]
    with pytest.raises(DataError, match="no examples in split 'validation'"):
        agent.learn(100)


def _filled_split(spec: str) -> str:
    return next(split for split, size in load_corpus(spec).sizes.items() if size)


def test_thirty_rows_of_a_file_are_trained_and_measured_on(place: Path) -> None:
    spec = rows(place / "rows.jsonl", [f"row {120 + i}" for i in range(30)])  # drawn 28, 0, 2
    words = [
        "train",
        "--env",
        "Translation-v0",
        "--agent",
        "sb3_dqn",
        "--out",
        "out",
        "--total-timesteps",
        "64",
    ]
    words += ["--set", "eval_freq=32", "--set", "n_eval_episodes=2", "--set", "embedding_dim=8"]
    assert main([*words, "--env-set", f"dataset={spec}"]) == 0
    trained = read_training(place / "out")
    assert trained.report is not None
    curve = trained.report.curve
    assert all("eval/mean_reward" in row for row in curve)


def test_resolving_names_the_field_that_no_record_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_defaults, "complete_config", lambda *arguments: {"rate": float("inf")})
    with pytest.raises(
        SuiteError, match=r"no record could be written of this: .*agent\.config\.rate: NaN and"
    ):
        resolve(Cell(env=TINY, agent="random"))


@pytest.mark.parametrize(
    ("agent", "message"), [("Boaster", "facts.parameters: -1 is less"), ("Rambler", "row 2 of its curve")]
)
def test_a_run_with_an_invalid_record_leaves_a_failed_record_with_the_reason(
    agent: str, message: str, place: Path
) -> None:
    store = RecordStore(place / "store")
    cell = Cell(
        env=TINY,
        agent=f"their_agents:{agent}",
        total_timesteps=40,
        evaluation=Evaluation(episodes=3),
    )
    done = run_cell(cell, store)
    assert done.status == "failed"
    assert (place / "trained").exists()
    record = store.read(done.record)
    assert record.status == "failed"
    assert record.results is None
    assert record.error is not None
    assert message in record.error["message"]
    assert message in done.message
    assert [row["index"] for row in record.episodes()] == [0, 1, 2]  # what was played is kept


def test_nan_weights_of_a_users_agent_fail_the_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = RecordStore(place / "store")
    done = run_cell(Cell(env=TINY, agent="their_agents:Spoiled", total_timesteps=40), store)
    assert done.status == "failed"
    assert "in w.safetensors the tensor 'w' holds NaN or infinity" in done.message
    words = ["train", "--env", TINY, "--agent", "their_agents:Spoiled", "--out", "out"]
    assert main([*words, "--total-timesteps", "40"]) == 1
    assert "training failed: the agent for 'out' cannot be saved" in capsys.readouterr().err
    assert json.loads((place / "out" / REPORT).read_text())["status"] == "failed"
    assert not (place / "out" / "w.safetensors").exists()


FEW = ("n_envs=4", "embedding_dim=8")
OPTIONS = {
    "sb3_dqn": (*FEW, "learning_starts=40"),
    "sb3_ppo": (*FEW, "n_steps=8", "batch_size=16"),
    "supervised": ("model=nano", "copy_steps=0", "warmup_steps=0"),
}


@pytest.mark.parametrize("agent", OPTIONS)
def test_nan_weights_end_train_with_status_1_and_name_the_checkpoint(
    agent: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--env", TINY, "--agent", agent, "--out", "out", "--set", "learning_rate=1e30"]
    words += ["--total-timesteps", "400", *(word for option in OPTIONS[agent] for word in ("--set", option))]
    assert main(words) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("llm-envs: training failed: ")
    assert " is nan at step " in last
    assert "there is no checkpoint to go back to" in last
    assert json.loads((place / "out" / REPORT).read_text())["status"] == "failed"
    assert not (place / "out" / "agent.json").exists()


def test_nan_weights_leave_a_failed_record(place: Path) -> None:
    store = RecordStore(place / "store")
    config = {"learning_rate": 1e30, "n_envs": 4, "embedding_dim": 8, "learning_starts": 40}
    done = run_cell(Cell(env=TINY, agent="sb3_dqn", total_timesteps=200, config=config), store)
    record = store.read(done.record)
    assert (done.status, record.status, record.results) == ("failed", "failed", None)
    assert record.error is not None
    assert record.error["type"] == "NotFinite"


@pytest.mark.parametrize(
    ("agent", "config", "message"),
    [
        ("constant", {"examples": "many"}, "agent 'constant': option 'examples' is of type int, got 'many'"),
        ("constant", {"examples": True}, "option 'examples' is of type int, got True"),
        ("constant", {"text": 5}, "option 'text' is of type str or None, got 5"),
        ("their_agents:Last", {"token": "3"}, "option 'token' is of type float, got '3'"),
        ("sb3_dqn", {"tied": "no"}, "option 'tied' of DQNConfig is of type bool, got 'no'"),
        ("sb3_dqn", {"batch_size": True}, "option 'batch_size' of DQNConfig is of type int, got True"),
        ("token_dqn", {"lora_target_modules": [1]}, "is of type list[str], got [1]"),
        ("token_dqn", {"supervised": {"total_timesteps": True}}, "supervised.total_timesteps=True"),
    ],
)
def test_agent_options_of_a_wrong_type_are_refused(agent: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        resolve(Cell(env=TINY, agent=agent, config=config, total_timesteps=40))
    assert message in str(error.value)


@pytest.mark.parametrize("agent", ["unigram", "constant"])
def test_agents_that_need_references_are_refused_without_them(agent: str) -> None:
    env = gym.make("TextGen-v0", dataset="openings", max_prompt_tokens=32)
    with pytest.raises(ValueError, match="has prompts alone; take a data set with references"):
        make_agent(agent, env, seed=0, device="cpu").learn(100)


def test_a_reward_that_raises_ends_the_command_with_status_1(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "their_rewards.py").write_text("def broken(episode):\n    raise KeyError('broken')\n")
    words = ["train", "--env", TINY, "--agent", "sb3_dqn", "--out", "out", "--total-timesteps", "64"]
    assert main([*words, "--reward", "their_rewards:broken"]) == 1
    assert "llm-envs: reward 'their_rewards:broken' raised KeyError" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_refused_before_training(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    words = [
        "train",
        "--env",
        TINY,
        "--agent",
        "their_agents:Watched",
        "--out",
        "out",
        "--total-timesteps",
        "9",
    ]
    assert main(words) == 2
    assert "--out 'out': nothing can be written there" in capsys.readouterr().err
    assert not (place / "trained").exists()


def test_the_suites_of_the_package_load() -> None:
    folder = Path(__file__).parents[3] / "benchmarks" / "suites"
    assert all(load_suite(path).cells for path in folder.glob("*.toml"))
