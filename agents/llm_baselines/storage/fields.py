"""The fields of agent.json, training.json and state.json: what each must be before anything is made from it.

A manifest's hashes say that a file is as it was written, not that it was written well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from llm_baselines.agent import TrainingReport
from llm_baselines.storage.sealed_folder import AgentFolderError

Kind = tuple[str, Callable[[Any], bool]]
"""What a field must be, in words, and whether a value is that."""

LARGEST = 2**53


def is_count(value: Any) -> bool:
    """Whether a value is a whole number of at least 0 that a float can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def is_number(value: Any) -> bool:
    """Whether a value is a number; JSON that was read within bounds has finite ones only."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_curve(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, dict) and {"timesteps", "seconds"} <= row.keys() and all(map(is_number, row.values()))
        for row in value
    )


TEXT: Kind = ("a text", lambda value: isinstance(value, str))
FLAG: Kind = ("true or false", lambda value: isinstance(value, bool))
SEED: Kind = ("a seed, 0 or above", _is_seed)
COUNT: Kind = ("a whole number, 0 or above", is_count)
NUMBER: Kind = ("a number", is_number)
TABLE: Kind = ("an object", lambda value: isinstance(value, dict))
NUMBERS: Kind = ("a list of numbers", lambda value: isinstance(value, list) and all(map(is_number, value)))
COUNTS: Kind = (
    "a list of whole numbers",
    lambda value: isinstance(value, list) and all(map(is_count, value)),
)
TABLE_OF_TEXTS: Kind = (
    "an object of texts",
    lambda value: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
)
TRACK: Kind = (
    "scratch, demonstrations or pretrained",
    ("scratch", "demonstrations", "pretrained").__contains__,
)
ANYTHING: Kind = ("anything", lambda value: True)
TABLE_OF_COUNTS: Kind = (
    "an object of whole numbers",
    lambda value: isinstance(value, dict) and all(map(is_count, value.values())),
)
TABLE_OF_NUMBERS: Kind = (
    "an object of numbers",
    lambda value: isinstance(value, dict) and all(v is None or is_number(v) for v in value.values()),
)
SUMS: Kind = (
    "an object of lists of numbers",
    lambda value: isinstance(value, dict) and all(map(NUMBERS[1], value.values())),
)
CURVE: Kind = ("a list of objects of numbers, with timesteps and seconds", _is_curve)


def or_null(kind: Kind) -> Kind:
    """The same, or null."""
    words, holds = kind
    return f"{words}, or null", lambda value: value is None or holds(value)


AGENT: Mapping[str, Kind] = {
    "context_length": or_null(COUNT),
    "vocabulary_size": or_null(COUNT),
    "observation_space": TABLE,
    "action_space": COUNT,
    "tokenizer_hash": or_null(TEXT),
    "reference_identity": or_null(TEXT),
    "rounds": COUNT,
    "begun": FLAG,
    "state": TABLE_OF_NUMBERS,
    "reward_is_kept": FLAG,
    "model_config": TABLE,
    "ids": COUNTS,
    "text": or_null(TEXT),
    "counts": TABLE_OF_COUNTS,
    "report": TABLE,
}
"""Fields of agent.json beside its run; which of them an agent needs is its own `load`'s to say."""

TRAINING: Mapping[str, Kind] = {
    "status": TEXT,
    "report": or_null(TABLE),
    "files": or_null(TABLE_OF_TEXTS),
    "started_at": or_null(TEXT),
    "finished_at": or_null(TEXT),
}
"""Fields of training.json beside its run."""

CHECKPOINT: Mapping[str, Kind] = {
    "tokens": TABLE,
    "reference_identity": or_null(TEXT),
    "threads": COUNT,
    "torch": TEXT,
    "round": COUNT,
    "num_timesteps": COUNT,
    "report": TABLE,
    "best_score": or_null(NUMBER),
    "next_eval": NUMBER,
    "next_checkpoint": NUMBER,
    "episodes": NUMBERS,
    "lengths": NUMBERS,
    "sums": SUMS,
    "latest": TABLE_OF_NUMBERS,
    "callbacks": TABLE,
    "reward_watch": TABLE,
    "exact": FLAG,
    "learner": TABLE_OF_NUMBERS,
}
"""Fields of a language agent's state.json beside its run."""

LATER = frozenset({"latest", "reward_watch", "exact"})
"""Fields that checkpoints of earlier versions lack."""

SB3_CHECKPOINT: Mapping[str, Kind] = {
    name: CHECKPOINT[name] for name in ("tokens", "report", "best_score", "reward_watch")
}
"""Fields of the state of a Stable-Baselines3 agent beside its run."""

_REPORT: Mapping[str, Kind] = {
    "environment_steps": COUNT,
    "gradient_steps": COUNT,
    "tokens": COUNT,
    "reward_calls": COUNT,
    "seconds": NUMBER,
    "parameters": COUNT,
    "curve": CURVE,
    "kept_timesteps": or_null(NUMBER),
}


def check_fields(
    table: Mapping[str, Any],
    kinds: Mapping[str, Kind],
    place: object,
    needed: Iterable[str] = (),
    *,
    path: str = "",
) -> None:
    """Checks the fields of an object from a file, and its "report" where it has one.

    Args:
        table: The object; fields that `kinds` does not know pass.
        kinds: Field -> what it must be where it is present.
        place: The file, for errors.
        needed: Fields that must be present.
        path: Where the object stands in the file, for errors; empty at the top.

    Raises:
        AgentFolderError: Naming file, field and fault.
    """
    where = f"'{place}': {path}." if path else f"'{place}': "
    for name in needed:
        if name not in table:
            raise AgentFolderError(f"{where}{name}: is missing")
    for name, (words, holds) in kinds.items():
        if name in table and not holds(table[name]):
            raise AgentFolderError(f"{where}{name}: {_short(table[name])} is not {words}")
    report = table.get("report")
    if "report" in kinds and report is not None:
        known = {field.name for field in fields(TrainingReport)}
        for name in sorted(report.keys() - known):
            raise AgentFolderError(f"{where}report.{name}: is no field of a report")
        for name, (words, holds) in _REPORT.items():
            if name in report and not holds(report[name]):
                raise AgentFolderError(f"{where}report.{name}: {_short(report[name])} is not {words}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
