"""Agent folders and checkpoints whose hashes fit and whose content does not: refused by file and field."""

from __future__ import annotations

import json
import shutil

import gymnasium as gym
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_agents import make

from llm_baselines.registry import make_agent
from llm_baselines.storage.agent_folder import AgentFolderError
from llm_baselines.storage.sealed_folder import MANIFEST, json_able, seal
from llm_baselines.storage.tensors import check_finite, write_tensors
from llm_benchmarks.commands.app import main
from llm_benchmarks.run.trained_folder import read_training

SB3 = {"embedding_dim": 16, "layers": 1, "n_envs": 4, "batch_size": 16, "learning_starts": 40, "eval_freq": 0}


def reseal(folder):
    (folder / MANIFEST).unlink()
    seal(folder)


def spoil(path, value, pick=0):
    """Puts a value into a floating tensor of a safetensors file; returns the tensor's name."""
    tensors = load_file(path)
    name = [n for n, t in tensors.items() if t.is_floating_point() and t.numel()][pick]
    tensors[name].view(-1)[0] = value
    save_file(tensors, path)
    return name


def edit(path, fields):
    """Sets fields of a JSON file, by their dotted path."""
    told = json.loads(path.read_text())
    for dotted, value in fields.items():
        *parents, name = dotted.split(".")
        table = told
        for parent in parents:
            table = table[parent]
        table[name] = value
    path.write_text(json.dumps(told))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Saved agents by name, as they come."""
    place, env = tmp_path_factory.mktemp("agents"), gym.make("TextGen-Tiny-v0")
    make_agent("sb3_dqn", env, seed=0, device="cpu", config=SB3).save(place / "sb3_dqn")
    make("logits").save(place / "token_dqn")
    for name in ("constant", "unigram"):
        make_agent(name, env, seed=0).learn(20).save(place / name)
    return place


@pytest.fixture
def copied(folders, tmp_path):
    def copy(name):
        shutil.copytree(folders / name, tmp_path / name)
        return tmp_path / name

    return copy


def load(folder):
    return make_agent(str(folder), gym.make("TextGen-Tiny-v0"), seed=0, device="cpu")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["sb3_dqn", "token_dqn"])
def test_weights_that_are_no_numbers_are_refused_by_tensor(copied, name, value):
    folder = copied(name)
    load(folder)
    tensor = spoil(folder / "weights.safetensors", value)
    reseal(folder)
    with pytest.raises(
        AgentFolderError, match=rf"weights.safetensors': tensor '{tensor}' holds NaN or infinity"
    ):
        load(folder)


def test_evaluate_refuses_them_in_one_line(copied, tmp_path, capsys):
    folder = copied("sb3_dqn")
    spoil(folder / "weights.safetensors", float("nan"))
    reseal(folder)
    command = [
        "evaluate",
        "--env",
        "TextGen-Tiny-v0",
        "--agent",
        str(folder),
        "--store",
        str(tmp_path / "store"),
    ]
    assert main(command) == 2
    assert "holds NaN or infinity" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_a_file_that_is_no_safetensors_is_named(copied):
    folder = copied("sb3_dqn")
    (folder / "weights.safetensors").write_bytes(b"\xff" * 100)
    reseal(folder)
    with pytest.raises(AgentFolderError, match=r"weights.safetensors' is not a safetensors file"):
        load(folder)


def test_finite_tensors_of_every_kind_pass():
    kinds = [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.complex64, torch.bool]
    check_finite({str(kind): torch.ones(3).to(kind) for kind in (*kinds, torch.int8, torch.int64)}, "x")
    check_finite({"empty": torch.zeros(0)}, "x")
    check_finite({"square": torch.tensor([float("inf")])}, "x", infinite=True)
    for kind in kinds[:-1]:
        with pytest.raises(AgentFolderError, match="'a' holds NaN"):
            check_finite({"a": torch.tensor([float("nan")]).to(kind)}, "x", infinite=kind != torch.float32)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("sb3_dqn", {"spec.training.seed": "0"}, "seed: '0' is not a seed"),
        ("sb3_dqn", {"spec.training.seed": True}, "seed: True is not a seed"),
        ("sb3_dqn", {"spec.training.seed": 10**30}, "seed: an integer beyond 64 bits"),
        ("sb3_dqn", {"spec.training.seed": 10**400}, "seed: an integer of 401 digits"),
        ("sb3_dqn", {"spec.agent.config": []}, r"config: \[\] is not an object"),
        ("sb3_dqn", {"spec.training.total_timesteps": 1.5}, "timesteps: 1.5 is not a whole number"),
        ("sb3_dqn", {"action_space": 1e308}, "action_space: 1e.308 is beyond"),
        ("sb3_dqn", {"spec.agent.name": ["sb3_dqn"]}, "agent.name: .* is not a text"),
        ("sb3_dqn", {"report": {"seconds": float("nan")}}, "report.seconds: NaN"),
        ("sb3_dqn", {"report": {"surprise": 1}}, "report.surprise: is no field"),
        ("sb3_dqn", {"report": {"curve": [{"timesteps": 1}]}}, "report.curve: .* is not a list of objects"),
        ("sb3_dqn", {"spec": [1]}, r"spec: \[1\] is not an object"),
        ("sb3_dqn", {"spec.agent": None}, "spec.agent: None is not an object"),
        ("sb3_dqn", {"spec.agent.surprise": 1}, "spec.agent.surprise: is not a field of a run"),
        ("sb3_dqn", {"spec.evaluation": {"seed": 1}}, "spec.evaluation: .* is not null"),
        ("sb3_dqn", {"spec.training.reward": "bleu"}, "spec.training.reward: 'bleu' is not an object"),
        ("sb3_dqn", {"spec.training.split": "all"}, "spec.training.split: 'all' is not train"),
        ("sb3_dqn", {"spec.environment.contents": {"dataset": 1}}, "contents: .* is not an object of texts"),
        ("token_dqn", {"spec.training": None}, "spec.training: is missing"),
        ("sb3_dqn", {"observation_space": None}, "observation_space: None is not an object"),
        ("token_dqn", {"state": {"updates": "many"}}, "state: .* is not an object of numbers"),
        ("token_dqn", {"model_config": "gpt2"}, "model_config: 'gpt2' is not an object"),
        ("constant", {"ids": ["a"]}, "ids: .* is not a list of whole numbers"),
        ("constant", {"ids": [10**6]}, "ids: are no tokens"),
        ("constant", {"ids": []}, "ids: are no tokens"),
        ("unigram", {"counts": {"x": 1}}, "counts: 'x' is no token"),
        ("unigram", {"counts": {"1": -1}}, "counts: .* is not an object of whole numbers"),
        ("unigram", {"counts": {"99999": 1}}, "counts: '99999' is no token"),
    ],
)
def test_a_description_of_other_content_is_refused_by_field(copied, name, fields, message):
    folder = copied(name)
    load(folder)
    edit(folder / "agent.json", fields)
    reseal(folder)
    with pytest.raises(AgentFolderError, match=rf"agent.json'.*{message}"):
        load(folder)


NEEDED = {
    "sb3_dqn": ("action_space", "spec.agent.config", "observation_space", "report", "spec.training.seed"),
    "token_dqn": (
        *("spec.agent.config", "context_length", "spec.agent.config.model", "model_config", "report"),
        *("spec.training.seed", "spec.training.total_timesteps"),
    ),
    "constant": ("spec", "spec.agent.name", "ids"),
    "unigram": ("spec.agent", "counts"),
}


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, needed in NEEDED.items() for field in needed]
)
def test_what_a_description_lacks_is_named(copied, name, field):
    folder = copied(name)
    whole = json.loads((folder / "agent.json").read_text())
    *parents, name = field.split(".")
    table = whole
    for parent in parents:
        table = table[parent]
    del table[name]
    (folder / "agent.json").write_text(json.dumps(whole))
    reseal(folder)
    with pytest.raises(AgentFolderError, match=rf"agent.json': {field}: is missing"):
        load(folder)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"[" * 5000, b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[]", b""])
@pytest.mark.parametrize("name", ["agent.json", MANIFEST])
def test_bytes_that_are_no_such_json_are_refused_by_file(copied, name, raw):
    folder = copied("unigram")
    (folder / name).write_bytes(raw)
    if name != MANIFEST:
        reseal(folder)
    with pytest.raises(AgentFolderError, match=name):
        load(folder)


@pytest.fixture(scope="module")
def language_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    make("logits", warm_start=False).learn(150, run_folder=folder)
    return folder


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("network.safetensors", float("nan"), "tensor .* holds NaN or infinity"),
        ("best.safetensors", float("inf"), "tensor .* holds NaN or infinity"),
        ("optimizer.safetensors", float("nan"), "tensor .* holds NaN"),
        ("replay.safetensors", float("nan"), "NaN"),
    ],
)
def test_a_language_agents_checkpoint_holds_numbers(language_run, tmp_path, name, value, message):
    folder = tmp_path / "run"
    shutil.copytree(language_run, folder)
    (place,) = (folder / "resume").iterdir()
    spoil(place / name, value)
    reseal(place)
    with pytest.raises(AgentFolderError, match=rf"{name}.*{message}"):
        make("logits", warm_start=False).learn(150, run_folder=folder, resume=True)


def test_a_square_that_overflowed_can_be_resumed(language_run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(language_run, folder)
    (place,) = (folder / "resume").iterdir()
    tensors = load_file(place / "optimizer.safetensors")
    next(t for n, t in tensors.items() if n.endswith("exp_avg_sq")).view(-1)[0] = float("inf")
    save_file(tensors, place / "optimizer.safetensors")
    reseal(place)
    make("logits", warm_start=False).learn(150, run_folder=folder, resume=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"round": -1}, "round: -1"),
        ({"num_timesteps": "150"}, "num_timesteps: '150'"),
        ({"best_score": float("nan")}, "best_score: NaN"),
        ({"report": {"tokens": []}}, r"report.tokens: \[\]"),
        ({"episodes": ["x"]}, "episodes: "),
        ({"learner": {"updates": {}}}, "learner: "),
    ],
)
def test_a_checkpoints_state_is_checked_by_field(language_run, tmp_path, fields, message):
    folder = tmp_path / "run"
    shutil.copytree(language_run, folder)
    (place,) = (folder / "resume").iterdir()
    edit(place / "state.json", fields)
    reseal(place)
    with pytest.raises(AgentFolderError, match=rf"state.json.*{message}"):
        make("logits", warm_start=False).learn(150, run_folder=folder, resume=True)


def test_an_sb3_checkpoint_holds_numbers(tmp_path):
    env = gym.make("TextGen-Tiny-v0")
    begun = make_agent("sb3_dqn", env, seed=0, device="cpu", config=SB3).learn(
        80, run_folder=tmp_path / "run"
    )
    (place,) = (tmp_path / "run" / "resume").iterdir()
    assert json.loads((place / "state.json").read_text())["state"]["best_score"] is None
    whole = {path.name: path.read_bytes() for path in place.iterdir()}

    def refused():
        again = make_agent("sb3_dqn", env, seed=0, device="cpu", config=SB3)
        with pytest.raises(AgentFolderError) as caught:
            again.learn(120, run_folder=tmp_path / "run", resume=True)
        for name, data in whole.items():
            (place / name).write_bytes(data)
        return str(caught.value)

    with torch.no_grad():
        next(begun.model.policy.parameters()).view(-1)[0] = float("nan")
    write_tensors(begun.model.policy.state_dict(), place / "network.safetensors")
    reseal(place)
    assert "network.safetensors': tensor " in (told := refused())
    assert "holds NaN or infinity" in told
    with np.load(place / "replay.npz") as kept:
        arrays = dict(kept)
    arrays["rewards"][0] = np.inf
    np.savez(place / "replay.npz", **arrays)
    reseal(place)
    assert "its rewards hold NaN or infinity" in refused()
    edit(place / "state.json", {"num_timesteps": -5})
    reseal(place)
    assert "state.json': num_timesteps: -5" in refused()
    resumed = make_agent("sb3_dqn", env, seed=0, device="cpu", config=SB3)
    resumed.learn(120, run_folder=tmp_path / "run", resume=True)
    assert resumed.report.environment_steps >= 120


def test_a_training_report_is_checked_by_field(tmp_path, capsys):
    out = tmp_path / "out"
    command = ["train", "--env", "TextGen-Tiny-v0", "--agent", "unigram", "--out", str(out)]
    assert main([*command, "--total-timesteps", "20"]) == 0
    path = out / "training.json"
    whole = path.read_text()
    read_training(out)
    for fields, message in (
        ({"spec.training.seed": -1}, "spec.training.seed: -1 is not a seed"),
        (
            {"spec.training.total_timesteps": 10**400},
            "spec.training.total_timesteps: an integer of 401 digits",
        ),
        ({"spec.agent.track": "magic"}, "spec.agent.track: 'magic' is not scratch"),
        ({"report": {"tokens": "x"}}, "report.tokens: 'x'"),
        ({"spec.environment.kwargs": 5}, "spec.environment.kwargs: 5 is not an object"),
        ({"status": None}, "status: None is not a text"),
    ):
        edit(path, fields)
        capsys.readouterr()
        evaluate = [
            "evaluate",
            "--env",
            "TextGen-Tiny-v0",
            "--agent",
            str(out),
            "--store",
            str(tmp_path / "s"),
        ]
        assert main(evaluate) == 2
        err = capsys.readouterr().err
        assert f"training.json' cannot be read: {message}" in err
        assert len(err.splitlines()) == 1
        path.write_text(whole)


def test_what_json_cannot_hold_is_told_by_its_repr():
    assert json_able({"a": [float("inf"), 1.5], "b": float("nan")}) == {"a": ["inf", 1.5], "b": "nan"}
