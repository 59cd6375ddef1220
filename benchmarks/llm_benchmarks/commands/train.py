"""`llm-envs train`: trains an agent into a folder and reports its progress."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from stable_baselines3.common.callbacks import BaseCallback

from llm_baselines.agent import TrainingReport
from llm_baselines.registry import AGENTS
from llm_baselines.spec import RunSpec
from llm_baselines.storage.not_finite import NotFinite
from llm_baselines.storage.rotation import newest_checkpoint
from llm_benchmarks.console.exit_status import is_declared, own_code
from llm_benchmarks.console.input import INTERRUPTED, InputError, OwnCodeError, bad_input, creatable
from llm_benchmarks.console.machine_faults import machine_fault
from llm_benchmarks.console.report import complain, plain, say
from llm_benchmarks.console.termination import termination_interrupts
from llm_benchmarks.records.trained_on import trained_on
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.phases import phases_of
from llm_benchmarks.run.progress import ReportsSamples, TrainingProgress
from llm_benchmarks.run.threads import limit_threads
from llm_benchmarks.run.trained_folder import RUN, TrainedFolder
from llm_benchmarks.run.training import UnsavedError, prepare


@termination_interrupts()
def run(
    cell: Cell,
    out: Path,
    *,
    resume: bool,
    show_q: bool,
    device: str,
    threads: int | None = None,
    show_samples: bool = False,
) -> int:
    """Trains; Ctrl-C, SIGTERM and SIGHUP save the agent and end it.

    Returns:
        0 if the training was completed, 1 if its weights became NaN or infinite, 130 if it was interrupted.
    """
    console = Console(stderr=True)
    creatable(out, "--out")
    with bad_input():
        training = prepare(cell, out, resume=resume, device=device)
        if show_q and not hasattr(training.agent, "replay"):
            raise InputError(f"--show-q looks into token_dqn; {cell.agent!r} has no Q to show")
        if show_samples:
            _check_samples(training.agent, cell.agent)
        training.claim()
    limit_threads(threads, training.resolved.spec.agent)
    spec, total = training.resolved.spec, training.state.training.total_timesteps
    say(console, f"training {cell.agent} on {cell.env_id}, seed {cell.seed}, {total:,} steps, into {out}")
    _print_training(console, spec, cell, out)
    places = (out / RUN / "resume", out / RUN / "warm_start" / "resume")
    if training.begins_anew:
        earlier = [f"{place}-earlier" for place in places if newest_checkpoint(place)]
        aside = f"; its checkpoints are set aside as {' and '.join(earlier)}" if earlier else ""
        say(console, f"the training that failed in {out} left no agent and begins anew{aside}")
    if resume and cell.agent in AGENTS and not any(map(newest_checkpoint, places)):
        say(console, "there is no checkpoint to go on from: it begins anew")
    q_table = _ShownQ() if show_q else None
    phases = phases_of(spec, evaluated=False)
    try:
        with TrainingProgress(console, training.agent, phases, total, samples=show_samples):
            training.run(callback=q_table)
    except KeyboardInterrupt:
        completed = training.state.status == "completed"  # the signal came while the agent was saved
        end = "done" if completed else "interrupted"
        goes_on = "" if completed else _what_resume_does(cell, places)
        _print_report(console, training.state, f"{end}; the agent stands in {out}{goes_on}")
        return INTERRUPTED
    except NotFinite as error:
        complain(f"llm-envs: training failed: {' '.join(str(error).split())}")
        return 1
    except UnsavedError as error:
        reason = machine_fault(error.__cause__) or str(error.__cause__)
        remedy = "its former content is whole, --resume goes on from the last checkpoint"
        raise InputError(f"--out {str(out)!r}: the agent was not saved: {reason}; {remedy}") from error
    except Exception as error:
        if reason := machine_fault(error):
            kept = next((str(path) for path in map(newest_checkpoint, places) if path), "")
            remedy = f"the checkpoint {kept!r} was kept, --resume goes on" if kept else "nothing was kept"
            raise InputError(f"--out {str(out)!r}: {reason}; {remedy}") from error
        if cell.agent not in AGENTS and not is_declared(error):
            raise OwnCodeError(own_code(error, f"agent {cell.agent!r}")) from error
        raise
    _print_report(console, training.state, f"done; the agent stands in {out}")
    if q_table is not None:
        q_table.show("after training")
    return 0


class _ShownQ(BaseCallback):
    """Prints the Q values of a TokenDQN for a few prefixes, the same ones before and after training."""

    model: Any  # a TokenDQN, which has the attributes that callbacks use

    def _on_training_start(self) -> None:
        from llm_baselines.algorithms.token_dqn.inspection import play

        self.played = play(self.model)
        resumed = self.num_timesteps > 0
        self.show("where training goes on" if resumed else "before training, after the supervised start")

    def _on_step(self) -> bool:
        return True

    def show(self, when: str) -> None:
        from rich.table import Table

        from llm_baselines.algorithms.token_dqn.inspection import inspect

        table = Table(title=f"Q {when}")
        for column in ("prefix", "candidates by Q", "taken", "Q", "target", "TD error"):
            left = column in ("prefix", "candidates by Q")
            table.add_column(column, justify="left" if left else "right", overflow="fold")
        for report in inspect(self.model, self.played):
            candidates = "  ".join(f"{token} {q:.3f}" for token, q in report.candidates)
            numbers = (f"{value:.3f}" for value in (report.q, report.target, report.td_error))
            table.add_row(
                *(plain(text, limit=None) for text in (report.prefix, candidates, report.taken)), *numbers
            )
        Console().print(table)


def _what_resume_does(cell: Cell, places: Sequence[Path]) -> str:
    """Says after an interruption what --resume does: without a checkpoint there is nothing to go on from."""
    if cell.agent in AGENTS and not any(map(newest_checkpoint, places)):
        return "; no checkpoint had been written yet, so --resume begins anew"
    return ", --resume goes on"


def _check_samples(agent: object, name: str) -> None:
    """Raises InputError if an agent logs no sampled texts."""
    if not isinstance(agent, ReportsSamples):
        raise InputError(
            f"--show-samples shows texts that an agent plays while it trains; {name!r} logs none"
        )
    if not getattr(getattr(agent, "config", None), "log_samples", 1):
        raise InputError("--show-samples and log_samples=0, which logs no texts: leave one of them out")


def _print_training(console: Console, spec: RunSpec, cell: Cell, out: Path) -> None:
    """Prints what the agent trains on, and where its logs and checkpoints are."""
    for name, description in trained_on(spec).items():
        say(console, f"  {name}: {description}")
    if cell.agent in AGENTS:
        places = f"logs in {out / RUN / 'logs'}, checkpoints in {out / RUN / 'resume'}"
        say(console, f"  {places}; the trained agent will stand in {out}")


def _print_report(console: Console, trained: TrainedFolder, end: str) -> None:
    """Prints the cost and the scores of a training, and a line on how it ended."""
    report = trained.report or TrainingReport()
    say(
        console,
        f"{report.environment_steps:,} steps, {report.gradient_steps:,} updates, "
        f"{report.reward_calls:,} texts scored in {report.seconds:.0f} s",
    )
    if not report.gradient_steps and "learning_rate" in trained.spec.agent.config:
        say(console, "no update was made: it is as it began; give more --total-timesteps")
    curve = [row for row in report.curve if "eval/mean_reward" in row]
    if curve:
        best = max(row["eval/mean_reward"] for row in curve)
        last = curve[-1]["eval/mean_reward"]
        say(console, f"mean reward on validation: last {last:.3f}, best {best:.3f}")
    say(console, end)
