"""How positive a text sounds."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from llm_envs.episode import Episode


class Sentiment:
    """VADER's compound polarity (Hutto and Gilbert 2014), a lexicon with rules, for English.

    Args:
        scale: "compound" for -1 (negative) to 1 (positive), 0 for the empty text; "unit" for 0 to
            1.
    """

    def __init__(self, *, scale: str = "compound") -> None:
        from importlib.metadata import version

        if scale not in ("compound", "unit"):
            raise ValueError(f"unknown scale={scale!r}; 'compound' (-1 to 1) or 'unit' (0 to 1)")
        _analyzer()
        self._unit = scale == "unit"
        self.signature = f"sentiment|scale:{scale}|vader:{version('vaderSentiment')}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        compound = float(_analyzer().polarity_scores(episode.text)["compound"])
        return (compound + 1.0) / 2.0 if self._unit else compound


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    """Returns the one lexicon of this process."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
