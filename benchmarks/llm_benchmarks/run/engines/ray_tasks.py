"""The engine `ray`: a cell is a Ray task, on this machine or anywhere in a cluster.

The task yields the events of the cell (a streaming generator), so progress arrives while the cell runs. Ray
schedules: a task takes as many CPUs as the cell has threads, and one GPU where the cluster has some. Ray
itself retries nothing, because the suite does.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from llm_baselines.configuration.options import make_config, option
from llm_baselines.storage.locks import Lock
from llm_benchmarks.run.devices import wants_gpu
from llm_benchmarks.run.engines.engine import Death, EngineError, Events, Request
from llm_benchmarks.run.engines.node import run_here
from llm_benchmarks.run.engines.remote_cell import RemoteCell
from llm_benchmarks.run.limits import Limits
from llm_benchmarks.run.suite import Run
from llm_envs.checks.extras import require

_ALL = 1_000_000  # cells that wait in Ray's queue at most
_HERE = "local"  # Ray's name for a cluster of this machine, started for this process
_PATIENCE = 10.0  # seconds for a cluster to answer
_OBJECT_STORE = 100 * 2**20  # bytes; events are small


@dataclass(frozen=True, kw_only=True)
class RayOptions:
    """Options of the engine `ray`."""

    address: str = option("", "address of a cluster, or auto; by default RAY_ADDRESS, or this machine alone")
    gpus: float | None = option(None, "GPUs of a cell; by default one where there are some", at_least=0)


def resources_of(
    run: Run, limits: Limits, options: RayOptions, nodes: list[Mapping[str, float]]
) -> dict[str, Any]:
    """Returns the resources of a task, as `ray.remote` takes them.

    Args:
        run: How the suite's cells are run.
        limits: What a cell may use. Its memory is reserved.
        options: Options of the engine.
        nodes: The resources of each machine in the cluster.
    """
    has_gpus = any(node.get("GPU", 0) for node in nodes)
    gpus = options.gpus if options.gpus is not None else float(has_gpus and wants_gpu(run.device))
    reserved = {"memory": limits.memory_bytes} if limits.memory_bytes else {}
    return {"num_cpus": run.threads, "num_gpus": gpus, **reserved}


def check_room(resources: Mapping[str, float], nodes: list[Mapping[str, float]]) -> None:
    """Checks that some machine has the resources of a task, which would wait forever otherwise.

    Args:
        resources: From `resources_of`.
        nodes: The resources of each machine.

    Raises:
        EngineError: No machine has them.
    """
    names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
    needed = {names[name]: amount for name, amount in resources.items()}
    if not any(all(node.get(name, 0) >= amount for name, amount in needed.items()) for node in nodes):
        most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in needed}
        wanted, had = (
            ", ".join(
                f"{amount:,.0f} bytes of memory" if k == "memory" else f"{amount:g} {k}"
                for k, amount in d.items()
            )
            for d in (needed, most)
        )
        raise EngineError(
            f"a cell asks Ray for {wanted}, and this machine has {had}; lower [run] threads, "
            "--engine-set gpus or --cell-memory"
        )


class RayEngine:
    """Runs cells as Ray tasks.

    Args:
        run: How the suite's cells are run.
        limits: What a cell may use.
        settings: Values of `RayOptions` by name.

    Raises:
        MissingExtra: Ray is not installed.
        ValueError: A setting is unknown or wrong.
        EngineError: There is no cluster at the address, or this machine alone cannot run a cell.
    """

    queues = True
    slots = _ALL

    def __init__(self, run: Run, limits: Limits, settings: Mapping[str, Any]) -> None:
        options = make_config(RayOptions, settings)
        require("ray", ("ray",), "--engine ray")
        address = options.address or os.environ.get("RAY_ADDRESS", "") or _HERE
        self._owns_ray = _connect(address, run.threads)
        import ray

        self._ray = ray
        try:
            nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            resources = resources_of(run, limits, options, nodes)
            if address == _HERE:  # a cluster may grow
                check_room(resources, nodes)
            self._task = ray.remote(num_returns="streaming", max_retries=0, **resources)(_task)
        except BaseException:
            self.close()
            raise
        self._running: dict[Any, RemoteCell] = {}  # by generator
        self._has_work = threading.Event()
        self._is_closed = False
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, request: Request, lock: Lock, events: Events) -> RemoteCell:
        """Queues a task for a cell."""
        lock.release()  # the machine of the cell takes it
        try:
            generator = self._task.remote(request.to_dict())
        except Exception as error:
            raise EngineError(f"Ray takes no task: {error}") from error

        def cancel(force: bool) -> None:
            with suppress(Exception):  # it may have ended
                self._ray.cancel(generator, force=force)

        cell = RemoteCell(events, cancel)
        self._running[generator] = cell
        self._has_work.set()
        return cell

    def close(self) -> None:
        """Ends Ray, unless it was there before."""
        self._is_closed = True
        if self._owns_ray:
            self._ray.shutdown()

    def _listen(self) -> None:
        """Passes the events of all tasks on, until the engine is closed."""
        while not self._is_closed:
            waiting = list(self._running)
            if not waiting:
                self._has_work.wait(0.5)
                self._has_work.clear()
                continue
            try:
                ready, _ = self._ray.wait(waiting, num_returns=1, timeout=0.5, fetch_local=False)
            except Exception as error:  # Ray itself is gone
                for generator in waiting:
                    self._running.pop(generator).end(_lost(error))
                continue
            for generator in ready:
                self._take(generator)

    def _take(self, generator: Any) -> None:
        """Passes the next event of a task on, or its end."""
        try:
            event = self._ray.get(next(generator))
        except StopIteration:
            self._running.pop(generator).end()
        except Exception as error:
            self._running.pop(generator).end(_lost(error))
        else:
            self._running[generator].receive(event)


def _task(request: dict[str, Any]) -> Any:
    """Runs a cell; Ray calls it on a machine of the cluster."""
    yield from run_here(Request.from_dict(request))


def _lost(error: Exception) -> Death:
    """Returns the death of a cell whose task Ray lost: its worker or machine died."""
    message = f"its Ray worker was lost: {(str(error).strip().splitlines() or [''])[0]}"
    return Death({"type": type(error).__name__, "message": message, "traceback": str(error)[-4000:]}, True)


def _connect(address: str, threads: int) -> bool:
    """Connects this process to Ray, or starts Ray on this machine for the address `_HERE`.

    Returns:
        False if the process was connected already.

    Raises:
        EngineError: There is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    import ray

    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == _HERE:
        cpus = max(os.cpu_count() or 1, threads)
        options |= {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        _knock(address)
        ray.init(address=address, **options)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise EngineError(
            f"no Ray cluster can be reached at {address!r}: {reason}; start one with `ray start --head`, or "
            "leave the address and RAY_ADDRESS out to use this machine"
        ) from None
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)  # Ray's handler would lose what runs
    return True


def _knock(address: str) -> None:
    """Checks that somebody listens at HOST:PORT; Ray itself would try for minutes.

    Raises:
        OSError: Nobody does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
