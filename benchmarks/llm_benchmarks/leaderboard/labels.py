"""What makes two runs one row of a table, and the words that tell rows apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llm_benchmarks.records.record import Record
from llm_benchmarks.records.trained_on import reward_label, short
from llm_benchmarks.records.values import canonical_json, flatten

_SHOWN = 3


def configuration(record: Record, others: Iterable[Record] = ()) -> dict[str, Any]:
    """Everything that was chosen for a run but its seed, flattened.

    Args:
        record: The run.
        others: Runs of the same table. A run that failed before its environment was made knows neither
            its reward's signature nor how many examples there are, and takes those of a run like it.
    """
    agent, training, evaluation = record.spec.agent, record.spec.training, record.evaluation
    base, config = agent.base_model, dict(agent.config)
    model = None if base is None else base["name"]
    if config.get("seed") == record.training_seed:
        config.pop("seed", None)
    if base and base["hash"] and base.get("source", "folder") == "folder":  # whatever the path to it
        model = base["hash"][:12]
        config.pop("model", None)
    chosen = {
        "agent": agent.name,
        "steps": 0 if training is None else training.total_timesteps,
        "track": agent.track,
        "base_model": model,
        "deterministic": evaluation.deterministic,
        "decoding": evaluation.decoding,
        "episodes": _episodes(record, others),
        "trials": agent.trials,
        "config": config,
        "reward_timing": None if training is None else training.reward_timing,
        "reward_signature": _signature(record, others),
    }
    leaf = {"reward": None if training is None else training.reward.spec}  # one thing, not its parts
    return dict(flatten(chosen)) | leaf


def labels(
    configurations: Mapping[str, Mapping[str, Any]], variants: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """A label for every row: its variant, or what differs from the other rows of the same agent.

    Args:
        configurations: Row key -> `configuration`.
        variants: Row key -> the variants that its runs say, without empty ones.

    Returns:
        Row key -> such as "no warm start" or "reward=bleu steps=20000". It is empty where an agent has a
        single row and no variant. Equal labels of one agent get the beginning of their keys.
    """
    found: dict[str, str] = {}
    for agent in dict.fromkeys(one["agent"] for one in configurations.values()):
        rows = {key: one for key, one in configurations.items() if one["agent"] == agent}
        differ = _differing(rows.values())
        given = {key: ", ".join(variants[key]) or _label(one, differ) for key, one in rows.items()}
        times = Counter(given.values())
        for key, label in given.items():
            found[key] = f"{label} #{key[:6]}".strip() if times[label] > 1 else label
    return found


_ORDER = (
    "reward",
    "steps",
    "track",
    "base_model",
    "deterministic",
    "decoding",
    "episodes",
    "config",
)

#: What an agent has seen is named before how it learned.
_DATA = ("train_fraction", "train_dataset")


def _differing(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The options in which some rows differ, most telling first."""
    rows = list(rows)
    names = sorted({name for one in rows for name in one}, key=_place)
    differ = [name for name in names if len({_canonical(one, name) for one in rows}) > 1]
    if "reward" in differ:  # says what these say again
        again = ("reward_signature", "config.reward")
        differ = [name for name in differ if name not in again and not name.startswith("config.reward.")]
    if "reward_timing" in differ:
        differ = [name for name in differ if name != "config.reward_timing"]
    return differ


def _place(name: str) -> tuple[int, bool, str]:
    path = name.split(".")
    place = _ORDER.index(path[0]) if path[0] in _ORDER else len(_ORDER)
    return (place, path[-1] not in _DATA, name)


def _canonical(one: Mapping[str, Any], name: str) -> bytes:
    return canonical_json([one[name]]) if name in one else b""


def _label(one: Mapping[str, Any], differ: Sequence[str]) -> str:
    present = [name for name in differ if name in one]
    told = {
        name: reward_label(one[name]) if name == "reward" else short(one[name]) for name in present[:_SHOWN]
    }
    words = [f"{name.removeprefix('config.')}={text}" for name, text in told.items()]
    if len(present) > _SHOWN:
        words.append(f"+{len(present) - _SHOWN} more")
    return " ".join(words)


def _episodes(record: Record, others: Iterable[Record]) -> int | None:
    episodes = record.evaluation.episodes
    if episodes is None:
        for other in others:
            if other.evaluation.episodes is not None and other.spec.agent.name == record.spec.agent.name:
                return other.evaluation.episodes
    return episodes


def _signature(record: Record, others: Iterable[Record]) -> str | None:
    training = record.spec.training
    if training is None:
        return None
    reward = training.reward
    if reward.signature is None and reward.spec is not None:
        for other in others:
            its = other.spec.training
            if its is not None and its.reward.spec == reward.spec and its.reward.signature is not None:
                return its.reward.signature
    return reward.signature
