"""Describes a training in words: reward, timing, discount, data and start. Tables and messages show it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from llm_baselines.spec import RunSpec, TrainingSpec

_WITHOUT_REWARD = {
    "supervised": "imitation of the references",
    "unigram": "the frequencies of the references' tokens",
}
"""Agents that learn without a reward -> what they learn from."""

_LONGEST = 24


def trained_on(spec: RunSpec) -> dict[str, str]:
    """Returns what a run learns from, in words.

    Args:
        spec: The run.

    Returns:
        "reward", "data" and "start" -> a text, without defaults; empty for a run without training.
    """
    if spec.training is None:
        return {}
    config = spec.agent.config
    learns = _WITHOUT_REWARD.get(spec.agent.name, "")
    parts = {
        "reward": "" if learns else ", ".join(_reward(spec.training, config)),
        "data": ", ".join([learns] * bool(learns) + list(_data(config))),
        "start": ", ".join(_start(config)),
    }
    return {name: text for name, text in parts.items() if text}


def in_a_line(spec: RunSpec) -> str:
    """Returns `trained_on` as one line, such as "10*bleu+5*chrf, dense, discount 0.6"."""
    return "; ".join(trained_on(spec).values())


def reward_label(spec: Any) -> str:
    """Returns a reward specification as a sum, such as 10*bleu-0.5*length_penalty."""
    parts = spec if isinstance(spec, list) else [spec]
    if isinstance(spec, Mapping) and "id" not in spec:
        parts = [{"id": name, "weight": weight} for name, weight in spec.items()]
    if not all(isinstance(part, Mapping) and "id" in part for part in parts):
        return short(spec)
    terms = [(part.get("weight", 1), str(part["id"]).rpartition(":")[2]) for part in parts]
    if not all(
        isinstance(weight, int | float) for weight, _ in terms
    ):  # a run that failed because of its weights
        return short(spec)
    return "+".join(name if weight == 1 else f"{weight:g}*{name}" for weight, name in terms).replace(
        "+-", "-"
    )


def reward_line(spec: Any) -> str:
    """Returns a reward specification with its options, in the form that a person writes in a line.

    Args:
        spec: A name, a table, a list of tables, or a table of names and weights.

    Returns:
        For instance `bleu - 0.5*my_rewards:rhymes(letters=3)`; anything else that a record may hold there as
        JSON.
    """
    if isinstance(spec, str):
        return spec
    parts = spec if isinstance(spec, list) else [spec]
    if isinstance(spec, Mapping) and "id" not in spec:
        parts = [{"id": name, "weight": weight} for name, weight in spec.items()]
    line = ""
    for part in ({"id": part} if isinstance(part, str) else part for part in parts):
        if not isinstance(part, Mapping) or not isinstance(part.get("id"), str):
            return json.dumps(spec)
        weight = part.get("weight", 1)
        if not isinstance(weight, int | float):  # a run that failed because of its weights
            return json.dumps(spec)
        sign = ("- " if weight < 0 else "+ ") if line else ("-" if weight < 0 else "")
        factor = "" if abs(weight) == 1 else f"{abs(weight):g}*"
        name = part["id"] if re.fullmatch(r"[\w.:]+", part["id"]) else json.dumps(part["id"])
        inner = ", ".join(
            f"{key}={json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)}"
            for key, value in part.items()
            if key not in ("id", "weight")
        )
        line += f"{' ' if line else ''}{sign}{factor}{name}{f'({inner})' if inner else ''}"
    return line


def short(value: Any) -> str:
    """Returns a value of a specification in at most 24 characters."""
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _reward(training: TrainingSpec, config: Mapping[str, Any]) -> Iterator[str]:
    spec, timing = training.reward.spec, training.reward_timing or "terminal"
    yield "the environment's default reward" if spec == "default" else reward_label(spec)
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
    """Formats a number of a configuration; any other value that a record has there becomes its `str`."""
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
