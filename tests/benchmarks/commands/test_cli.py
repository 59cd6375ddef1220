"""The command line: results, refusals and exit statuses of the commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from made_up_agents import SOURCE

import llm_envs
from llm_baselines.registry import load_agent, make_agent
from llm_benchmarks.commands.app import main
from llm_benchmarks.records.store import RecordStore, checkpoint_hash
from llm_benchmarks.run.trained_folder import read_training
from llm_envs.rewards.registry import REGISTRY

TINY = "TextGen-Tiny-v0"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "their_agents.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(words)
    out, err = capsys.readouterr()
    return status, out, err


TRAIN = ("train", "--env", TINY, "--agent", "their_agents:Learner", "--out", "out")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("trian", "Did you mean 'train'"),
        ("leaderboard", "Missing command"),
        ("train --enb x", "No such option: --enb"),
        ("evaluate --env TextGen-Tiny-v0 --agent random", "--store"),
        ("train --env TextGne-v0 --agent sb3_dqn --out x", "did you mean 'TextGen-v0'?"),
        (f"train --env {TINY} --agent sb3_dnq --out x", "did you mean 'sb3_dqn'?"),
        (f"train --env {TINY} --agent sb3_dqn --out x --set learning_rat=1", "'learning_rate'"),
        (f"train --env {TINY} --agent sb3_dqn --out x --set learning_rate", "KEY=VALUE"),
        (f"train --env {TINY} --agent sb3_dqn --out x --reward blue", "did you mean 'bleu'?"),
        (f"train --env {TINY} --agent sb3_dqn --out x --reward {{blue", "is no JSON"),
        (f"train --env {TINY} --agent sb3_dqn --out x --env-set datset=1", "did you mean 'dataset'?"),
        (f"train --env {TINY} --agent sb3_dqn --out x --config none.toml", "none.toml"),
        (f"train --env {TINY} --agent random --out x", "does not train"),
        (f"train --env {TINY} --agent their_agents:Lerner --out x", "did you mean 'Learner'?"),
        (f"train --env {TINY} --agent no_such:factory --out x", "no module 'no_such'"),
        (f"train --env {TINY} --agent their_agents:Learner --out x", "total_timesteps"),
        (f"evaluate --env {TINY} --agent sb3_dqn --store s", "llm-envs train"),
        (f"evaluate --env {TINY} --agent random --store s --split tets", "'tets'"),
        (f"evaluate --env {TINY} --agent random --store s --set foo=1", "unexpected keyword argument 'foo'"),
        (f"evaluate --env {TINY} --agent lm_greedy --store s --set top_kk=3", "did you mean 'top_k'?"),
        (f"evaluate --env {TINY} --agent lm_greedy --store s --set modle=x", "did you mean 'model'?"),
        (f"evaluate --env {TINY} --agent their_agents:Last --store s --set tokne=1", "'tokne'"),
        (
            f"evaluate --env {TINY} --agent their_agents:Learner --store s",
            "--agent FOLDER --allow-code package.module:factory",
        ),
        (
            f"train --env {TINY} --agent token_dqn --out x --set dueling=true",
            "dueling is an option of q='head'",
        ),
        ("export --agent nowhere --out x", "'nowhere' is no folder"),
        (f"evaluate --env {TINY} --agent random --store their_agents.py/s", "nothing can be written there"),
        (f"evaluate --env {TINY} --agent random --store s --set foo=NaN", "NaN and infinity are not valid"),
        ("benchmark demo --store their_agents.py", "is a file; name a folder"),
        (f"train --env {TINY} --agent sb3_dqn --out x --device foo", "--device 'foo' cannot be used here"),
        ("pages CartPole-v1 --out x", "'CartPole-v1' is not an environment of this package"),
        ("degenerate CartPole-v1", "'CartPole-v1' is not an environment of this package"),
        (f"pages {TINY} --out their_agents.py", "is a file; name a folder"),
        (f"pages {TINY} --out x --store nowhere", "no folder 'nowhere'"),
        ("llm-demo --store s --suite baselines", "no lm_sample and no token_dqn"),
        ("demo --store s --processes -1", "greater than or equal to 1"),
        ("benchmark demoo --store s", "did you mean 'demo'?"),
        ("benchmark demo --store s --engine slurm", "unknown engine 'slurm'"),
        ("benchmark demo --store s --engine rya", "did you mean 'ray'?"),
        ("benchmark demo --store s --engine-set address=x", "the engine 'process' has no options"),
        ("benchmark demo --store s --engine ray --engine-set adress=x", "did you mean 'address'?"),
        ("benchmark demo --store s --engine submitit --engine-set partitoin=x", "did you mean 'partition'?"),
        ("benchmark demo --store s --shard 0/4", "--shard '0/4' must be I/N"),
        ("benchmark demo --store s --cell-timeout soon", "--cell-timeout 'soon' is no time above 0"),
        ("benchmark demo --store s --cell-memory 4", "--cell-memory '4' is no size above 0"),
        ("benchmark demo --store s --retries -1", "greater than or equal to 0"),
        ("leaderboard show --store nowhere", "no folder 'nowhere'"),
        ("play TextGen-Tniy-v0", "TextGen-Tiny"),
        ("throughput --seconds inf", "--seconds inf must be a finite number"),
        ("play TextGen-Tiny-v0 --env-set split=test", "--env-set split='test'"),
        ("degenerate os:system", "'os:system'"),
        (f"evaluate --env {TINY} --agent lm_greedy --store s --set model=null", "model=None is no model"),
        (f"train --env {TINY} --agent token_dqn --out x --set train_dataset=y", "train_dataset='y'"),
        ("degenerate TextGen-Tniy-v0", "did you mean 'TextGen-Tiny-v0'?"),
    ],
)
def test_bad_input_prints_one_line_and_exits_with_2(
    capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    status, _, err = run(capsys, *words.split())
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not Path("x").exists()


def test_resume_in_a_new_folder_starts_from_the_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, *TRAIN, "--total-timesteps", "50", "--resume")
    assert status == 0
    assert "50 steps" in err
    words = f"train --env {TINY} --agent unigram --out new --total-timesteps 50 --resume".split()
    status, _, err = run(capsys, *words)
    assert status == 0
    assert "begins anew" in err


@pytest.mark.parametrize("q", ["logits", "head"])
def test_show_q_prints_the_same_prefixes_before_and_after(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, q: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # no cell is wrapped
    start = '{"total_timesteps": 300, "copy_steps": 2}'
    own = ("value_warmup=0",) if q == "logits" else ()
    options = ("model=nano", f"supervised={start}", f"q={q}", *own, "learning_rate=1e-2")
    words = ("train", "--env", TINY, "--agent", "token_dqn", "--out", "out", "--total-timesteps", "300")
    status, out, _ = run(capsys, *words, "--show-q", *(word for o in options for word in ("--set", o)))
    assert status == 0
    before, after = out.split("Q after training")
    assert "Q before training, after the supervised start" in before
    lines = [[line for line in part.splitlines() if "│" in line] for part in (before, after)]
    shown = [[[cell.strip() for cell in line.split("│")[1:]] for line in part] for part in lines]
    assert shown[0]
    assert [row[0] for row in shown[0]] == [row[0] for row in shown[1]]  # prefixes
    assert [row[2] for row in shown[0]] == [row[2] for row in shown[1]]  # what was taken
    assert [row[3:] for row in shown[0]] != [row[3:] for row in shown[1]]  # Q, target, TD error


def test_own_agent_trains_and_resumes_with_its_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, *TRAIN, "--total-timesteps", "50", "--set", "token=3")
    assert status == 0
    assert "50 steps" in err
    report = json.loads(Path("out/training.json").read_text())
    config, seed = report["spec"]["agent"]["config"], report["spec"]["training"]["seed"]
    assert (report["status"], config, seed) == ("completed", {"token": 3}, 0)

    status, _, err = run(capsys, *TRAIN, "--total-timesteps", "50")
    assert status == 2
    assert "--resume" in err
    status, _, _ = run(capsys, *TRAIN, "--total-timesteps", "80", "--resume")
    assert status == 0
    report = json.loads(Path("out/training.json").read_text())
    assert report["spec"]["training"]["total_timesteps"] == 80
    assert report["spec"]["agent"]["config"] == {"token": 3}
    assert report["report"]["parameters"] == 50  # what the agent found in its run folder
    status, _, err = run(capsys, *TRAIN, "--total-timesteps", "90", "--resume", "--set", "token=4")
    assert status == 2
    assert "config.token=3, not 4" in err


def test_trained_folder_is_evaluated_and_shown_on_the_leaderboard(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--set", "eval_freq=0", "--set", "learning_starts=50")
    train = ("train", "--env", TINY, "--agent", "sb3_dqn", "--out", "dqn", "--seed", "7")
    assert run(capsys, *train, "--total-timesteps", "200", *options)[0] == 0
    assert run(capsys, *train, "--total-timesteps", "300", "--resume")[0] == 0
    for agent in ("dqn", "random", "reference"):
        words = ("evaluate", "--env", TINY, "--agent", agent, "--store", "store", "--json")
        status, out, _ = run(capsys, *words)
        assert status == 0
        assert json.loads(out)["results"]["episodes"] == 29
    status, _, err = run(
        capsys, "evaluate", "--env", TINY, "--agent", "dqn", "--store", "store", "--seed", "7"
    )
    assert status == 2
    assert "was trained with" in err
    status, out, _ = run(capsys, "leaderboard", "show", "--store", "store", "--json")
    assert status == 0
    rows = {row["agent"]: row for row in json.loads(out)["tables"][0]["rows"]}
    assert rows["sb3_dqn"]["training_steps"] >= 300
    assert rows["reference"]["normalized"] == 1.0
    assert rows["random"]["normalized"] == 0.0


@pytest.mark.filterwarnings("ignore:.*was on its way to 60 steps:UserWarning")
@pytest.mark.parametrize("agent", ["token_dqn", "rloo"])
def test_a_finished_training_goes_on_for_longer(capsys: pytest.CaptureFixture[str], agent: str) -> None:
    options = (
        "model=nano",
        "eval_freq=0",
        "n_envs=8",
        'supervised={"total_timesteps": 300, "copy_steps": 0}',
    )
    chosen = [word for option in options for word in ("--set", option)]
    train = ("train", "--env", TINY, "--agent", agent, "--out", "out", "--seed", "7")
    assert run(capsys, *train, "--total-timesteps", "60", *chosen)[0] == 0
    updates = json.loads(Path("out/training.json").read_text())["report"]["gradient_steps"]
    assert run(capsys, *train, "--total-timesteps", "120", "--resume")[0] == 0
    report = json.loads(Path("out/training.json").read_text())["report"]
    assert report["environment_steps"] >= 120
    assert report["gradient_steps"] > updates


@pytest.mark.parametrize("agent", ["constant", "unigram"])
def test_agents_without_weights_train_save_and_evaluate(
    capsys: pytest.CaptureFixture[str], agent: str
) -> None:
    train = ("train", "--env", TINY, "--agent", agent, "--out", "out", "--total-timesteps", "3000")
    assert run(capsys, *train)[0] == 0
    words = ("evaluate", "--env", TINY, "--agent", "out", "--store", "store", "--json")
    status, out, _ = run(capsys, *words)
    assert status == 0
    assert json.loads(out)["agent"] == agent
    Path("out/agent.json").write_text("{}")
    status, _, err = run(capsys, *words)
    assert status == 2
    assert "altered or cut short" in err


@pytest.mark.parametrize("factory", ["Loads", "takes_folder"])
def test_own_agent_is_evaluated_from_its_folder(capsys: pytest.CaptureFixture[str], factory: str) -> None:
    name = f"their_agents:{factory}"
    words = ("train", "--env", TINY, "--agent", name, "--out", "out", "--seed", "5", "--set", "token=3")
    assert run(capsys, *words, "--total-timesteps", "50")[0] == 0
    assert run(capsys, *words, "--total-timesteps", "60", "--resume")[0] == 0
    words = ("evaluate", "--env", TINY, "--agent", "out", "--store", "store", "--json")
    status, _, err = run(capsys, *words)
    assert status == 2
    assert f"--allow-code {name}" in err
    status, out, err = run(capsys, *words, "--allow-code", name)
    assert status == 0, err
    assert ("loaded with seed 5" in out) == (factory == "Loads")
    (record,) = RecordStore("store").records()
    assert record.spec.agent.name == record.spec.agent.entry_point == name
    assert record.spec.agent.config == {"token": 3}
    assert record.spec.training is not None
    assert record.spec.training.total_timesteps == 60
    assert {tuple(set(row["action_ids"])) for row in record.episodes()} == {(3,)}
    saved = {f"checkpoint/{p}": Path("out", p) for p in ("more/note.txt", "token.json")[factory != "Loads" :]}
    assert record.facts["checkpoint_hash"] == checkpoint_hash(saved)
    status, out, _ = run(capsys, "leaderboard", "show", "--store", "store", "--json")
    (row,) = json.loads(out)["tables"][0]["rows"]
    assert (status, row["agent"], row["training_steps"]) == (0, name, 60)
    Path("out/token.json").write_text("4")
    status, _, err = run(capsys, *words, "--allow-code", name)
    assert status == 2
    assert "'out/token.json' was altered" in err


def test_suite_evaluates_the_folder_of_an_own_agent(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("train", "--env", TINY, "--agent", "their_agents:Loads", "--out", "out")
    assert run(capsys, *words, "--total-timesteps", "50")[0] == 0
    Path("suite.toml").write_text(f'[[cells]]\nenvs = ["{TINY}"]\nagents = ["out"]\n')
    allowed = ("--allow-code", "their_agents:Loads")
    status, out, _ = run(capsys, "benchmark", "suite.toml", "--store", "store", *allowed)
    assert (status, "1 done" in out) == (0, True)
    status, out, _ = run(capsys, "benchmark", "suite.toml", "--store", "other")
    assert (status, "--allow-code their_agents:Loads" in out) == (1, True)


def test_own_agent_without_load_gets_an_error_with_the_way_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(capsys, *TRAIN, "--total-timesteps", "50")[0] == 0
    words = ("evaluate", "--env", TINY, "--agent", "out", "--store", "store")
    status, _, err = run(capsys, *words, "--allow-code", "their_agents:Learner")
    assert status == 2
    assert "load(folder, env, *, seed, device)" in err
    assert "a parameter 'folder'" in err
    words = ("evaluate", "--env", TINY, "--agent", "their_agents:loaded", "--store", "store")
    status, out, _ = run(capsys, *words, "--set", "folder=out")
    assert status == 0
    assert "their_agents:loaded: mean reward" in out


def test_agent_may_not_overwrite_the_files_of_its_training(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("train", "--env", TINY, "--agent", "their_agents:Greedy", "--out", "out")
    status, _, err = run(capsys, *words, "--total-timesteps", "50")
    assert status == 2
    assert "'training.json', which is a file of the training" in err


@pytest.mark.parametrize("listed", ["../secret", "/etc/hostname", "none.json"])
def test_trained_folder_may_list_only_its_own_files(capsys: pytest.CaptureFixture[str], listed: str) -> None:
    words = ("train", "--env", TINY, "--agent", "their_agents:Loads", "--out", "out")
    assert run(capsys, *words, "--total-timesteps", "50")[0] == 0
    Path("secret").write_text("mine")
    facts = json.loads(Path("out/training.json").read_text())
    Path("out/training.json").write_text(json.dumps({**facts, "files": {listed: "0" * 64}}))
    words = (
        "evaluate",
        "--env",
        TINY,
        "--agent",
        "out",
        "--store",
        "s",
        "--allow-code",
        "their_agents:Loads",
    )
    status, _, err = run(capsys, *words)
    assert status == 2
    assert "has no such file" in err


def test_agent_template_trains_evaluates_and_is_recorded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "agents" / "template"))
    monkeypatch.delitem(sys.modules, "my_agent", raising=False)
    name = "my_agent:make_agent"
    words = ("train", "--env", TINY, "--agent", name, "--out", "out", "--total-timesteps", "6000")
    assert run(capsys, *words, "--set", "temperature=0.05")[0] == 0
    words = ("evaluate", "--env", TINY, "--agent", "out", "--store", "store", "--allow-code", name, "--json")
    status, out, err = run(capsys, *words)
    assert status == 0, err
    assert json.loads(out)["agent"] == name
    env = gym.make(TINY)
    trained = load_agent(name, Path("out"), env, seed=0)
    assert trained.temperature == 0.05
    assert trained.count.sum() > 6000
    record = RecordStore("store").read(json.loads(out)["record"])
    assert record.facts["checkpoint_hash"]
    assert record.results is not None
    score = llm_envs.evaluate(trained, TINY, seed=1_000_000).mean_reward
    assert record.results["mean_reward"] == score > 0.05
    with pytest.raises(ValueError, match="another environment"):
        load_agent(name, Path("out"), gym.make("Translation-v0"), seed=0)


def test_interruption_saves_the_agent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERRUPT", "1")
    status, _, err = run(capsys, *TRAIN, "--total-timesteps", "50")
    assert status == 130
    assert "--resume goes on" in err
    assert Path("out/token.json").is_file()
    assert json.loads(Path("out/training.json").read_text())["status"] == "interrupted"
    assert read_training(Path("out")).training.total_timesteps == 1  # those that were done
    monkeypatch.delenv("INTERRUPT")
    assert run(capsys, *TRAIN, "--total-timesteps", "50", "--resume")[0] == 0
    assert read_training(Path("out")).training.total_timesteps == 50


def test_failed_resume_keeps_the_report_of_the_saved_agent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(capsys, *TRAIN, "--total-timesteps", "50")[0] == 0
    monkeypatch.setenv("FAIL", "1")
    status, _, err = run(capsys, *TRAIN, "--total-timesteps", "90", "--resume")
    assert status == 1
    assert "RuntimeError: out of luck" in err
    trained = read_training(Path("out"))
    assert (trained.status, trained.training.total_timesteps) == ("failed", 50)
    assert trained.report is not None
    assert trained.report.environment_steps == 50


REWARD = """
from pathlib import Path

