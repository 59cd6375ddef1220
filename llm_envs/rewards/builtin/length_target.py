"""How close a text is to a wanted length."""

from __future__ import annotations

from functools import partial

from llm_envs.episode import Episode, Example
from llm_envs.rewards.increments.lengths import LengthIncrement
from llm_envs.rewards.signatures import number_text
from llm_envs.tokenizers.words import count_words


class LengthTarget:
    """max(0, 1 - |length - target| / (width * target)): 1 at the target, 0 to 1 (Aggarwal and Welleck 2025).

    It looks at the length only, so it is a factor or a small summand. It costs under 10 microseconds a text.

    Args:
        target: The wanted length. The default is the length of the closest reference.
        unit: "words" (characters in scripts without spaces), "characters", or "tokens" (with the end token;
            needs a target).
        width: The distance that scores 0, as a share of the target.

    Raises:
        ValueError: An option is out of range, or there is neither a target nor a reference.
    """

    def __init__(self, *, target: int | None = None, unit: str = "words", width: float = 1.0) -> None:
        if unit not in ("words", "characters", "tokens"):
            raise ValueError(f"unknown unit={unit!r}; 'words', 'characters' or 'tokens'")
        if target is not None and target < 1:
            raise ValueError(f"target is a whole number from 1, got {target!r}")
        if target is None and unit == "tokens":
            raise ValueError("unit='tokens' needs a target: references have no tokens here")
        if not 0.0 < width <= 1e6:
            raise ValueError(f"width is a share above 0 and at most 1e6, got {width!r}")
        self.needs_references = target is None
        self.needs_text = unit != "tokens"
        self._target, self._unit, self._width = target, unit, width
        wanted = "reference" if target is None else target
        self.signature = f"length_target|target:{wanted}|unit:{unit}|width:{number_text(width)}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        if self._target is not None:
            length = len(episode.action_ids) if self._unit == "tokens" else self._length(episode.text)
            return self._score(length, self._target)
        if not episode.references:
            raise ValueError("length_target needs a reference or a target, and this example has no reference")
        length = self._length(episode.text)
        return max(self._score(length, self._length(reference)) for reference in episode.references)

    def increment(self, example: Example) -> LengthIncrement | None:
        """Returns the scores of the growing prefixes of one text."""
        if self._target is not None:
            return LengthIncrement(self._unit, partial(self._score, target=self._target))
        targets = [self._length(reference) for reference in example.references]
        if not targets:
            return None
        return LengthIncrement(self._unit, lambda length: max(self._score(length, t) for t in targets))

    def _length(self, text: str) -> int:
        return count_words(text) if self._unit == "words" else len(text)

    def _score(self, length: int, target: int) -> float:
        if target == 0:  # an empty reference
            return float(length == 0)
        return max(0.0, 1.0 - abs(length - target) / (self._width * target))
