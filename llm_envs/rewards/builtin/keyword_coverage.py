"""The share of given keywords that a text uses."""

from __future__ import annotations

from collections.abc import Sequence

from llm_envs.episode import Episode
from llm_envs.rewards.asked_words import share_used
from llm_envs.rewards.context import RewardContext
from llm_envs.tokenizers.words import words_of


class KeywordCoverage:
    """The share of keywords or phrases that the text uses, 0 to 1 (Lin et al. 2020, CommonGen).

    Each counts once, as whole words in any case, so repeating one gains nothing. A list of the keywords alone
    scores 1: multiply it with a reward of fluency. It costs some microseconds a text.

    Args:
        keywords: The same words for every text. The default reads them from the example.
        key: The entry of `example.metadata` that holds the list, if `keywords` is not given.

        context: Says which lists examples have.

    Raises:
        ValueError: A keyword has no word in it, or examples have no list.
    """

    def __init__(
        self,
        *,
        keywords: Sequence[str] | None = None,
        key: str = "words",
        context: RewardContext | None = None,
    ) -> None:
        if keywords is None and context is not None:
            context.require_list(key)
        self._keywords = None if keywords is None else _checked(keywords, "keywords")
        self._key = key

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        if self._keywords is not None:
            return share_used(episode.text, self._keywords)
        asked = episode.example.metadata.get(self._key)
        if not isinstance(asked, list | tuple):
            raise ValueError(
                f"keyword_coverage needs a list of words in the example's metadata[{self._key!r}], got "
                f"{asked!r}; give keywords=[...] or another key"
            )
        return share_used(episode.text, _checked(asked, f"metadata[{self._key!r}]"))


def _checked(words: Sequence[str], name: str) -> tuple[str, ...]:
    for word in words:
        if not isinstance(word, str) or not words_of(word):
            raise ValueError(f"{name} holds {word!r}, which is not a word")
    if not words:
        raise ValueError(f"{name}=[] is empty; give at least one word")
    return tuple(words)
