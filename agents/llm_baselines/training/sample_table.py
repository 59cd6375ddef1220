"""SampleTable: some texts of a round with their reward components, for TensorBoard and terminals."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from llm_baselines.training.reward_statistics import labels
from llm_envs.episode import Outcome
from llm_envs.foreign import shown

SAMPLES = "rollout/samples"
"""The log key of the table."""

_COUNT = 4
_TEXT, _SOURCE = 240, 120  # characters of a text and of a source that are shown
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~])")


class SampleTable(str):
    """A Markdown table, as TensorBoard shows texts; other writers read its rows.

    Attributes:
        columns: Names of the columns: reward, the components, source, text.
        rows: The cells: numbers, and texts without control characters.
    """

    columns: list[str]
    rows: list[list[Any]]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> SampleTable:
        """Makes the table of a round: its best and its worst text, and two evenly spaced between them.

        Args:
            outcomes: Those of a round, at least one.
        """
        order = np.argsort([-outcome.reward for outcome in outcomes], kind="stable")
        places = np.linspace(0, len(order) - 1, min(_COUNT, len(order))).round().astype(int)
        chosen = [outcomes[order[place]] for place in dict.fromkeys(places.tolist())]
        names = list(chosen[0].reward_components)
        columns = ["reward", *labels(names), "source", "text"]
        rows: list[list[Any]] = [
            [
                outcome.reward,
                *(outcome.reward_components.get(name, float("nan")) for name in names),
                shown(outcome.source, _SOURCE),
                shown(outcome.text, _TEXT),
            ]
            for outcome in chosen
        ]
        lines = [columns, ["---"] * len(columns), *([_cell(cell) for cell in row] for row in rows)]
        table = cls("\n".join(f"| {' | '.join(line)} |" for line in lines))
        table.columns, table.rows = columns, rows
        return table

    def in_terminal(self) -> str:
        """Returns the table for a terminal: a line of numbers for each text, and the text under it."""
        lines = ["samples, best first:"]
        for row in self.rows:
            numbers = ", ".join(
                f"{name} {value:.3g}" for name, value in zip(self.columns[:-2], row[:-2], strict=True)
            )
            lines += [f"  {numbers}", f"    {row[-2]}", f"    -> {row[-1] or '(nothing)'}"]
        return "\n".join(lines)


def _cell(value: Any) -> str:
    """Returns a cell whose text acts neither as Markdown nor as HTML."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return _MARKUP.sub(r"\\\1", html.escape(str(value)))
