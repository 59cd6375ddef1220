"""What a run is trained on is said in words, before training and beside its row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llm_benchmarks.records.trained_on import in_a_line, reward_line
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.resolve import resolve_agent
from llm_envs.rewards import parse_reward


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ({"agent": "sb3_dqn"}, "the environment's default reward, paid at the end"),
        ({"agent": "sb3_dqn", "reward": "tuned"}, "10*bleu+5*chrf, dense, discount 0.6"),
        ({"agent": "sb3_dqn", "reward": "chrf", "env_kwargs": {"reward_timing": "dense"}}, "chrf, dense"),
        (
            {"agent": "rloo"},
            "the environment's default reward, paid at the end; after imitation of 800,000 tokens, 0.05 of "
            "the references",
        ),
        (
            {"agent": "supervised", "config": {"train_fraction": 0.05}},
            "imitation of the references, 0.05 of the train split",
        ),
        (
            {"agent": "sb3_dqn", "env": "Dialogue-v0", "reward": "tuned"},
            "20*task_success+KnownTurns, dense, discount 0.3; "
            "600 of the expert's episodes in the replay buffer",
        ),
        (
            {"agent": "token_dqn", "config": {"warm_start": False}},
            "the environment's default reward, paid at the end",
        ),
        ({"agent": "unigram"}, "the frequencies of the references' tokens"),
        ({"agent": "random"}, ""),
    ],
)
def test_trained_on_describes_a_training(cell: dict[str, Any], expected: str) -> None:
    run = Cell(**{"env": "Translation-v0", **cell})
    assert in_a_line(resolve_agent(run).spec) == expected


def test_a_value_that_is_no_number_is_shown_unchanged() -> None:
    run = Cell(env="Translation-v0", agent="sb3_dqn")
    spec = resolve_agent(run).spec
    start = {"total_timesteps": "many", "train_fraction": [1]}
    config = {"gamma": "low", "demonstrations": {"a": 1}, "supervised": start}
    spec = replace(spec, agent=replace(spec.agent, config=config))
    assert "discount low; {'a': 1} of the expert's episodes" in in_a_line(spec)
    assert "after imitation of many tokens, [1] of the references" in in_a_line(spec)


@pytest.mark.parametrize(
    "line",
    [
        "bleu",
        'my_rewards:rhymes(letters=3, ends="ey")',
        "bleu - 0.5*length_penalty(max=20)",
        "-0.5*ter + 2*distinct(n=1)",
        '"word-count"(limit=3)',
        "gate(bleu, language >= 0.5) - 0.2 * clip(ter, high=1)",
    ],
)
def test_a_reward_is_shown_as_a_line_that_can_be_typed_again(line: str) -> None:
    spec = parse_reward(line)
    assert parse_reward(reward_line(spec)) == spec


def test_a_reward_that_is_no_design_is_shown_as_json() -> None:
    assert reward_line([{"id": "bleu", "weight": "high"}]) == '[{"id": "bleu", "weight": "high"}]'
    assert reward_line(3) == "3"
