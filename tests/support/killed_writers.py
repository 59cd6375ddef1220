"""Processes that write records and are killed at random moments. What they were told is written is noted.

Run as a script it is the process that forks them: `killed_writers.py STORE WRITERS RECORDS SEED`. It prints a
JSON object: the acknowledged ids, and how many processes were killed.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

import made_up

from llm_benchmarks.records.checkpoint import checkpoint_hash
from llm_benchmarks.records.store import RecordStore

_DELAY = 0.04  # seconds within which a writer is killed in the midst of its next record or two


def record(number: int):
    """A record, its episodes, and for every third the files of a checkpoint."""
    made, rows = made_up.run(f"agent {number % 7}", number, [0.1, 0.2, 0.3, number % 100 / 100])
    files = {f"checkpoint/{k}.json": json.dumps([number, k] * 500).encode() for k in range(number % 3)}
    if files:
        made["facts"]["checkpoint_hash"] = checkpoint_hash(files)
    return made, rows, files


def _write(store: str, numbers: list[int], told: int) -> None:
    """Writes records, and tells the id of each as soon as `write` has returned."""
    for number in numbers:
        os.write(told, RecordStore(store).write(*record(number)).encode() + b"\n")


class _Writer:
    """A forked process that writes records, and is killed some time after it wrote a number of them."""

    def __init__(self, store: str, numbers: list[int], dies_after: int, delay: float) -> None:
        self.numbers, self._dies_after, self._delay = numbers, dies_after, delay
        self._dies_at: float | None = None
        self.acknowledged: list[str] = []
        self.pipe, told = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            status = 70
            try:
                _write(store, numbers, told)
                status = 0
            finally:
                os._exit(status)
        os.close(told)
        self._left = b""

    def ended(self) -> bool:
        """Reads what it told; kills it when its time has come. Returns True at its end."""
        if self._dies_at is None and len(self.acknowledged) >= self._dies_after:
            self._dies_at = time.monotonic() + self._delay
        if self._dies_at is not None and time.monotonic() > self._dies_at:
            os.kill(self.pid, signal.SIGKILL)
        while select.select([self.pipe], [], [], 0)[0]:
            data = os.read(self.pipe, 1 << 16)
            if not data:
                os.close(self.pipe)
                self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                return True
            self._left += data
        *lines, self._left = self._left.split(b"\n")
        self.acknowledged += [line.decode() for line in lines]
        return False

    def rest(self) -> list[int]:
        """What it did not acknowledge."""
        *lines, _ = self._left.split(b"\n")
        self.acknowledged += [line.decode() for line in lines]
        return self.numbers[len(self.acknowledged) :]


def main(store: str, writers: int, records: int, seed: int) -> None:
    """Keeps the writers going until every record is acknowledged; most of them are killed on the way."""
    rng = random.Random(seed)
    shares = [list(range(records))[k::writers] for k in range(writers)]
    acknowledged: list[str] = []
    killed = 0

    def begin(numbers: list[int]) -> _Writer:
        return _Writer(store, numbers, rng.randrange(12), rng.uniform(0, _DELAY))

    working = [begin(numbers) for numbers in shares]
    while working:
        select.select([writer.pipe for writer in working], [], [], 0.002)
        for writer in [writer for writer in working if writer.ended()]:
            working.remove(writer)
            rest = writer.rest()
            acknowledged += writer.acknowledged
            killed += writer.status == -signal.SIGKILL
            if writer.status not in (0, -signal.SIGKILL):
                raise SystemExit(f"a writer ended with {writer.status}")
            if rest:
                working.append(begin(rest))
    print(json.dumps({"acknowledged": acknowledged, "killed": killed}))


if __name__ == "__main__":
    main(str(Path(sys.argv[1])), *map(int, sys.argv[2:]))
