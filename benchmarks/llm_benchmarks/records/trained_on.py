"""What an agent is trained on, in words: reward, timing, discount, data and start. Printed and tabulated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llm_benchmarks.records.configuration import reward_label

_WITHOUT_REWARD = {
    "supervised": "imitation of the references",
    "unigram": "the frequencies of the references' tokens",
}
"""Agents that learn from no reward, and what they learn from."""


def trained_on(record: Mapping[str, Any]) -> dict[str, str]:
    """What a run learns from.

    Args:
        record: A record, or the plan of one (see record.py).

    Returns:
        "reward", "data" and "start" to words, each where there is something to say; empty for a run that
        trains nothing.
    """
    if record["reward"]["training"] is None:
        return {}
    config, agent = record["agent"]["config"], record["agent"]["name"]
    learns = _WITHOUT_REWARD.get(agent, "")
    parts = {
        "reward": "" if learns else ", ".join(_reward(record, config)),
        "data": ", ".join([learns] * bool(learns) + list(_data(config))),
        "start": ", ".join(_start(config)),
    }
    return {name: text for name, text in parts.items() if text}


def in_a_line(record: Mapping[str, Any]) -> str:
    """`trained_on` as one line, such as "10*bleu+5*chrf, dense, discount 0.6"."""
    return "; ".join(trained_on(record).values())


def _reward(record: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    spec = record["reward"]["training"]["spec"]
    yield "the id's own reward" if spec == "default" else reward_label(spec)
    timing = config.get("reward_timing") or record["env"]["kwargs"].get("reward_timing") or "terminal"
    kind = timing.get("id") if isinstance(timing, Mapping) else timing
    yield "paid at the end" if kind == "terminal" else str(kind)
    if config.get("gamma", 1) != 1:
        yield f"discount {_number(config['gamma'])}"


def _data(config: Mapping[str, Any]) -> Iterator[str]:
    if (fraction := config.get("train_fraction", 1)) != 1:
        yield f"{_number(fraction)} of the train split"
    if config.get("train_dataset"):
        yield f"requests of {config['train_dataset']}"
    if config.get("demonstrations"):
        yield f"{_number(config['demonstrations'])} of the expert's episodes in the replay buffer"


def _start(config: Mapping[str, Any]) -> Iterator[str]:
    start = config.get("supervised")
    if config.get("warm_start") is False or not isinstance(start, Mapping) or not start:
        return
    tokens = f" of {_number(start['total_timesteps'])} tokens" if "total_timesteps" in start else ""
    yield f"after imitation{tokens}"
    if (fraction := start.get("train_fraction", 1)) != 1:
        yield f"{_number(fraction)} of the references"


def _number(value: Any) -> str:
    """A number of a configuration; whatever else a record has in its place, as it is."""
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
