"""Reward designs as a person writes them: one line, NAME=LINE, JSON, or a TOML file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_benchmarks.console.options import read_toml, reward_spec
from llm_benchmarks.records.trained_on import reward_label
from llm_envs.foreign import shown

_NAMED = re.compile(r"\s*([A-Za-z][\w .+-]{0,39}?)\s*=(?![=])(.+)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][\w .+*-]{0,39}")
_LONGEST = 40


@dataclass(frozen=True)
class Design:
    """One reward design.

    Attributes:
        name: Its name in tables and data.
        spec: The specification, as `make_reward` takes it; "default" is the environment's default reward.
    """

    name: str
    spec: Any

    def as_metric(self, default: Any) -> dict[str, Any]:
        """Returns the design as one metric of its name.

        Args:
            default: The specification of the environment's default reward.
        """
        spec = default if self.spec == "default" else self.spec
        return {"id": "sum", "name": self.metric, "rewards": spec}

    @property
    def metric(self) -> str:
        """Its name among the metrics of an evaluation, where the id's own metrics have other names."""
        return f"design/{self.name}"


def read_designs(texts: Sequence[str]) -> list[Design]:
    """Reads designs.

    Args:
        texts: Each is a reward in one line, JSON, either after "NAME=", or a TOML file whose table [designs]
            holds names and rewards.

    Raises:
        ValueError: A text cannot be read, two designs share a name, or there are fewer than two.
    """
    designs = [design for text in texts for design in _read(text)]
    names = [design.name for design in designs]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"a design's name has at most {_LONGEST} letters, digits, spaces and .+*-_, and begins with "
                f"a letter or digit, got {shown(name, 60)!r}; write NAME=SPEC"
            )
        if names.count(name) > 1:
            raise ValueError(f"two designs are named {shown(name)!r}; tell them apart: NAME=SPEC")
    if len(designs) < 2:
        raise ValueError("a comparison needs at least two designs: SPEC SPEC, or a TOML file with [designs]")
    return designs


def read_named(text: str, option: str) -> Design:
    """Reads one reward, with or without a name before "=".

    Raises:
        ValueError: It cannot be read.
    """
    matched = _NAMED.fullmatch(text)
    if matched is None:
        spec = reward_spec(text, option)
        return Design(text if _NAME.fullmatch(text) else _label(spec), spec)
    return Design(matched[1], reward_spec(matched[2].strip(), option))


def _read(text: str) -> list[Design]:
    if not text.endswith(".toml"):
        return [read_named(text, "a design")]
    table = read_toml(Path(text), "designs").get("designs")
    if not isinstance(table, Mapping) or not table:
        raise ValueError(
            f'{shown(text)}: expected a table [designs] with lines like naive = "sentiment", got '
            f"{shown(table, 60)}"
        )
    return [
        Design(
            name, reward_spec(spec, f"{shown(name, 40)} in {shown(text)}") if isinstance(spec, str) else spec
        )
        for name, spec in table.items()
    ]


def _label(spec: Any) -> str:
    """Returns a name made of the specification."""
    label = re.sub(r"[^\w .+*-]", " ", reward_label(spec)).strip()[:_LONGEST].strip()
    return label if _NAME.fullmatch(label) else f"design {label}"[:_LONGEST].strip()
