"""The sentences of a growing text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llm_envs.rewards.syntax.fitted import FittedSyntax, score_of


class SentencesScorer:
    """The score of the tokens of growing prefixes.

    Args:
        fitted: The grammar.
        asked: The requested words and phrases.
    """

    __slots__ = ("_faults",)

    def __init__(self, fitted: FittedSyntax, asked: Iterable[str] = ()) -> None:
        self._faults = fitted.faults(asked)

    def read(self, settled: Sequence[str], behind: Sequence[str]) -> float:
        """Returns the score of the next prefix, given the tokens that now stay, and those behind them."""
        for token in settled:
            self._faults.add(token)
        if not behind:
            return score_of(self._faults)
        ended = self._faults.fork()
        for token in behind:
            ended.add(token)
        return score_of(ended)
