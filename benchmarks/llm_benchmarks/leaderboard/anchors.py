"""The scores that are 0 and 1 on the normalised scale of an environment.

For each environment of this package they come with the package, so that a normalised score does not depend on
the store that it stands in. A change of the environment has another signature, and with it other anchors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

SCORES = "baselines.json"
_ROUNDING = 1e-6
SCALE = ("random", "reference")
"""The agents whose scores are 0 and 1."""


class Scale(NamedTuple):
    """The scores of random play and of the reference, which differ."""

    random: float
    reference: float


class Scored(NamedTuple):
    """What a score depends on besides the agent."""

    signature: str | None
    split: str
    reward: str | None


def scale_of(scored: Scored, random: float | None, reference: float | None) -> Scale | None:
    """Returns the scale of an environment.

    Args:
        scored: The environment's signature, the split and the signature of the reward.
        random: The score of random play in the store. It counts if the package has no scores of the
            environment.
        reference: The score of the reference likewise.

    Returns:
        The scale; None if a score is missing, or both are equal.
    """
    if scored in _shipped():
        scale = _shipped()[scored]
        return Scale(_unrounded(scale.random, random), _unrounded(scale.reference, reference))
    return None if random is None or reference is None or random == reference else Scale(random, reference)


def _unrounded(shipped: float, own: float | None) -> float:
    """Returns the score of the package, with all digits if the store has the same score."""
    return own if own is not None and abs(own - shipped) <= _ROUNDING else shipped


@cache
def _shipped() -> Mapping[Scored, Scale]:
    text = resources.files(__package__).joinpath(SCORES).read_text(encoding="utf-8")
    scales = {}
    for table in json.loads(text)["tables"]:
        scores = {row["agent"]: row["score"] for row in reversed(table["rows"])}  # the best row comes last
        random, reference = map(scores.get, SCALE)
        if random is not None and reference is not None and random != reference:
            scored = Scored(table["signature"], table["split"], table["reward"])
            scales[scored] = Scale(random, reference)
    return scales
