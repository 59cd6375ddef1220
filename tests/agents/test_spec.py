"""A run as a value: it survives JSON, and its identity is what affects the result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llm_baselines.spec import (
    AgentSpec,
    EnvironmentSpec,
    EvaluationSpec,
    RewardSpec,
    RunSpec,
    TrainingSpec,
)

RUN = RunSpec(
    environment=EnvironmentSpec(id="TextGen-v0", kwargs={"dataset": "file:mine.jsonl"}),
    agent=AgentSpec(name="token_dqn", config={"model": "nano", "learning_rate": 1e-3}),
    training=TrainingSpec(total_timesteps=100, seed=3),
    evaluation=EvaluationSpec(episodes=10),
    experiment="text",
    variant="small step size",
)


def test_a_run_survives_json():
    assert RunSpec.from_dict(RUN.to_dict()) == RUN


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, experiment="another", variant="another"),
        replace(RUN, agent=replace(RUN.agent, trials=4, tuning_seeds=(7,), entry_point="a.b:c")),
        replace(RUN, evaluation=replace(RUN.evaluation, num_envs=1)),
        replace(RUN, environment=replace(RUN.environment, module="my_envs")),
    ],
)
def test_names_and_places_do_not_change_the_identity(other):
    assert other.identity() == RUN.identity()
    assert list(RUN.differences(other)) == []


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (replace(RUN, training=replace(RUN.training, seed=4)), "training.seed"),
        (
            replace(RUN, agent=replace(RUN.agent, config={"model": "nano", "learning_rate": 1e-4})),
            "agent.config.learning_rate",
        ),
        (replace(RUN, evaluation=replace(RUN.evaluation, deterministic=False)), "evaluation.deterministic"),
        (replace(RUN, environment=replace(RUN.environment, signature="v2")), "environment.signature"),
    ],
)
def test_what_affects_the_result_changes_the_identity_and_is_named(other, field):
    assert other.identity() != RUN.identity()
    assert [name for name, _, _ in RUN.differences(other)] == [field]


def test_the_identity_takes_contents_in_place_of_paths():
    def at(path: str, digest: str) -> RunSpec:
        environment = replace(RUN.environment, kwargs={"dataset": path}, contents={"dataset": digest})
        model = replace(RUN.agent, config={"model": path}, base_model={"name": path, "hash": digest})
        return replace(RUN, environment=environment, agent=model)

    assert at("file:a.jsonl", "12").identity() == at("file:b.jsonl", "12").identity()
    assert at("file:a.jsonl", "12").identity() != at("file:a.jsonl", "34").identity()


def test_spellings_of_one_reward_are_the_same_run():
    def paid(spec: object) -> RunSpec:
        reward = RewardSpec(spec=spec, signature="bleu|v1")
        return replace(RUN, training=replace(RUN.training, reward=reward))

    assert paid("bleu").identity() == paid({"bleu": 1.0}).identity() == paid([{"id": "bleu"}]).identity()


def test_unknown_hashes_and_signatures_can_be_left_out_of_a_comparison():
    known = replace(RUN.environment, signature="v1", contents={"dataset": "12"})
    reward = RewardSpec(spec="default", signature="bleu|v1")
    whole = replace(RUN, environment=known, training=replace(RUN.training, reward=reward))
    assert list(RUN.differences(whole)) != []
    assert list(RUN.differences(whole, known_only=True)) == []
    other = replace(whole, environment=replace(known, contents={"dataset": "34"}))
    assert [name for name, *_ in whole.differences(other, known_only=True)] == [
        "environment.kwargs.dataset.hash"
    ]


def test_a_training_alone_says_nothing_of_its_evaluation():
    alone = replace(RUN, environment=replace(RUN.environment, signature="v1")).training_only()
    assert (alone.evaluation, alone.environment.signature) == (None, None)
    assert alone.training == RUN.training


@pytest.mark.parametrize("source", ["asset", "hub"])
def test_downloading_a_named_model_does_not_change_the_identity(source):
    def begun(digest: str | None) -> RunSpec:
        model = {"name": "somebody/model", "hash": digest, "source": source}
        return replace(RUN, agent=replace(RUN.agent, base_model=model))

    assert begun(None).identity() == begun("12").identity()
