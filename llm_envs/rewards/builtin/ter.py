"""Translation edit rate."""

from __future__ import annotations

from typing import Any

from llm_envs.episode import Episode


class Ter:
    """Edits and shifts per word of the references, 0 or more; 0 is best (Snover et al. 2006).

    A penalty: to be used with a negative weight. Equal to the `sentence_score` of `sacrebleu.TER`, divided by
    100. A text with no reference word in it scores about 1, and a longer one above. It costs from 0.1 ms for
    a sentence to some 10 ms for 100 words, because shifts are searched.

    Args:
        case_sensitive: Compare with case.
        normalized: Split punctuation from words first.
        no_punct: Remove punctuation first.
        asian_support: Split Chinese and Japanese into characters.
        limit: The largest value; longer texts gain nothing from being worse.

    Raises:
        ValueError: The limit is not above 0, or the example has no reference.
    """

    needs_references = True

    def __init__(
        self,
        *,
        case_sensitive: bool = False,
        normalized: bool = False,
        no_punct: bool = False,
        asian_support: bool = False,
        limit: float = 10.0,
    ) -> None:
        from sacrebleu.metrics.ter import TER

        if not 0.0 < limit <= 1e6:
            raise ValueError(f"limit is a number above 0 and at most 1e6, got {limit!r}")
        self._ter: Any = TER(
            case_sensitive=case_sensitive,
            normalized=normalized,
            no_punct=no_punct,
            asian_support=asian_support,
        )
        self._limit = limit

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        if not episode.references:
            raise ValueError("ter needs references, and this example has none")
        score = float(self._ter.sentence_score(episode.text, list(episode.references)).score) / 100
        return min(score, float(self._limit))
