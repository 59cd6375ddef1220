"""`llm-envs leaderboard verify`: proves the records of a store, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from llm_benchmarks.console.input import InputError, bad_input, existing_store
from llm_benchmarks.console.machine_faults import machine_fault
from llm_benchmarks.console.progress_display import ProgressDisplay
from llm_benchmarks.console.report import complain, report_console
from llm_benchmarks.records.provenance import utc_now
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_benchmarks.records.verdicts import KeptVerdict, keep_verdicts, read_verdicts, shortened
from llm_benchmarks.verification.findings import Verdict
from llm_benchmarks.verification.ladder import Ladder
from llm_benchmarks.verification.report import Told, all_hold, print_report, to_json
from llm_envs import __version__
from llm_envs.envs.ids import bare_id, find_spec

_WIDTH = 100


def run(
    ladder: Ladder,
    store: Path,
    *,
    ids: Sequence[str] = (),
    env: str | None = None,
    experiment: str | None = None,
    keep: bool = True,
    json_output: bool = False,
) -> int:
    """Verifies records, prints the report, and keeps the verdicts beside the records.

    Args:
        ladder: How to verify.
        store: Folder of the records.
        ids: Ids of records, or their first characters; all if empty.
        env: Only this environment. "module:Id-v0" imports the module, because the person typed it.
        experiment: Only the runs of this experiment.
        keep: Write verification.json.
        json_output: Print JSON.

    Returns:
        0 if all levels that were asked hold for all records, else 1.

    Raises:
        InputError: An id or the experiment is unknown, or the verdicts cannot be kept.
    """
    records = RecordStore(existing_store(store))
    with bad_input():
        chosen = records.whole_ids(ids) if ids else None
        if env is not None:
            find_spec(env)
        if keep:
            read_verdicts(records)  # a damaged file is an error before the work, not after it

    def wanted(record: Record) -> bool:
        its_env = env is None or record.spec.environment.id == bare_id(env)
        return its_env and experiment in (None, record.spec.experiment)

    told: list[Told] = []
    total = len(records.ids() if chosen is None else chosen)
    try:
        with ProgressDisplay(Console(stderr=True)) as display:
            display.add("records", "verifying", detail="reading", total=total)
            for record, verdict in ladder.verdicts(records, wanted, chosen):
                told.append(Told.of(record, verdict))
                detail = f"{len(told)} of {total} records"
                display.update("records", prefix="verifying: ", detail=detail, done=len(told), total=total)
    except KeyboardInterrupt:
        if keep and told:
            _keep(records, [entry.verdict for entry in told])
        raise
    if not told:
        raise InputError(_nothing(store, env, experiment))
    told.sort(key=lambda entry: (entry.name, entry.verdict.record))
    if json_output:
        print(to_json(told, ladder.level))
    else:
        print_report(report_console(_WIDTH), told, ladder.level)
    if keep:
        _keep(records, [entry.verdict for entry in told])
    return 0 if all_hold(told) else 1


def _nothing(store: Path, env: str | None, experiment: str | None) -> str:
    parts = [f" of {env}"] * bool(env) + [f" of experiment {experiment!r}"] * bool(experiment)
    return f"there is no record{''.join(parts)} in '{store}'; `llm-envs leaderboard show` lists what is there"


def _keep(store: RecordStore, verdicts: Sequence[Verdict]) -> None:
    """Keeps verdicts beside the records. A store that cannot be written to is told, and is no failure."""
    kept = {}
    for verdict in verdicts:
        found = verdict.to_dict()
        kept[verdict.record] = KeptVerdict(
            level=found["level"],
            tried=found["tried"],
            outcome=found["outcome"],
            reason=shortened(found["reason"]),
            release=__version__,
            verified_at=utc_now(),
        )
    try:
        keep_verdicts(store, kept)
    except (OSError, RecordError) as error:
        reason = machine_fault(error) if isinstance(error, OSError) else None
        complain(f"the verdicts were not kept: {reason or error}; --no-keep does not try")
