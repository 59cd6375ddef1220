"""What a person hears of a training: phases, one time left, scores, texts."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import pytest
from rich.console import Console

from llm_baselines.agent import TrainingReport
from llm_baselines.registry import make_agent
from llm_benchmarks.commands.training_progress import TrainingProgress
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.phases import PhaseClock, phases_of, stage_of
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.resolve import resolve_agent
from llm_envs import EvaluationResult

TINY = "TextGen-Tiny-v0"


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("cell", "evaluated", "expected"),
    [
        ({"agent": "rloo"}, True, ("warm start", "training", "evaluating")),
        ({"agent": "rloo", "config": {"warm_start": False}}, True, ("training", "evaluating")),
        ({"agent": "token_dqn"}, False, ("warm start", "training")),
        ({"agent": "sb3_dqn"}, False, ("training",)),
        ({"agent": "random"}, True, ("evaluating",)),
    ],
)
def test_the_phases_of_a_run(cell: dict[str, Any], evaluated: bool, expected: tuple[str, ...]) -> None:
    run = Cell(env="Translation-v0", **cell)
    assert phases_of(resolve_agent(run).spec, evaluated=evaluated) == expected


def test_one_time_left_is_told_and_is_a_lower_bound_until_the_last_phase() -> None:
    clock = Clock()
    phases = PhaseClock(("warm start", "training", "evaluating"), clock)
    assert phases.told("warm start", 0, 1000) == "phase 1 of 3: warm start 0/1,000"
    clock.now += 60
    assert phases.told("warm start", 250, 1000) == ("phase 1 of 3: warm start 250/1,000, more than 3:00 left")
    assert phases.told("training", 500, 1000) == "phase 2 of 3: training 500/1,000"  # it was resumed there
    clock.now += 10
    assert phases.told("training", 600, 1000).endswith("600/1,000, more than 0:40 left")
    phases.told("evaluating", 0, 10)
    clock.now += 3600
    assert phases.told("evaluating", 5, 10) == "phase 3 of 3: evaluating 5/10, 1:00:00 left"
    assert phases.told("evaluating", 11, 10).endswith("10/10, 0:00 left")
    assert phases.told("a phase of their own", 1, 2) == "a phase of their own 1/2"
    assert PhaseClock(("training",), clock).told("training", 0, 5) == "training 0/5"


def test_where_an_agent_is() -> None:
    assert stage_of(SimpleNamespace(report=TrainingReport(tokens=7)), 10) == ("training", 7, 10)
    assert stage_of(SimpleNamespace(num_timesteps=8, report=TrainingReport()), 10) == ("training", 8, 10)
    assert stage_of(SimpleNamespace(training_stage=("warm start", 3, 4)), 10) == ("warm start", 3, 4)
    assert stage_of(object(), 10) == ("training", 0, 10)


def test_without_a_terminal_a_line_is_said_every_minute() -> None:
    clock, out, agent = Clock(), io.StringIO(), SimpleNamespace(num_timesteps=0)
    told = TrainingProgress(Console(file=out, width=200), agent, ("training",), 1000, clock)
    told.tick()
    for seconds, steps in ((59, 100), (2, 200), (30, 300), (31, 400)):
        clock.now += seconds
        agent.num_timesteps = steps
        told.tick()
    assert out.getvalue().splitlines() == [
        "training 200/1,000, 4:04 left, 1:01 since the start",
        "training 400/1,000, 3:03 left, 2:02 since the start",
    ]


def test_scores_and_a_text_are_told_as_they_come() -> None:
    row = SimpleNamespace(source="say \x1b[31m", text="", reward=0.25)
    other = SimpleNamespace(source="two", text="x" * 500, reward=0.5)
    result = SimpleNamespace(rows=(row, other), mean_reward=0.375)
    out = io.StringIO()
    told = TrainingProgress(Console(file=out, width=400), SimpleNamespace(), ("training",), 10, Clock())
    told.evaluated(5, result)  # type: ignore[arg-type]
    told.evaluated(6, SimpleNamespace(rows=(row, other), mean_reward=0.1))  # type: ignore[arg-type]
    lines = out.getvalue().splitlines()
    assert lines[0] == "training 0/10: validation 0.375, best 0.375"
    assert lines[1] == r"  say \x1b[31m -> (nothing) (0.250)"
    assert lines[2] == "training 0/10: validation 0.100, best 0.375"
    assert lines[3].startswith("  two -> xxx")
    assert len(lines[3]) < 200


@pytest.mark.parametrize("agent", ["sb3_dqn", "token_dqn"])
def test_an_agent_tells_its_listener_of_every_evaluation(agent: str) -> None:
    start = {"total_timesteps": 300, "copy_steps": 2, "eval_freq": 150}
    config: dict[str, Any] = {"eval_freq": 200}
    if agent == "token_dqn":
        config |= {"model": "nano", "supervised": start, "value_warmup": 0}
    made: Any = make_agent(agent, gym.make(TINY), seed=0, config=config)
    heard: list[tuple[int, EvaluationResult, tuple[str, int, int]]] = []
    made.on_evaluation = lambda steps, result: heard.append((steps, result, stage_of(made, 400)))
    made.learn(400)
    own = [(steps, result.mean_reward) for steps, result, stage in heard if stage[0] == "training"]
    curve = [(row["timesteps"], row["eval/mean_reward"]) for row in made.report.curve]
    assert own == [point for point in curve if point[0] or agent == "token_dqn"][-len(own) :]
    assert len(own) >= 2
    assert ("warm start" in {stage[0] for _, _, stage in heard}) == (agent == "token_dqn")


def test_a_suite_says_what_a_cell_is_trained_on_and_its_phase() -> None:
    cell = Cell(env="Translation-v0", agent="sb3_dqn", reward="tuned")
    spec = resolve_agent(cell).spec
    spec = replace(spec, environment=replace(spec.environment, signature="known"))
    out = io.StringIO()
    with SuiteProgress(Console(file=out, width=200)) as progress:
        progress.begin(1)
        progress.planned(cell, spec)
        progress.started(cell)
    assert "trained on 10*bleu+5*chrf, dense, discount 0.6" in out.getvalue()
