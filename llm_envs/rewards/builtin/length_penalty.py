"""How far a text is from the requested length."""

from __future__ import annotations

from llm_envs.episode import Episode, Example
from llm_envs.rewards.increments.lengths import LengthIncrement
from llm_envs.tokenizers.words import count_words


class LengthPenalty:
    """The distance from a length, in tokens or words, as a share of it; 0 inside the allowed range.

    A penalty: >= 0, to be used with a negative weight. With `target`, |length - target| / target.
    With `min` or `max`, (min - length) / min below and (length - max) / max above. With none of
    them the length itself, divided by 100. Tokens include the end token.

    Args:
        unit: "tokens" (needs no decoding) or "words" (between white space; characters in scripts without
            spaces between words, such as Chinese and Thai).
        target: The one right length.
        min: The shortest length without penalty.
        max: The longest length without penalty.
    """

    def __init__(
        self,
        *,
        unit: str = "tokens",
        target: int | None = None,
        min: int | None = None,
        max: int | None = None,
    ) -> None:
        if unit not in ("tokens", "words"):
            raise ValueError(f"unknown unit={unit!r}; 'tokens' or 'words'")
        for name, value in (("target", target), ("min", min), ("max", max)):
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and not (whole and value >= 1):
                raise ValueError(f"{name} is a whole number from 1, got {value!r}")
        if target is not None and (min is not None or max is not None):
            raise ValueError("give target, or min and max, not both")
        if min is not None and max is not None and min > max:
            raise ValueError(f"min={min} is greater than max={max}")
        self.needs_text = unit == "words"
        self._low = target if target is not None else min
        self._high = target if target is not None else max
        bounds = f"target:{target}|min:{min}|max:{max}".lower()
        version = "v2" if unit == "words" else "v1"
        self.signature = f"length_penalty|unit:{unit}|{bounds}|{version}"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self._score(count_words(episode.text) if self.needs_text else len(episode.action_ids))

    def increment(self, example: Example) -> LengthIncrement:
        """Returns the scores of the growing prefixes of one text."""
        return LengthIncrement("words" if self.needs_text else "tokens", self._score)

    def _score(self, length: int) -> float:
        if self._low is not None and length < self._low:
            return (self._low - length) / self._low
        if self._high is not None and length > self._high:
            return (length - self._high) / self._high
        return length / 100.0 if self._low is None and self._high is None else 0.0
