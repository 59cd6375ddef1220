"""The badge of a row: how far `leaderboard verify` has proved its records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from llm_benchmarks.leaderboard.tables import Table
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.records.values import RecordError
from llm_benchmarks.records.verdicts import NAME, KeptVerdict, read_verdicts

LEGEND = (
    "verified: V0 unaltered, V1 rescored, V2 replayed, V3 re-evaluated, as `leaderboard verify` found it in "
    "this store; V2 proves texts and scores, not who wrote them"
)


def verdicts_of(store: RecordStore, problems: dict[str, str]) -> dict[str, KeptVerdict]:
    """Returns the verdicts of a store.

    Args:
        store: The store.
        problems: Receives what is wrong with the file of verdicts, if anything is. The result is then empty.
    """
    try:
        return read_verdicts(store)
    except RecordError as error:
        problems[NAME] = str(error)
        return {}


def badge(records: Sequence[str], verdicts: Mapping[str, KeptVerdict]) -> str:
    """Returns the badge of a row: that of its weakest record.

    Args:
        records: Ids of the row's completed records.
        verdicts: Id -> verdict.

    Returns:
        Such as "V2"; "fails V1" if a record fails; "" if a record has not been verified.
    """
    found = [verdicts.get(id) for id in records]
    failed = [verdict for verdict in found if verdict is not None and verdict.outcome == "fails"]
    if failed:
        return min(failed, key=lambda verdict: verdict.tried).badge
    levels = [-1 if verdict is None or verdict.level is None else verdict.level for verdict in found]
    return f"V{min(levels)}" if levels and min(levels) >= 0 else ""


def with_badges(tables: Iterable[Table], store: RecordStore, problems: dict[str, str]) -> tuple[Table, ...]:
    """Returns the tables of a store with a badge on every row whose records were all verified.

    Args:
        tables: The tables, scored by the records' own rewards.
        store: Keeps the verdicts.
        problems: As for `verdicts_of`.
    """
    verdicts = verdicts_of(store, problems)
    return tuple(
        replace(table, rows=tuple(replace(row, verified=badge(row.records, verdicts)) for row in table.rows))
        for table in tables
    )
