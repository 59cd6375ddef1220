"""How much raters agree: Krippendorff's alpha, with an interval.

Source: Krippendorff (2011), "Computing Krippendorff's alpha-reliability". Alpha is 1 for perfect agreement
and 0 for the agreement of chance. The interval is a percentile bootstrap over items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Level = Literal["nominal", "ordinal", "interval"]
RESAMPLES = 2000

Floats = npt.NDArray[np.float64]


class Agreement(NamedTuple):
    """Krippendorff's alpha.

    Attributes:
        alpha: The estimate; None where nothing can be said: no item has two raters, or all answers are one.
        low: Lower end of the 95 % interval; None for fewer than two such items.
        high: Upper end.
        items: Items that two raters or more have judged.
        raters: Raters who judged such an item.
    """

    alpha: float | None
    low: float | None
    high: float | None
    items: int
    raters: int


def agreement(
    answers: Mapping[str, Mapping[str, float]],
    values: Sequence[float],
    level: Level = "ordinal",
    seed: int = 0,
) -> Agreement:
    """Returns alpha of answers.

    Args:
        answers: Item -> rater -> answer.
        values: All possible answers, in order.
        level: How far two answers are apart: "nominal", all the same; "ordinal", by how many answers lie
            between them; "interval", by their difference.
        seed: Seed of the bootstrap.
    """
    shared = {item: by_rater for item, by_rater in answers.items() if len(by_rater) > 1}
    raters = len({rater for by_rater in shared.values() for rater in by_rater})
    if not shared:
        return Agreement(None, None, None, 0, 0)
    place = {value: i for i, value in enumerate(values)}
    units = np.zeros((len(shared), len(values), len(values)))
    for unit, by_rater in zip(units, shared.values(), strict=True):
        counts = np.bincount([place[answer] for answer in by_rater.values()], minlength=len(values))
        unit[:] = (np.outer(counts, counts) - np.diag(counts)) / (counts.sum() - 1)
    alpha = krippendorff_alpha(units.sum(axis=0), values, level)
    if alpha is None or len(shared) < 2:
        return Agreement(alpha, None, None, len(shared), raters)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(shared), np.full(len(shared), 1 / len(shared)), size=RESAMPLES)
    coincidences = np.tensordot(drawn, units, axes=1)
    found = [krippendorff_alpha(table, values, level) for table in coincidences]
    # Where all drawn answers are one, chance explains them all: alpha is undefined, and the draw is left out.
    low, high = np.percentile([value for value in found if value is not None], [2.5, 97.5])
    return Agreement(alpha, float(low), float(high), len(shared), raters)


def krippendorff_alpha(coincidences: Floats, values: Sequence[float], level: Level) -> float | None:
    """Returns alpha from a matrix of coincidences (values, values); None if all answers are one."""
    totals = coincidences.sum(axis=0)
    whole = totals.sum()
    apart = _distances(totals, values, level)
    expected = float((np.outer(totals, totals) * apart).sum()) / (whole - 1)
    if expected == 0.0:
        return None
    return 1.0 - float((coincidences * apart).sum()) / expected


def _distances(totals: Floats, values: Sequence[float], level: Level) -> Floats:
    """Returns the squared distance of every two answers (Krippendorff 2011, section C)."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        numbers = np.array(values, float)
        return (numbers[:, None] - numbers[None, :]) ** 2
    ranks = np.cumsum(totals) - totals / 2.0  # the sum of all between two answers, and half of both
    found: Floats = (ranks[:, None] - ranks[None, :]) ** 2
    return found
