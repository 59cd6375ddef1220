"""`llm-envs leaderboard quarantine` and `supersede`: records leave the tables, and nothing is deleted."""

from __future__ import annotations

import json as json_library
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.commands.options import Json, Store
from llm_benchmarks.console.input import InputError, bad_input, existing_store

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept beside the record.")]


def quarantine(
    store: Store,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECORD]...", help="Ids of records, or their beginnings; damaged ones by default."
        ),
    ] = None,
    reason: Reason = None,
    list_only: Annotated[bool, typer.Option("--list", help="Show what is in quarantine.")] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Move the named records back, if they are whole now.")
    ] = False,
    json: Json = False,
) -> None:
    """Moves damaged records, or the named ones, into STORE/quarantine; nothing is deleted."""
    if list_only and (ids or restore or reason is not None):
        raise InputError("--list moves nothing: give it alone")
    if restore and not ids:
        raise InputError("--restore needs the ids of records; --list shows them")
    if restore and reason is not None:
        raise InputError("--restore takes no --reason")
    if ids and not restore and reason is None:
        raise InputError("records that are named need a --reason, because they may be whole")
    place = existing_store(store)
    if list_only:
        raise typer.Exit(_list(place, json))
    if restore:
        raise typer.Exit(_restore(place, ids or [], json))
    raise typer.Exit(_quarantine(place, ids or [], reason, json))


def supersede(
    store: Store,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[OLD]...", help="Records that are corrected; ids or beginnings."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="RECORD", help="The completed record in their place.")
    ] = None,
    reason: Reason = None,
    list_only: Annotated[bool, typer.Option("--list", help="Show what is superseded.")] = False,
    json: Json = False,
) -> None:
    """Lets a record correct earlier ones of its agent, environment and seed, which then leave the tables."""
    from llm_benchmarks.records.corrections import supersede as write_correction
    from llm_benchmarks.records.store import RecordStore
    from llm_envs.foreign import shown

    if list_only:
        if ids or by is not None or reason is not None:
            raise InputError("--list changes nothing: give it alone")
        raise typer.Exit(_list_superseded(existing_store(store), json))
    if not ids or by is None or reason is None:
        raise InputError("give the OLD records, --by RECORD and --reason TEXT")
    with bad_input():
        id = write_correction(RecordStore(existing_store(store)), ids, by, reason)
    if json:
        print(json_library.dumps({"record": id, "supersedes": ids}, indent=2))
    else:
        print(shown(f"record {id[:12]} supersedes {', '.join(ids)}", None))


def add_to(leaderboard: typer.Typer) -> None:
    """Adds the commands of this file."""
    leaderboard.command("quarantine")(quarantine)
    leaderboard.command("supersede")(supersede)


def _quarantine(store: Path, ids: list[str], reason: str | None, json: bool) -> int:
    from llm_benchmarks.console.report import complain
    from llm_benchmarks.records.quarantine import damaged
    from llm_benchmarks.records.quarantine import quarantine as move
    from llm_benchmarks.records.store import RecordStore

    records = RecordStore(store)
    unread: dict[str, str] = {}
    if ids:
        with bad_input():
            chosen = dict.fromkeys(records.whole_ids(ids), reason or "")
    else:
        chosen, unread = damaged(records)
        if reason is not None:
            chosen = {id: f"{reason} ({why})" for id, why in chosen.items()}
    with bad_input():
        moved = [one for id, why in chosen.items() if (one := move(records, id, why)) is not None]
    if json:
        print(json_library.dumps({"moved": [asdict(one) for one in moved], "unread": unread}, indent=2))
    else:
        _say(f"moved {one.record[:12]}: {one.reason}" for one in moved)
        _say([f"{len(moved)} {'record' if len(moved) == 1 else 'records'} moved to '{store / 'quarantine'}'"])
    for id, why in unread.items():
        complain(f"record {id[:12]} cannot be read now and stays: {why}")
    return 1 if unread else 0


def _restore(store: Path, ids: list[str], json: bool) -> int:
    from llm_benchmarks.console.report import complain
    from llm_benchmarks.records.quarantine import restore
    from llm_benchmarks.records.store import RecordStore
    from llm_benchmarks.records.values import RecordError

    restored, still_damaged = [], {}
    for id in ids:
        try:
            restored.append(restore(RecordStore(store), id))
        except RecordError as error:
            still_damaged[id] = str(error)
        except (KeyError, OSError) as error:
            with bad_input():
                raise error
    if json:
        print(json_library.dumps({"restored": restored, "damaged": still_damaged}, indent=2))
    else:
        _say(f"restored {id[:12]}" for id in restored)
    for id, why in still_damaged.items():
        complain(f"record {id[:12]} is still damaged and stays in quarantine: {why}")
    return 1 if still_damaged else 0


def _list(store: Path, json: bool) -> int:
    from llm_benchmarks.console.report import complain
    from llm_benchmarks.records.quarantine import quarantined
    from llm_benchmarks.records.store import RecordStore

    problems: dict[str, str] = {}
    found = quarantined(RecordStore(store), problems)
    if json:
        print(json_library.dumps({"quarantined": [asdict(one) for one in found]}, indent=2))
    else:
        _say(f"{one.record[:12]} {one.moved_at}: {one.reason}" for one in found)
        _say([] if found else [f"nothing is in quarantine in '{store}'"])
    for name, why in problems.items():
        complain(f"quarantine/{name}: {why}")
    return 1 if problems else 0


def _list_superseded(store: Path, json: bool) -> int:
    from llm_benchmarks.console.report import tell_problems
    from llm_benchmarks.records.corrections import superseded
    from llm_benchmarks.records.store import RecordStore

    problems: dict[str, str] = {}
    records = RecordStore(store).records(problems)
    tell_problems(problems)
    by_id = {record.id: record for record in records}
    found = [
        {"record": old, "by": new, "reason": by_id[new].data["supersedes"]["reason"]}
        for old, new in sorted(superseded(records).items())
    ]
    if json:
        print(json_library.dumps({"superseded": found}, indent=2))
    else:
        _say(f"{one['record'][:12]} by {one['by'][:12]}: {one['reason']}" for one in found)
        _say([] if found else [f"no record is superseded in '{store}'"])
    return 1 if problems else 0


def _say(lines: Iterable[str]) -> None:
    from llm_envs.foreign import shown

    for line in lines:
        print(shown(line, None))
