"""What makes two runs one row of a table, and the words that tell rows apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from llm_benchmarks.records.folder import Record
from llm_benchmarks.records.record import canonical_json, flatten

_SHOWN = 3
_OF_NO_EFFECT = ("warm_start_folder", "checkpoint_freq")
_LONGEST = 24


def configuration(record: Record, others: Iterable[Record] = ()) -> dict[str, Any]:
    """Everything that was chosen for a run but its seed, flattened.

    Args:
        record: The run.
        others: Runs of the same table. A run that failed before its environment was made knows neither
            its reward's signature nor how many examples there are, and takes those of a run like it.
    """
    agent, decoding = record["agent"], record["decoding"]
    base = agent["base_model"]
    seed = record["seeds"]["training"]
    reward = record["reward"]["training"]
    config = {k: v for k, v in agent["config"].items() if k not in _OF_NO_EFFECT}
    config = {k: v for k, v in config.items() if not (k == "seed" and v == seed)}
    if base and base["hash"]:  # says which model it is, whatever the path to it
        config.pop("model", None)
    chosen = {
        "agent": agent["name"],
        "reward": None if reward is None else reward["spec"],
        "steps": record["budget"]["total_timesteps"],
        "track": record["track"],
        "base_model": base["hash"][:12] if base and base["hash"] else base,
        "deterministic": decoding["deterministic"],
        "decoding": decoding["options"],
        "episodes": _episodes(record, others),
        "trials": agent["tuning"]["trials"],
        "entry_point": agent["entry_point"],
        "config": config,
        "reward_timing": record["env"]["kwargs"].get("reward_timing"),  # what is judged is paid at the end
        "reward_signature": None if reward is None else _signature(reward, others),
    }
    leaf = {"reward": chosen["reward"]}  # a reward's specification is one thing, not its parts
    return dict(flatten({name: value for name, value in chosen.items() if name != "reward"})) | leaf


def labels(configurations: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """A short label for every row: what differs from the other rows of the same agent.

    Where more than half of an agent's rows have the same value, only the others name theirs.

    Args:
        configurations: Row key -> `configuration`.

    Returns:
        Row key -> such as "reward=bleu steps=20000"; empty where an agent has a single row.
    """
    found: dict[str, str] = {}
    for agent in dict.fromkeys(one["agent"] for one in configurations.values()):
        rows = {key: one for key, one in configurations.items() if one["agent"] == agent}
        names = sorted({name for one in rows.values() for name in one}, key=_place)
        differ = [n for n in names if len({_canonical(one, n) for one in rows.values()}) > 1]
        if "reward" in differ:  # says what these say again
            again = ("reward_signature", "config.reward")
            differ = [name for name in differ if name not in again and not name.startswith("config.reward.")]
        usual = {name: _usual([_canonical(one, name) for one in rows.values()]) for name in differ}
        given = {
            key: _label(one, [name for name in differ if _canonical(one, name) != usual[name]])
            for key, one in rows.items()
        }
        for key, label in given.items():
            twice = sum(other == label for other in given.values()) > 1
            found[key] = f"{label} #{key[:6]}".strip() if twice else label
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


def _place(name: str) -> tuple[int, bool, str]:
    path = name.split(".")
    place = _ORDER.index(path[0]) if path[0] in _ORDER else len(_ORDER)
    return (place, path[-1] not in _DATA, name)


def _canonical(one: Mapping[str, Any], name: str) -> bytes:
    return canonical_json([one[name]]) if name in one else b""


def _usual(values: list[bytes]) -> bytes | None:
    """What more than half of the values are; None if there is no such value."""
    value, count = Counter(values).most_common(1)[0]
    return value if 2 * count > len(values) else None


def _label(one: Mapping[str, Any], differ: list[str]) -> str:
    present = [name for name in differ if name in one]
    told = {
        name: reward_label(one[name]) if name == "reward" else _short(one[name]) for name in present[:_SHOWN]
    }
    words = [f"{name.removeprefix('config.')}={text}" for name, text in told.items()]
    if len(present) > _SHOWN:
        words.append(f"+{len(present) - _SHOWN} more")
    return " ".join(words)


def reward_label(spec: Any) -> str:
    """A reward's specification as a sum, such as 10*bleu-0.5*length_penalty."""
    parts = spec if isinstance(spec, list) else [spec]
    if isinstance(spec, Mapping) and "id" not in spec:
        parts = [{"id": name, "weight": weight} for name, weight in spec.items()]
    if not all(isinstance(part, Mapping) and "id" in part for part in parts):
        return _short(spec)
    terms = [(part.get("weight", 1), str(part["id"]).rpartition(":")[2]) for part in parts]
    if not all(isinstance(weight, int | float) for weight, _ in terms):  # of a run that failed for it
        return _short(spec)
    return "+".join(name if weight == 1 else f"{weight:g}*{name}" for weight, name in terms).replace(
        "+-", "-"
    )


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _episodes(record: Record, others: Iterable[Record]) -> int:
    episodes: int = record["budget"]["evaluation_episodes"]
    if record["env"]["signature"] is None and episodes == 1:
        for other in others:
            if other["env"]["signature"] is not None and other["agent"]["name"] == record["agent"]["name"]:
                return int(other["budget"]["evaluation_episodes"])
    return episodes


def _signature(reward: Mapping[str, Any], others: Iterable[Record]) -> str | None:
    signature: str | None = reward["signature"]
    if signature is None and reward["spec"] is not None:
        for other in others:
            its = other["reward"]["training"]
            if its is not None and its["spec"] == reward["spec"] and its["signature"] is not None:
                return str(its["signature"])
    return signature
