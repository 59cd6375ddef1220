"""Progress on the console: phases, the time left, scores and texts."""

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
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.phases import PhaseClock, phases_of, stage_of
from llm_benchmarks.run.progress import SuiteProgress, TrainingProgress
from llm_benchmarks.run.resolve import resolve_agent
from llm_envs import EvaluationResult

TINY = "TextGen-Tiny-v0"


class Clock:
    """A clock that the test sets."""

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
def test_phases_of_a_run_follow_from_its_plan(
    cell: dict[str, Any], evaluated: bool, expected: tuple[str, ...]
) -> None:
    run = Cell(env="Translation-v0", **cell)
    assert phases_of(resolve_agent(run).spec, evaluated=evaluated) == expected


def test_parts_of_a_phase_are_told_and_a_start_is_not_taken_for_the_training() -> None:
    clock = Clock()
    phases = PhaseClock(("warm start", "training", "evaluating"), clock)
    assert phases.describe("training", 0, 200) == "phase 1 of 3: starting"
    assert phases.describe("warm start: copying", 0, 50) == "phase 1 of 3: warm start: copying 0/50"
    clock.now += 10.0
    assert phases.describe("warm start: copying", 25, 50).endswith("copying 25/50, more than 0:10 left")
    assert phases.describe("warm start", 0, 100) == "phase 1 of 3: warm start 0/100"
    assert phases.describe("training", 0, 200) == "phase 2 of 3: training 0/200"
    alone = PhaseClock(("training",), clock)
    alone.describe("training: copying", 0, 50)
    clock.now += 10.0
    assert alone.describe("training: copying", 25, 50) == "training: copying 25/50, more than 0:10 left"


def test_time_left_is_a_lower_bound_until_the_last_phase() -> None:
    clock = Clock()
    phases = PhaseClock(("warm start", "training", "evaluating"), clock)
    assert phases.describe("warm start", 0, 1000) == "phase 1 of 3: warm start 0/1,000"
    clock.now += 60
    assert phases.describe("warm start", 250, 1000) == (
        "phase 1 of 3: warm start 250/1,000, more than 3:00 left"
    )
    assert (
        phases.describe("training", 500, 1000) == "phase 2 of 3: training 500/1,000"
    )  # it was resumed there
    clock.now += 10
    assert phases.describe("training", 600, 1000).endswith("600/1,000, more than 0:40 left")
    phases.describe("evaluating", 0, 10)
    clock.now += 3600
    assert phases.describe("evaluating", 5, 10) == "phase 3 of 3: evaluating 5/10, 1:00:00 left"
    assert phases.describe("evaluating", 11, 10).endswith("10/10, 0:00 left")
    assert phases.describe("a phase of their own", 1, 2) == "a phase of their own 1/2"
    assert PhaseClock(("training",), clock).describe("training", 0, 5) == "training 0/5"


def test_stage_of_reads_what_an_agent_reports() -> None:
    assert stage_of(SimpleNamespace(report=TrainingReport(tokens=7)), 10) == ("training", 7, 10)
    assert stage_of(SimpleNamespace(num_timesteps=8, report=TrainingReport()), 10) == ("training", 8, 10)
    assert stage_of(SimpleNamespace(training_stage=("warm start", 3, 4)), 10) == ("warm start", 3, 4)
    assert stage_of(object(), 10) == ("training", 0, 10)


def test_without_a_terminal_a_line_is_printed_every_minute() -> None:
    clock, out, agent = Clock(), io.StringIO(), SimpleNamespace(num_timesteps=0)
    progress = TrainingProgress(Console(file=out, width=200), agent, ("training",), 1000, clock)
    progress.tick()
    for seconds, steps in ((59, 100), (2, 200), (30, 300), (31, 400)):
        clock.now += seconds
        agent.num_timesteps = steps
        progress.tick()
    assert out.getvalue().splitlines() == [
        "training 200/1,000, 4:04 left, 1:01 since the start",
        "training 400/1,000, 3:03 left, 2:02 since the start",
    ]


def test_every_evaluation_prints_its_score_and_one_text() -> None:
    row = SimpleNamespace(source="say \x1b[31m", text="", reward=0.25)
    other = SimpleNamespace(source="two", text="x" * 500, reward=0.5)
    result = SimpleNamespace(rows=(row, other), mean_reward=0.375)
    out = io.StringIO()
    progress = TrainingProgress(Console(file=out, width=400), SimpleNamespace(), ("training",), 10, Clock())
    progress.evaluated(5, result)  # type: ignore[arg-type]
    progress.evaluated(6, SimpleNamespace(rows=(row, other), mean_reward=0.1))  # type: ignore[arg-type]
    lines = out.getvalue().splitlines()
    assert lines[0] == "training 0/10: validation 0.375, best 0.375"
    assert lines[1] == r"  say \x1b[31m -> (nothing) (0.250)"
    assert lines[2] == "training 0/10: validation 0.100, best 0.375"
    assert lines[3].startswith("  two -> xxx")
    assert len(lines[3]) < 200


@pytest.mark.parametrize("agent", ["sb3_dqn", "token_dqn"])
def test_agents_call_their_listener_after_every_evaluation(agent: str) -> None:
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


def test_a_suite_prints_the_training_reward_of_a_cell() -> None:
    cell = Cell(env="Translation-v0", agent="sb3_dqn", reward="tuned")
    spec = resolve_agent(cell).spec
    spec = replace(spec, environment=replace(spec.environment, signature="known"))
    out = io.StringIO()
    with SuiteProgress(Console(file=out, width=200)) as progress:
        progress.begin(1)
        progress.planned(cell, spec)
        progress.started(cell)
    assert "trained on 10*bleu+5*chrf, dense, discount 0.6" in out.getvalue()
