"""Which requested words a text uses."""

from __future__ import annotations

from collections.abc import Sequence

from llm_envs.tokenizers.words import words_of


def share_used(text: str, asked: Sequence[str]) -> float:
    """Returns the share of requested words or phrases that a text uses, 0 to 1.

    Each counts once, as whole words in any case. Using one twice gains nothing.

    Args:
        text: The text.
        asked: The words or phrases; at least one.
    """
    written = f" {' '.join(words_of(text))} "
    return sum(f" {' '.join(words_of(word))} " in written for word in asked) / len(asked)
