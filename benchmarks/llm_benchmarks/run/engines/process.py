"""The engine `process`: cells run in processes of this machine."""

from __future__ import annotations

from collections.abc import Sequence

from llm_baselines.storage.locks import Lock
from llm_benchmarks.run.cell_process import CellProcess
from llm_benchmarks.run.devices import VISIBLE, least_used
from llm_benchmarks.run.engines.engine import Events, Request


class ProcessEngine:
    """Runs cells on this machine.

    Args:
        slots: Cells at the same time.
        gpus: From `gpus_here`: each cell gets one, the least used.
    """

    queues = False

    def __init__(self, slots: int, gpus: Sequence[str] = ()) -> None:
        self.slots = slots
        self._gpus = gpus
        self._placed: list[tuple[CellProcess, str]] = []

    def start(self, request: Request, lock: Lock, events: Events) -> CellProcess:
        """Starts the process of a cell."""
        self._placed = [(process, gpu) for process, gpu in self._placed if not process.has_ended]
        gpu = least_used(self._gpus, [gpu for _, gpu in self._placed])
        process = CellProcess(request, lock, events, {} if gpu is None else {VISIBLE: gpu})
        if gpu is not None:
            self._placed.append((process, gpu))
        return process

    def close(self) -> None:
        """Does nothing: the processes have ended."""
