"""Checkpoints: what is damaged or of another run is refused by name, and a kill loses none that stood."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tiny_agents import equal, make

from llm_baselines.algorithms.optimizer import make_optimizer
from llm_baselines.storage.agent_folder import AgentFolderError
from llm_baselines.storage.rotation import newest_checkpoint
from llm_baselines.training.trainer import TrainingRun

FILES = {
    "average.safetensors",
    "best.safetensors",
    "manifest.json",
    "network.safetensors",
    "optimizer.safetensors",
    "replay.safetensors",
    "state.json",
}


def begin(folder: Path, name="logits", **changes):
    """A run of 150 steps, and its only checkpoint."""
    make(name, warm_start=False, **changes).learn(150, run_folder=folder)
    (place,) = (folder / "resume").iterdir()
    return place


def resume(folder: Path, name="logits", total=150, **changes):
    return make(name, warm_start=False, **changes).learn(total, run_folder=folder, resume=True)


def test_a_checkpoint_is_safetensors_and_json(tmp_path):
    place = begin(tmp_path)
    assert {path.name for path in place.iterdir()} == FILES
    assert set(json.loads((place / "manifest.json").read_text())) == FILES - {"manifest.json"}


def test_slow_steps_are_saved_by_the_clock(tmp_path, monkeypatch):
    def interrupt(given, _):
        if given["self"].num_timesteps > 100:
            raise KeyboardInterrupt
        return True

    for seconds, kept in ((1e9, False), (0.0, True)):
        monkeypatch.setattr("llm_baselines.training.trainer._CHECKPOINT_SECONDS", seconds)
        folder = tmp_path / str(kept)
        agent = make("logits", warm_start=False, checkpoint_freq=10_000)
        with pytest.raises(KeyboardInterrupt):
            agent.learn(150, run_folder=folder, callback=interrupt)
        assert (newest_checkpoint(folder / "resume") is not None) == kept
        assert agent.report.environment_steps == agent.num_timesteps > 100


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_is_cut_short_altered_or_missing_is_named(name, tmp_path):
    place = begin(tmp_path)
    path, whole = place / name, (place / name).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:-3] + b"???"):
        path.write_bytes(damaged)
        with pytest.raises(AgentFolderError, match=f"{name}.*delete .* to train afresh"):
            resume(tmp_path)
    path.unlink()
    with pytest.raises(AgentFolderError, match=name):
        resume(tmp_path)
    path.write_bytes(whole)
    resume(tmp_path)


def test_another_agent_and_another_configuration_are_refused(tmp_path):
    begin(tmp_path)
    with pytest.raises(AgentFolderError, match="checkpoint of 'token_dqn', not of 'rloo'"):
        resume(tmp_path, "rloo")
    with pytest.raises(AgentFolderError, match=r"trained with batch_size=8, not 4: resume with the same"):
        resume(tmp_path, batch_size=4)
    resume(tmp_path, checkpoint_freq=70)  # how often it is saved does not matter


def test_another_number_of_threads_is_warned_of(tmp_path, monkeypatch):
    begin(tmp_path)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    with pytest.warns(UserWarning, match=r"written with \d+ threads and this run has 77.*not be those"):
        resume(tmp_path)


def test_another_length_of_training_is_warned_of(tmp_path):
    begin(tmp_path)
    with pytest.warns(UserWarning, match="on its way to 150 steps and now goes to 200"):
        agent = resume(tmp_path, total=200)
    assert agent.num_timesteps >= 200


def test_without_a_checkpoint_training_starts_afresh(tmp_path):
    agent = resume(tmp_path / "nothing")
    assert agent.num_timesteps >= 150
    assert newest_checkpoint(tmp_path / "nothing" / "resume") is not None
    assert newest_checkpoint(tmp_path / "nowhere") is None


def test_without_resume_training_starts_afresh_beside_a_checkpoint(tmp_path):
    earlier = begin(tmp_path).name
    steps = []
    make("logits", warm_start=False).learn(
        60, run_folder=tmp_path, callback=lambda info, _: steps.append(info["self"].num_timesteps) or True
    )
    assert steps[0] <= 8
    assert len(list((tmp_path / "resume").iterdir())) == 1
    assert newest_checkpoint(tmp_path / "resume-earlier").name == earlier


def test_a_new_run_that_dies_early_resumes_no_earlier_run(tmp_path):
    begin(tmp_path)

    def dies(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make("logits", warm_start=False).learn(60, run_folder=tmp_path, callback=dies)
    assert newest_checkpoint(tmp_path / "resume") is None
    assert resume(tmp_path, total=60).num_timesteps < 150


@pytest.mark.parametrize("name", ["logits", "supervised"])
def test_a_run_that_dies_before_its_first_round_resumes_no_earlier_run(name, tmp_path, monkeypatch):
    total, changes = (150, {}) if name == "logits" else (300, {"copy_steps": 2})
    make(name, **changes).learn(total, run_folder=tmp_path)

    def dies(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("llm_baselines.algorithms.supervised.supervised.teach_copying", dies)
    with pytest.raises(KeyboardInterrupt):
        make(name, **changes).learn(total, run_folder=tmp_path)
    assert newest_checkpoint(tmp_path / "resume") is None
    assert newest_checkpoint(tmp_path / "resume-earlier") is not None


def test_an_agent_trained_elsewhere_sets_an_earlier_checkpoint_aside(tmp_path):
    made = make("logits", warm_start=False).learn(60)
    made.save(tmp_path / "agent")
    for total in (180, 120):  # the second attempt begins again, from the saved agent
        loaded = type(made).load(tmp_path / "agent", made.env, device="cpu")
        loaded.learn(total, run_folder=tmp_path / "run")
    steps = [
        json.loads((newest_checkpoint(tmp_path / "run" / name) / "state.json").read_text())["num_timesteps"]
        for name in ("resume-earlier", "resume")
    ]
    assert steps[0] >= 180 > steps[1] >= 120
    before = newest_checkpoint(tmp_path / "run" / "resume-earlier")
    loaded.learn(150, run_folder=tmp_path / "run")  # goes on here: nothing is put aside
    assert newest_checkpoint(tmp_path / "run" / "resume-earlier") == before


def test_a_kill_while_a_checkpoint_is_replaced_loses_none(tmp_path, monkeypatch):
    place = begin(tmp_path)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("llm_baselines.storage.exchange._move", killed)
    with pytest.raises(KeyboardInterrupt):
        resume(tmp_path)  # it is over, and writes the same checkpoint again
    monkeypatch.undo()
    assert newest_checkpoint(tmp_path / "resume") == place
    assert resume(tmp_path).num_timesteps >= 150
    assert [path.name for path in (tmp_path / "resume").iterdir()] == [place.name]
    assert {path.name for path in place.iterdir()} == FILES


def test_a_checkpoint_left_by_an_earlier_version_is_found(tmp_path):
    place = begin(tmp_path)
    left = place.rename(place.with_name(f".{place.name}.old-0a1b2c3d"))
    assert newest_checkpoint(tmp_path / "resume") == left
    assert resume(tmp_path).num_timesteps >= 150
    assert [path.name for path in (tmp_path / "resume").iterdir()] == [place.name]


def test_an_unfinished_checkpoint_is_ignored_and_removed(tmp_path):
    place = begin(tmp_path)
    unfinished = place.with_name(f".{place.name}.0a1b2c3d")
    unfinished.mkdir()
    (unfinished / "network.safetensors").write_bytes(b"half of")
    assert newest_checkpoint(tmp_path / "resume") == place
    resume(tmp_path)
    assert not unfinished.exists()


def test_the_best_so_far_and_the_clock_go_on(tmp_path):
    finished = make("logits", warm_start=False).learn(150, run_folder=tmp_path)
    resumed = make("logits", warm_start=False)
    resumed.optimizer = make_optimizer(resumed.parameter_groups(), resumed.config)
    run = TrainingRun(resumed, 150, run_folder=tmp_path, resume=True)
    run.begin()
    assert run.evaluations.best_score == max(row["eval/mean_reward"] for row in finished.report.curve)
    assert equal(run.evaluations.best_weights, finished.trained_tensors()), (
        "at its end the learner has the best weights"
    )
    saved = resumed.report.seconds
    run.close()
    assert 0.0 < saved <= finished.report.seconds
    assert resume(tmp_path).report.seconds > saved


def test_a_resumed_run_evaluates_when_it_would_have(tmp_path):
    options = {"warm_start": False, "eval_freq": 100, "checkpoint_freq": 1}
    whole = make("logits", **options).learn(350)

    def interrupt(given, _):
        if given["self"].num_timesteps > 160:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        make("logits", **options).learn(350, run_folder=tmp_path, callback=interrupt)
    resumed = make("logits", **options).learn(350, run_folder=tmp_path, resume=True)
    evaluated, wanted = ([row["timesteps"] for row in agent.report.curve] for agent in (resumed, whole))
    assert evaluated == wanted
    assert len(wanted) > 2


def test_every_round_and_purpose_draws_its_own_numbers():
    agent = make("logits", warm_start=False)
    run, numbers = TrainingRun(agent, 150), set()
    for agent.rounds in range(3):
        for purpose in range(2):
            first, again = (run.generator(purpose).random() for _ in range(2))
            assert first == again
            numbers.add(first)
    assert len(numbers) == 6
