"""How few edits lead from a text to a reference."""

from __future__ import annotations

from collections.abc import Sequence

from llm_envs.episode import Episode
from llm_envs.rewards import sequences
from llm_envs.tokenizers.words import normal_form, words_of


class EditDistance:
    """1 - edits / longer length, with Levenshtein's edits, 0 to 1. The best reference counts.

    Two empty texts are equal and score 1 (Levenshtein 1966). Higher is closer. It costs about as many
    microseconds as the text has characters.

    Args:
        unit: "characters" or "words". Words are compared without case and punctuation.
        lowercase: Ignore case of characters.

    Raises:
        ValueError: The unit is unknown, or the example has no reference.
    """

    needs_references = True

    def __init__(self, *, unit: str = "characters", lowercase: bool = False) -> None:
        if unit not in ("characters", "words"):
            raise ValueError(f"unknown unit={unit!r}; 'characters' or 'words'")
        self._words, self._lowercase = unit == "words", lowercase

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        if not episode.references:
            raise ValueError("edit_distance needs references, and this example has none")
        text = self._units(episode.text)
        return max(_similarity(text, self._units(reference)) for reference in episode.references)

    def _units(self, text: str) -> Sequence[str]:
        if self._words:
            return words_of(text)
        return normal_form(text.lower() if self._lowercase else text)


def _similarity(text: Sequence[str], reference: Sequence[str]) -> float:
    longer = max(len(text), len(reference))
    return 1.0 - sequences.edit_distance(reference, text) / longer if longer else 1.0
