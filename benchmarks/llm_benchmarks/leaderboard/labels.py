"""Decides which runs make one row of a table, and labels the rows of one agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llm_benchmarks.records.record import Record
from llm_benchmarks.records.trained_on import reward_label, short
from llm_benchmarks.records.values import canonical_json, flatten

_SHOWN = 3
_PLAIN = (str, int, float, bool, type(None))


def configuration(record: Record, others: Iterable[Record] = ()) -> dict[str, Any]:
    """Returns the choices of a run without its seed, flattened. Runs with equal choices make one row.

    Args:
        record: The run.
        others: Runs of the same table. A run that failed before its environment was made takes the reward's
            signature and the number of episodes from a similar run.
    """
    agent, training, evaluation = record.spec.agent, record.spec.training, record.evaluation
    base, config = agent.base_model, dict(agent.config)
    model = None if base is None else base["name"]
    if config.get("seed") == record.training_seed:
        config.pop("seed", None)
    if base and base["hash"] and base.get("source", "folder") == "folder":  # the path does not matter
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
    leaf = {"reward": None if training is None else training.reward.spec}  # kept whole, not flattened
    return dict(flatten(chosen)) | leaf


def shared_parts(record: Record) -> tuple[int, ...] | None:
    """Returns what identifies, in this process, the parts of a run that its configuration is made of.

    Records from an index share these objects, so thousands of them have few configurations to describe.

    Returns:
        The parts, equal only for records of equal `configuration`; None where that depends on other things
        too: on the seed, or on other runs.
    """
    agent, training, evaluation = record.spec.agent, record.spec.training, record.evaluation
    if evaluation.episodes is None or "seed" in agent.config:
        return None
    if training is None:
        return id(agent), id(evaluation)
    reward = training.reward
    if reward.signature is None:
        return None
    return id(agent), id(evaluation), id(reward), id(training.reward_timing), training.total_timesteps


def labels(
    configurations: Mapping[str, Mapping[str, Any]], variants: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Returns a label for every row: its variant, or its differences from the agent's other rows.

    Args:
        configurations: Row key -> `configuration`.
        variants: Row key -> the variants of its runs, without empty ones.

    Returns:
        Row key -> a label such as "no warm start" or "reward=bleu steps=20000". It is empty if an agent has a
        single row and no variant. Equal labels of one agent get the first characters of their keys.
    """
    by_key: dict[str, str] = {}
    for agent in dict.fromkeys(row["agent"] for row in configurations.values()):
        rows = {key: row for key, row in configurations.items() if row["agent"] == agent}
        differ = _differing(rows.values())
        names = {key: ", ".join(variants[key]) or _label(row, differ) for key, row in rows.items()}
        times = Counter(names.values())
        for key, label in names.items():
            by_key[key] = f"{label} #{key[:6]}".strip() if times[label] > 1 else label
    return by_key


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

#: Options about the data come before the other options of an agent.
_DATA = ("train_fraction", "train_dataset")


def _differing(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns the options in which some rows differ, the most important first."""
    rows = list(rows)
    names = sorted({name for row in rows for name in row}, key=_place)
    differ = [name for name in names if len({_canonical(row, name) for row in rows}) > 1]
    if "reward" in differ:  # these options repeat it
        repeated = ("reward_signature", "config.reward")
        differ = [name for name in differ if name not in repeated and not name.startswith("config.reward.")]
    if "reward_timing" in differ:
        differ = [name for name in differ if name != "config.reward_timing"]
    return differ


def _place(name: str) -> tuple[int, bool, str]:
    path = name.split(".")
    place = _ORDER.index(path[0]) if path[0] in _ORDER else len(_ORDER)
    return (place, path[-1] not in _DATA, name)


def _canonical(row: Mapping[str, Any], name: str) -> bytes | str:
    """Returns the canonical JSON of a value, or for a plain one, of which there are many, its `repr`."""
    if name not in row:
        return b""
    value = row[name]
    return repr(value) if type(value) in _PLAIN else canonical_json([value])


def _label(row: Mapping[str, Any], differ: Sequence[str]) -> str:
    present = [name for name in differ if name in row]
    texts = {
        name: reward_label(row[name]) if name == "reward" else short(row[name]) for name in present[:_SHOWN]
    }
    words = [f"{name.removeprefix('config.')}={text}" for name, text in texts.items()]
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
