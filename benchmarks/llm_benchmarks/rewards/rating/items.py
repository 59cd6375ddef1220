"""What people are asked to judge: two texts for a prompt, or one; from a store of records or from a file."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llm_benchmarks.leaderboard.compare import apart, row_name
from llm_benchmarks.leaderboard.tables import Table, leaderboard_tables
from llm_benchmarks.records.store import RecordStore
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.data.files.local import open_table
from llm_envs.foreign import shown

Scale = Literal["pairs", "absolute"]
SCALES: tuple[Scale, ...] = ("pairs", "absolute")


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        prompt: The prompt.
        texts: Two texts to compare, or one to rate.
        agents: Who wrote each; "" if unknown. The page does not show it.
    """

    prompt: str
    texts: tuple[str, ...]
    agents: tuple[str, ...]

    @property
    def id(self) -> str:
        """16 hexadecimal digits over prompt, texts and agents."""
        content = json.dumps([self.prompt, self.texts, self.agents]).encode()
        return hashlib.sha256(content).hexdigest()[:16]


def items_hash(items: Iterable[Item]) -> str:
    """Returns 16 hexadecimal digits over all items in their order."""
    return hashlib.sha256("".join(item.id for item in items).encode()).hexdigest()[:16]


def items_of_file(file: Path, scale: Scale, seed: int, n: int | None) -> list[Item]:
    """Reads items from a .jsonl, .csv, .tsv or .parquet file, and shuffles them.

    Args:
        file: Rows of `prompt`, `a` and `b` for pairs, with `agent_a` and `agent_b` if known; for the absolute
            scale also rows of `prompt`, `text` and `agent`.
        scale: Pairs, or single texts.
        seed: Seed of the order.
        n: The most items; None for all.

    Raises:
        ValueError: A row lacks a column or holds something else than text, or nothing is left to compare.
        OSError: The file cannot be read.
    """
    items: list[Item] = []
    columns = ["prompt", "a", "b", "text", "agent", "agent_a", "agent_b"]
    for number, row in open_table(file).scan(columns):
        single = scale == "absolute" and "text" in row
        needed = ("prompt", "text") if single else ("prompt", "a", "b")
        place = f"{file}: row {number}"
        texts = tuple(_text(row, name, place) for name in needed)[1:]
        names = ("agent",) if single else ("agent_a", "agent_b")
        agents = tuple("" if row.get(name) is None else _text(row, name, place) for name in names)
        items.append(Item(_text(row, "prompt", place), texts, agents))
    return _ready(items, scale, seed, n, f"'{file}'")


def _text(row: Mapping[str, Any], name: str, place: str) -> str:
    if name not in row:
        raise ValueError(f"{place} has no {name!r}; it has {', '.join(map(str, row))}")
    if not isinstance(row[name], str):
        raise ValueError(f"{place}: {name!r} is {shown(repr(row[name]), 60)}, which is no text")
    return str(row[name])


def items_of_store(
    store: Path,
    env: str,
    scale: Scale,
    seed: int,
    n: int | None,
    *,
    experiment: str | None = None,
    agents: Sequence[str] = (),
    problems: dict[str, str] | None = None,
) -> list[Item]:
    """Makes items of the texts of a store. A pair has texts of two rows of the leaderboard for one prompt.

    Every two rows are compared equally often, as far as they share prompts. Of several runs of a row, one is
    drawn for each item.

    Args:
        store: Folder of the records.
        env: Environment id.
        scale: Pairs, or single texts.
        seed: Seed of the choice and the order.
        n: The most items; None for all.
        experiment: Only the runs of this experiment, and the anchors of their tables.
        agents: Only rows of these agents; all if empty.
        problems: Receives id -> what is wrong, for each unreadable record.

    Raises:
        ValueError: There are too few rows, or they share no prompt with different texts.
    """
    records = RecordStore(store)
    tables = leaderboard_tables(records.records(problems if problems is not None else {}), env, experiment)
    present = sorted({row.agent for table in tables for row in table.rows})
    for agent in agents:
        if agent not in present:
            raise ValueError(
                f"no record of agent {agent!r} on {env} in '{store}'{did_you_mean(agent, present)}"
            )
    written = _texts_of_rows(records, tables, agents)
    where = f"{env} in '{store}'"
    if len(written) < (2 if scale == "pairs" else 1):
        names = ", ".join(map(shown, written)) or "none"
        raise ValueError(f"rows with texts on {where}: {names}; pairs need two agents")
    rng = random.Random(seed)
    items = _pairs(written, rng) if scale == "pairs" else _singles(written, rng)
    return _ready(items, scale, seed, n, where)


def _texts_of_rows(
    records: RecordStore, tables: Sequence[Table], agents: Sequence[str]
) -> dict[str, dict[str, list[str]]]:
    """Returns row -> prompt -> texts."""
    rows = [
        (table, row)
        for table in tables
        for row in table.rows
        if row.records and row.score is not None and agents_allow(agents, row.agent)
    ]
    times = Counter(row_name(row) for _, row in rows)
    written: dict[str, dict[str, list[str]]] = {}
    for table, row in rows:
        name = row_name(row)
        name = f"{name} ({apart(table)})" if times[name] > 1 and apart(table) else name
        texts = written.setdefault(name, {})
        for id in row.records:
            for episode in records.read(id).episodes():
                texts.setdefault(episode["source"], []).append(episode["text"])
    return written


def agents_allow(agents: Sequence[str], agent: str) -> bool:
    """Returns True if an agent is one of those that were asked for, or none was."""
    return not agents or agent in agents


def _pairs(written: Mapping[str, Mapping[str, Sequence[str]]], rng: random.Random) -> list[Item]:
    queues = []
    for first, second in itertools.combinations(sorted(written), 2):
        shared = sorted(written[first].keys() & written[second].keys())
        rng.shuffle(shared)
        queue = [
            Item(p, (rng.choice(written[first][p]), rng.choice(written[second][p])), (first, second))
            for p in shared
        ]
        queues.append([item for item in queue if item.texts[0] != item.texts[1]])
    return _taken_in_turns(queues)


def _singles(written: Mapping[str, Mapping[str, Sequence[str]]], rng: random.Random) -> list[Item]:
    queues = []
    for name in sorted(written):
        prompts = sorted(written[name])
        rng.shuffle(prompts)
        queues.append([Item(p, (rng.choice(written[name][p]),), (name,)) for p in prompts])
    return _taken_in_turns(queues)


def _taken_in_turns(queues: Sequence[Sequence[Item]]) -> list[Item]:
    rounds = itertools.zip_longest(*queues)
    return [item for one_round in rounds for item in one_round if item is not None]


def _ready(items: Sequence[Item], scale: Scale, seed: int, n: int | None, where: str) -> list[Item]:
    """Returns different items, the first n of them, in random order."""
    kept = dict.fromkeys(item for item in items if len(item.texts) == 1 or item.texts[0] != item.texts[1])
    if scale == "absolute":
        kept = dict.fromkeys(
            Item(item.prompt, (text,), (agent,))
            for item in items
            for text, agent in zip(item.texts, item.agents, strict=True)
        )
    found = list(kept)[:n]
    if not found:
        raise ValueError(f"{where}: there is nothing to judge; pairs need two different texts for one prompt")
    random.Random(seed).shuffle(found)
    return found
