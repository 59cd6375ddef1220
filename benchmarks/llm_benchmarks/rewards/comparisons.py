"""Reads comparisons of texts: judgements of `llm-envs rate`, or tables of two usual forms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from llm_benchmarks.rewards.comparison_features import Comparison
from llm_benchmarks.rewards.rating.judgements import Judgement, is_judgements, read_judgements
from llm_benchmarks.rewards.rating.report import value_of
from llm_envs.data.files.local import open_table
from llm_envs.foreign import shown

_SHARES = {"a": 1.0, "b": 0.0, "tie": 0.5}


def read_comparisons(file: Path) -> list[Comparison]:
    """Returns the comparisons of a file.

    Args:
        file: Judgements of `llm-envs rate`. Of ratings, every two texts that one rater gave different numbers
            for one prompt are a comparison. Or a .jsonl, .csv, .tsv or .parquet file with rows of `prompt`,
            `chosen` and `rejected`, or of `prompt`, `a`, `b` and `choice` ("a", "b", "tie" or "skip").

    Raises:
        ValueError: A row lacks a column, or holds something else than text.
        OSError: The file cannot be read.
    """
    if is_judgements(file):
        said = read_judgements(file)
        judged = [one for one in said.all() if one.choice != "skip"]
        if said.asked.scale == "absolute":
            return list(_of_ratings(judged))
        return [Comparison(one.prompt, one.texts[0], one.texts[1], value_of(one)) for one in judged]
    rows = open_table(file).scan(["prompt", "chosen", "rejected", "a", "b", "choice"])
    found = (_of_row(row, f"{file}: row {number}") for number, row in rows)
    return [comparison for comparison in found if comparison is not None]


def _of_ratings(judged: Sequence[Judgement]) -> Iterator[Comparison]:
    groups: dict[tuple[str, str], list[Judgement]] = {}
    for one in judged:
        groups.setdefault((one.rater, one.prompt), []).append(one)
    for (_, prompt), group in groups.items():
        for one, other in itertools.combinations(group, 2):
            if one.choice != other.choice:
                share = float(value_of(one) > value_of(other))
                yield Comparison(prompt, one.texts[0], other.texts[0], share)


def _of_row(row: Mapping[str, Any], place: str) -> Comparison | None:
    if "chosen" in row or "rejected" in row:
        prompt, chosen, rejected = (_text(row, name, place) for name in ("prompt", "chosen", "rejected"))
        return Comparison(prompt, chosen, rejected, 1.0)
    prompt, a, b, choice = (_text(row, name, place) for name in ("prompt", "a", "b", "choice"))
    if choice == "skip":
        return None
    if choice not in _SHARES:
        raise ValueError(f"{place}: 'choice' is {shown(repr(choice), 60)}; 'a', 'b', 'tie' or 'skip'")
    return Comparison(prompt, a, b, _SHARES[choice])


def _text(row: Mapping[str, Any], name: str, place: str) -> str:
    if name not in row:
        raise ValueError(f"{place} has no {name!r}; it has {', '.join(map(str, row))}")
    if not isinstance(row[name], str):
        raise ValueError(f"{place}: {name!r} is {shown(repr(row[name]), 60)}, which is no text")
    return str(row[name])
