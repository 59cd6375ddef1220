"""Signals wait while something is saved, however many come; what is interruptible stops at once."""

from __future__ import annotations

import json
import os
import pty
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch

from llm_baselines.registry import make_agent
from llm_baselines.storage import interruption
from llm_baselines.storage.interruption import SIGNALS, deferred_signals, interruptibly
from llm_baselines.storage.rotation import newest_checkpoint
from llm_benchmarks.console.termination import run_to_exit_status, termination_interrupts

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends itself POSIX signals")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Ctrl-C interrupts, also in a shell's background job; every test leaves the handlers as they were."""
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    mine = {signum: signal.getsignal(signum) for signum in SIGNALS}
    yield
    assert {signum: signal.getsignal(signum) for signum in SIGNALS} == mine
    assert interruption._sections == []
    assert interruption._noted == []
    for signum, handler in before.items():
        signal.signal(signum, handler)


def send(signum: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), signum)


@pytest.mark.parametrize("signum", SIGNALS)
def test_signals_wait_until_what_is_saved_is_whole(signum: int) -> None:
    done = []

    def save() -> None:
        with termination_interrupts(), deferred_signals() as held:
            with deferred_signals():
                assert not held.noted
                send(signum)
                send(signum)
                assert held.noted
            done.append("inner")
            send()
            done.append("outer")
        done.append("after")

    with pytest.raises(KeyboardInterrupt):
        save()
    assert done == ["inner", "outer"]


def test_a_signal_that_has_been_seen_to_can_be_forgotten() -> None:
    with deferred_signals() as held:
        send()
        held.forget()


def test_an_interruptible_function_stops_and_the_section_finishes() -> None:
    """The second signal comes while the first unwinds, the third while the result is saved."""
    done = []

    def work() -> None:
        try:
            send()
            done.append("more work")
        finally:
            send()
            done.append("closed")

    def work_and_save() -> None:
        with deferred_signals():
            try:
                interruptibly(work)
            except KeyboardInterrupt:
                send()
                done.append("saved")

    with pytest.raises(KeyboardInterrupt):
        work_and_save()
    assert done == ["closed", "saved"]


def test_a_waiting_signal_stops_an_interruptible_function_first() -> None:
    done: list[str] = []
    with deferred_signals():
        send()
        with pytest.raises(KeyboardInterrupt):
            interruptibly(done.append, "begun")
    assert done == []


def test_saving_inside_what_is_interruptible_is_whole_too() -> None:
    done = []

    def work() -> None:
        with deferred_signals():
            send()
            done.append("saved")
        done.append("more work")

    with deferred_signals(), pytest.raises(KeyboardInterrupt):
        interruptibly(work)
    assert done == ["saved"]


def test_a_signal_that_a_library_swallowed_can_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "_AGAIN", 0.0)
    swallowed = []

    def work() -> None:
        try:
            send()
        except KeyboardInterrupt:
            swallowed.append(True)
        send()

    with deferred_signals(), pytest.raises(KeyboardInterrupt):
        interruptibly(work)
    assert swallowed == [True]


def test_an_error_leaves_a_section_and_loses_no_signal() -> None:

    def fail(told: bool) -> None:
        with deferred_signals():
            if told:
                send()
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail(False)
    with pytest.raises(KeyboardInterrupt) as stopped:
        fail(True)
    assert str(stopped.value.__context__) == "full"


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As SIGHUP is under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with termination_interrupts(), deferred_signals() as held:
            send(signal.SIGHUP)
            assert not held.noted
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_nothing_is_deferred() -> None:
    done = []

    def work() -> None:
        with termination_interrupts(), deferred_signals() as held:
            done.append((held.noted, interruptibly(len, "abc")))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [(False, 3)]


def forked(function) -> int:  # type: ignore[no-untyped-def]
    """The exit status of a process that calls a function."""
    pid = os.fork()
    if not pid:
        status = 99
        try:
            status = function()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_without_a_handler_the_signal_ends_the_process_after_the_section() -> None:
    def save() -> int:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with deferred_signals():
            send(signal.SIGTERM)
            os.write(written, b"whole")
        return 0

    read, written = os.pipe()
    assert forked(save) == -signal.SIGTERM
    assert os.read(read, 10) == b"whole"
    os.close(read)
    os.close(written)


def test_a_child_that_is_forked_inside_a_section_can_be_stopped() -> None:
    """As the processes of an asynchronous vector environment are."""

    def child() -> int:
        send(signal.SIGTERM)
        return 0

    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with deferred_signals():
        assert forked(child) == -signal.SIGTERM
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_command_that_is_interrupted_exits_with_130(times: int) -> None:
    def command() -> int:
        try:
            for _ in range(times):
                send()
        finally:
            send(signal.SIGTERM)
        return 0

    def main() -> int:
        status = run_to_exit_status(command, 130)
        send()  # the process ends: nothing changes its status
        return status

    assert forked(main) == 130


@pytest.mark.parametrize(("name", "optimizer"), [("sb3_dqn", "Adam"), ("token_dqn", "AdamW")])
def test_an_interruption_within_an_update_waits_until_it_is_counted(
    name: str, optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"model": "nano", "warm_start": False} if name == "token_dqn" else {"learning_starts": 16}
    env = gym.make("llm_envs:TextGen-Tiny-v0")
    agent: Any = make_agent(name, env, seed=0, device="cpu", config={**options, "eval_freq": 0})
    kind, steps = getattr(torch.optim, optimizer), []
    step = kind.step

    def interrupted(self: Any, *arguments: Any, **options: Any) -> Any:
        send()
        steps.append(step(self, *arguments, **options))
        send()

    monkeypatch.setattr(kind, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        agent.learn(500, run_folder=tmp_path)
    assert len(steps) >= 1
    assert agent.report.gradient_steps == len(steps)
    place = newest_checkpoint(tmp_path / "resume")
    if name == "sb3_dqn":  # it saves a checkpoint when it is interrupted
        assert place is not None
        assert json.loads((place / "state.json").read_text())["n_updates"] == len(steps)


def test_printing_to_a_closed_terminal_raises_no_error() -> None:
    def command() -> int:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup pytest` has it ignored
        os.setsid()
        name = os.ttyname(theirs)
        for stream in (0, 1, 2):
            os.dup2(os.open(name, os.O_RDWR), stream)  # the first opened becomes the controlling terminal
        os.close(ours)
        os.close(theirs)
        try:
            with termination_interrupts():
                os.write(ready, b"!")
                while True:
                    signal.pause()
        except KeyboardInterrupt:
            os.write(1, b"interrupted; the agent stands in out\n")
            os.write(2, b"and so on\n")
            return 130

    ours, theirs = pty.openpty()
    told, ready = os.pipe()
    pid = os.fork()
    if not pid:
        status = 99
        try:
            status = command()
        finally:
            os._exit(status)
    os.close(theirs)
    assert os.read(told, 1) == b"!"
    os.close(ours)  # the terminal is closed
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    os.close(told)
    os.close(ready)
