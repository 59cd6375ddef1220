"""Reads the outcome of an episode from an info; environments of others may give none, or another form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from llm_envs.envs.vector_infos import has_info, row_info
from llm_envs.episode import Outcome


def outcome_of(info: Any) -> Outcome | None:
    """Returns the outcome in the info of one episode's last step; None if there is none of our form."""
    outcome = info.get("outcome") if isinstance(info, Mapping) else None
    if not isinstance(outcome, Mapping):
        return None
    try:
        made = Outcome.from_info(outcome)
    except (AttributeError, KeyError, TypeError, ValueError):  # an info of somebody else's making
        return None
    return made if isinstance(made.text, str) and np.isfinite(made.reward) else None


def outcome_of_row(infos: Any, row: int) -> Outcome | None:
    """Returns the outcome of a row in the infos of any vector environment.

    Args:
        infos: Of the step that ended the row's episode. SAME_STEP autoreset keeps it in `final_info`.
        row: The row.
    """
    if not isinstance(infos, Mapping):
        return None
    try:
        if isinstance(final := infos.get("final_info"), Mapping):
            return outcome_of(row_info(final, row)) if has_info(infos, "final_info", row) else None
        if final is not None:  # Gymnasium before 1.1 has an array of infos
            return outcome_of(final[row])
        return outcome_of(row_info(infos, row)) if has_info(infos, "outcome", row) else None
    except (AttributeError, IndexError, KeyError, TypeError):
        return None
