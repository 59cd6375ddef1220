"""REINFORCE without a baseline, as a variant of RLOO with groups of two."""

from __future__ import annotations

from llm_baselines.algorithms.factories import PlayingAgentFactory
from llm_baselines.algorithms.rloo import RLOO


class Reinforce(RLOO):
    """RLOO under another name."""

    name = "reinforce"


reinforce = PlayingAgentFactory(Reinforce)