def mine(episode):
    if not Path("mended").exists():
        raise ZeroDivisionError("a mistake of mine")
    return 1.0
"""


def test_same_command_runs_again_after_a_reward_raised(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("rewards_of_mine.py").write_text(REWARD)
    words = ("train", "--env", TINY, "--agent", "sb3_dqn", "--out", "out", "--total-timesteps", "100")
    words = (*words, "--reward", "rewards_of_mine:mine")
    status, _, err = run(capsys, *words)
    assert status == 1
    last_line = err.strip().splitlines()[-1]
    assert last_line.startswith(
        "llm-envs: reward 'rewards_of_mine:mine' raised ZeroDivisionError: a mistake of mine"
    )
    assert "Traceback" not in err

    for option in (("--seed", "3"), ("--set", "gamma=0.5"), ("--total-timesteps", "50")):
        status, _, err = run(capsys, *words, *option)  # another request
        assert status == 2
        assert "its training left no agent and starts again with the same" in err
    Path("mended").touch()
    checkpoint = Path("out/run/resume/000000000050")
    checkpoint.mkdir(parents=True)
    status, _, err = run(capsys, *words)
    assert status == 0
    assert "left no agent and begins anew; its checkpoints are set aside as out/run/resume-earlier" in err
    assert Path("out/run/resume-earlier", checkpoint.name).is_dir()
    assert read_training(Path("out")).status == "completed"
    status, _, err = run(capsys, *words)  # now there is an agent
    assert status == 2
    assert "exists and is not empty" in err


@pytest.mark.parametrize("status", ["failed", "running"])
def test_training_without_an_agent_starts_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setenv("FAIL", "1")
    words = (*TRAIN, "--total-timesteps", "50")
    assert run(capsys, *words)[0] == 1
    facts = json.loads(Path("out/training.json").read_text())
    Path("out/training.json").write_text(json.dumps({**facts, "status": status}))
    monkeypatch.delenv("FAIL")
    code, _, err = run(capsys, *words)
    assert code == 0
    assert "left no agent and begins anew" in err


def test_training_prints_its_reward_scores_and_folders(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--set", "eval_freq=100", "--set", "learning_starts=50", "--set", "n_eval_episodes=3")
    words = ("train", "--env", "Translation-v0", "--agent", "sb3_dqn", "--out", "dqn", "--reward", "tuned")
    status, _, err = run(capsys, *words, "--total-timesteps", "200", *options)
    assert status == 0
    assert "  reward: 10*bleu+5*chrf, dense, discount 0.6\n" in err
    assert "logs in dqn/run/logs, checkpoints in dqn/run/resume" in err
    assert Path("dqn/run/logs").is_dir()
    assert err.count(": validation 0.") >= 2
    assert err.count(" -> ") == err.count(": validation 0.")


def test_evaluate_prints_three_texts(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("evaluate", "--env", TINY, "--agent", "reference", "--store", "store", "--episodes", "9")
    status, out, _ = run(capsys, *words)
    assert status == 0
    assert "3 of its 9 texts:" in out
    record = RecordStore("store").records()[0]
    for k in (0, 3, 6):
        row = record.episodes()[k]
        assert f"  source  {row['source']}\n  text    {row['text']}\n  reward  1.000\n" in out


def test_unknown_reward_error_says_how_to_name_a_script_reward(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("train", "--env", TINY, "--agent", "sb3_dqn", "--out", "x", "--reward", "mine_alone")
    status, _, err = run(capsys, *words)
    assert status == 2
    assert "unknown reward 'mine_alone'" in err
    assert "one that a script of yours registers is known to that script alone: name it 'module:name'" in err


def test_agent_trained_in_a_script_is_evaluated_from_its_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @llm_envs.register_reward("of_this_script")
    def reward(episode: Any) -> float:
        return 1.0

    try:
        env = gym.make(TINY, reward="of_this_script", metrics=["chrf"])
        agent: Any = make_agent("sb3_dqn", env, seed=0, config={"eval_freq": 0})
        agent.learn(100)
        agent.save("trained")
    finally:
        del REGISTRY["of_this_script"]
    words = ("evaluate", "--env", TINY, "--agent", "trained", "--store", "store", "--episodes", "3")
    status, out, err = run(capsys, *words)
    assert (status, err) == (0, "")
    assert "mean reward" in out


def test_agent_that_raises_while_playing_is_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("evaluate", "--env", TINY, "--agent", "their_agents:fails", "--store", "store")
    status, out, err = run(capsys, *words, "--json")
    assert status == 1
    assert "out of ideas" in err
    assert json.loads(out)["error"]["type"] == "RuntimeError"


def test_benchmark_reports_failed_cells(capsys: pytest.CaptureFixture[str]) -> None:
    cells = f'[[cells]]\nenvs = ["{TINY}"]\nagents = ["random", "their_agents:fails"]\n'
    Path("suite.toml").write_text(cells)
    status, out, _ = run(capsys, "benchmark", "suite.toml", "--store", "store")
    assert status == 1
    assert "1 done, 0 in the store before, 1 failed" in out
    status, out, _ = run(capsys, "leaderboard", "show", "--store", "store", "--env", TINY)
    assert status == 0
    assert "their_agents:fails" in out


def test_list_shows_environments_rewards_agents_and_corpora(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "list", "--json")
    assert status == 0
    found = json.loads(out)
    assert {"TextGen-v0", "Dialogue-v0"} <= {env["id"] for env in found["envs"]}
    assert {"sizes", "vocabulary_size", "reward"} <= set(found["envs"][0])
    assert "bleu" in found["rewards"]
    assert "sb3_dqn" in {agent["name"] for agent in found["agents"]}
    assert "poems" in {corpus["name"] for corpus in found["corpora"]}
    status, out, _ = run(capsys, "list")
    assert status == 0
    assert "TextGen-Tiny-v0" in out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from llm_benchmarks.commands.app import main; status = main(['--help']); "
        "print(status, [m for m in ('torch', 'gymnasium', 'stable_baselines3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("0 []")


def test_play_reads_from_a_pipe() -> None:
    command = [sys.executable, "-m", "llm_benchmarks", "play", TINY]
    done = subprocess.run(command, input="a b\n\n", capture_output=True, text=True, check=True)
    assert "ended by stop" in done.stdout


def test_exported_model_can_be_trained_again(capsys: pytest.CaptureFixture[str]) -> None:
    train = ("train", "--env", TINY, "--total-timesteps", "64", "--set", "warm_start=false", "--agent")
    assert run(capsys, *train, "token_dqn", "--out", "first", "--set", "model=nano")[0] == 0
    status, out, _ = run(capsys, "export", "--agent", "first", "--out", "exported")
    assert status == 0
    assert 'from_pretrained("exported")' in out
    assert run(capsys, *train, "rloo", "--out", "second", "--set", "model=exported")[0] == 0
    status, _, err = run(capsys, "export", "--agent", "second", "--out", "exported")
    assert status == 2
    assert "not empty" in err


def test_agents_without_a_language_model_cannot_be_exported(capsys: pytest.CaptureFixture[str]) -> None:
    train = ("train", "--env", TINY, "--agent", "sb3_dqn", "--total-timesteps", "64", "--out", "out")
    assert run(capsys, *train)[0] == 0
    status, _, err = run(capsys, "export", "--agent", "out", "--out", "exported")
    assert status == 2
    assert "no language model" in err
