"""The texts that the page shows: the same prompts for every row of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm_benchmarks.leaderboard.html.token_rewards import TokenReplay
from llm_benchmarks.leaderboard.samples import spread
from llm_benchmarks.records.record import Record
from llm_benchmarks.records.token_values import FIELD, NAMES, VERSION

_LONGEST = 4000  # characters of a text or a source
_DIGITS = 4

Episode = Mapping[str, Any]


@dataclass(frozen=True)
class Played:
    """The episodes of one row that may be shown.

    Attributes:
        row: Index of the row in its table.
        record: The run that wrote the texts.
        by_example: Example -> the first episode on it.
    """

    row: int
    record: Record
    by_example: Mapping[int, Episode]


def read_played(row: int, record: Record) -> Played:
    """Reads the episodes of a row's run."""
    by_example: dict[int, Episode] = {}
    for episode in record.episodes():
        by_example.setdefault(episode["example"], episode)
    return Played(row, record, by_example)


def samples(played: Sequence[Played], n: int, replay: TokenReplay | None) -> dict[str, Any]:
    """Returns the texts of a table as JSON values.

    Args:
        played: The episodes of each row.
        n: Prompts. Prompts that most rows have played come first, at even distances in the data set.
        replay: Gives the rewards of tokens; None to leave them out.

    Returns:
        "prompts": example and source of each. "texts": one entry for each text, with the index of its row and
        prompt.
    """
    examples = shared_examples([set(rows.by_example) for rows in played], n)
    sources: dict[int, str] = {}
    texts = []
    for rows in played:
        for place, example in enumerate(examples):
            episode = rows.by_example.get(example)
            if episode is not None:
                sources.setdefault(example, _cut(episode["source"]))
                texts.append({"row": rows.row, "prompt": place, **_text(episode, replay)})
    prompts = [{"example": example, "source": sources[example]} for example in examples]
    return {"prompts": prompts, "texts": texts}


def shared_examples(played: Sequence[set[int]], n: int) -> list[int]:
    """Returns up to n examples in order, at even distances among those that most rows have played."""
    rows = Counter(example for examples in played for example in examples)
    most = max(rows.values(), default=0)
    common = sorted(example for example, count in rows.items() if count == most)
    return [row["example"] for row in spread([{"example": example} for example in common], n)]


def _text(episode: Episode, replay: TokenReplay | None) -> dict[str, Any]:
    whole = len(episode["text"]) <= _LONGEST
    tokens = replay.of(episode) if replay is not None and whole else None
    shown = {
        "text": _cut(episode["text"]),
        "reward": round(episode["reward"], _DIGITS),
        "length": episode["length"],
        "ended": episode["finish_reason"],
        "parts": _rounded(episode["reward_components"]),
        "metrics": _rounded(episode["metrics"]),
    }
    if tokens is None:
        return shown
    noted = _noted(episode)
    shown |= {"ends": list(tokens.ends), "rewards": list(tokens.rewards)}
    return {**shown, "values": noted} if noted else shown


def _noted(episode: Episode) -> dict[str, list[float]]:
    """Returns the values of an episode's tokens that its record states."""
    stated = episode.get(FIELD, {})
    if stated.get("version") != VERSION:
        return {}
    return {name: [float(f"{v:.{_DIGITS}g}") for v in stated[name]] for name in NAMES if name in stated}


def _rounded(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: round(value, _DIGITS) for name, value in values.items() if value is not None}


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text):,} characters)"
