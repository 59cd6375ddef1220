"""Times the replay of records beside the evaluation that wrote them.

Run `python benchmarks/verification_speed.py STORE`. It replays one record of each agent on each environment.
"""

from __future__ import annotations

import sys
import time

from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.verification.findings import Fails, NotVerifiable
from llm_benchmarks.verification.ground import Grounds
from llm_benchmarks.verification.replayed import check_replay


def main(store: str) -> None:
    """Prints a line for each agent on each environment: seconds of its evaluation, of V2, and their ratio."""
    first = {}
    for record in RecordStore(store).records():
        environment = record.spec.environment
        if record.status == "completed":
            first.setdefault((environment.id, record.spec.agent.name, environment.signature), record)
    grounds = Grounds()
    for (env_id, agent, _), record in sorted(first.items(), key=lambda item: item[0][:2]):
        try:
            ground, rows = grounds.of(record), record.episodes()
            check_replay(record, rows, ground)  # a first time, to load what the environment needs
            started = time.perf_counter()
            check_replay(record, rows, ground)
            seconds = time.perf_counter() - started
        except (Fails, NotVerifiable) as reason:
            print(f"{env_id} {agent}: {reason}")
            continue
        evaluation = record.cost["wall_clock_seconds"]["evaluation"]
        print(
            f"{env_id} {agent}: wrote in {evaluation:.2f} s, V2 {seconds:.3f} s, {evaluation / seconds:.1f}x"
        )


if __name__ == "__main__":
    main(sys.argv[1])
