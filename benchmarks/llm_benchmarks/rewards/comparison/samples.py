"""Which texts of a comparison are shown side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_benchmarks.rewards.comparison.measured import Column, DesignRun

_COUNT = 6


@dataclass(frozen=True)
class Side:
    """The text of one design.

    Attributes:
        design: The design that was trained on.
        text: The text.
        scores: Its value for each column that scores single texts.
    """

    design: str
    text: str
    scores: dict[str, float]


@dataclass(frozen=True)
class SampledExample:
    """One test example with a text of each design.

    Attributes:
        source: What was asked.
        sides: One for each design.
    """

    source: str
    sides: list[Side]


def sampled(
    designs: Sequence[str], columns: Sequence[Column], runs: Sequence[DesignRun]
) -> list[SampledExample]:
    """Returns examples of the test split, with the texts of each design's first seed.

    Half of them are evenly spaced. The others are those on which some design earns most of its own reward
    beyond what its texts are worth by the held-out values, all standardised over the texts shown.

    Args:
        designs: Names, in order.
        columns: All columns.
        runs: All runs.
    """
    firsts = [next((run for run in runs if run.design == name), None) for name in designs]
    present = [run for run in firsts if run is not None]
    count = min((len(run.texts) for run in present), default=0)
    if not count:
        return []
    held = [c for c in columns if not c.design and all(c.name in run.scores for run in present)]
    gaps = np.zeros(count)
    for run in present:
        if held and run.design in run.scores:
            worth = np.mean(
                [(-1 if c.lower_is_better else 1) * _standard(run.scores[c.name][:count]) for c in held],
                axis=0,
            )
            gaps = np.maximum(gaps, _standard(run.scores[run.design][:count]) - worth)
    spaced = np.linspace(0, count - 1, min(_COUNT // 2, count)).round().astype(int).tolist()
    apart = [index for index in np.argsort(-gaps, kind="stable").tolist() if index not in spaced]
    return [
        SampledExample(
            present[0].sources[index],
            [
                Side(
                    run.design, run.texts[index], {name: values[index] for name, values in run.scores.items()}
                )
                for run in present
            ],
        )
        for index in [*spaced, *apart[: _COUNT - len(spaced)]]
    ]


def _standard(values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, np.float64)
    spread = float(array.std())
    standardised: np.ndarray = (array - array.mean()) / spread if spread > 0 else np.zeros(len(array))
    return standardised
