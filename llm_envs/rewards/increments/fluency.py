"""Fluency of a growing text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from llm_envs.rewards.grammar.fitted import FittedFluency
from llm_envs.rewards.grammar.growing_measures import GrowingMeasures
from llm_envs.rewards.increments.growing_tokens import growing_tokens
from llm_envs.rewards.increments.growth import Growth
from llm_envs.rewards.ngram_model import END_OF_TEXT, START, NgramModel
from llm_envs.tokenizers.words import is_word


class Scorer(Protocol):
    """Scores the tokens of a growing text."""

    def read(self, settled: Sequence[str], behind: Sequence[str]) -> float:
        """Returns the score of the next prefix, given the tokens that now stay, and those behind them."""
        ...


class FluencyIncrement:
    """A score of the tokens of growing prefixes. Line breaks at both ends of a text do not count.

    Args:
        scorer: Scores the tokens.
    """

    __slots__ = ("_begun", "_behind", "_breaks", "_scorer", "_tokens", "_value")

    def __init__(self, scorer: Scorer) -> None:
        self._scorer, self._tokens = scorer, growing_tokens()
        self._begun = False  # a token other than a line break has settled
        self._breaks = 0  # settled line breaks that end the text so far
        self._behind: Sequence[str] | None = None
        self._value = 0.0

    def __call__(self, growth: Growth) -> float:
        """Returns the score of the next prefix."""
        settled, behind = self._tokens.read(growth)
        settled = self._before_breaks(settled) if settled else ()
        end = _end(behind)
        behind = [*["\n"] * self._breaks, *behind[:end]] if end else []
        if not self._begun:
            behind = behind[_begin(behind) :]
        if settled or behind != self._behind:
            self._behind, self._value = behind, self._scorer.read(settled, behind)
        return self._value

    def _before_breaks(self, settled: Sequence[str]) -> Sequence[str]:
        """Returns the tokens that settle, without the line breaks at their end, which are held back."""
        end = _end(settled)
        if not self._begun:
            if not end:
                return ()
            self._begun = True
            kept = settled[_begin(settled) : end]
        elif end:
            kept = [*["\n"] * self._breaks, *settled[:end]]
        else:
            self._breaks += len(settled)
            return ()
        self._breaks = len(settled) - end
        return kept


class UnitScorer:
    """The score of a fitted classifier, 0 to 1.

    Args:
        fitted: The classifier.
    """

    __slots__ = ("_any_word", "_fitted", "_measures")

    def __init__(self, fitted: FittedFluency) -> None:
        self._fitted, self._measures = fitted, GrowingMeasures(fitted.measures)
        self._any_word = False

    def read(self, settled: Sequence[str], behind: Sequence[str]) -> float:
        """Returns the score of the next prefix."""
        self._any_word = self._any_word or any(map(is_word, settled))
        if not self._any_word and not any(map(is_word, behind)):
            self._measures.settle(settled)
            return 0.0
        return self._fitted.score_measured(*self._measures.read(settled, behind))


class LogprobScorer:
    """The mean log-probability per token, the end included.

    Args:
        model: Gives the log-probabilities.
    """

    __slots__ = ("_count", "_last", "_model", "_sum")

    def __init__(self, model: NgramModel) -> None:
        self._model, self._last = model, (START, START)
        self._sum, self._count = 0.0, 0

    def read(self, settled: Sequence[str], behind: Sequence[str]) -> float:
        """Returns the score of the next prefix."""
        self._sum, self._last = self._added(settled)
        self._count += len(settled)
        return self._added([*behind, END_OF_TEXT])[0] / (self._count + len(behind) + 1)

    def _added(self, tokens: Sequence[str]) -> tuple[float, tuple[str, str]]:
        total, (before, last) = self._sum, self._last
        for token in tokens:
            total += self._model.score_token(before, last, token).logprob
            before, last = last, token
        return total, (before, last)


def _begin(tokens: Sequence[str]) -> int:
    """Returns the number of line breaks at the beginning."""
    return next((i for i, token in enumerate(tokens) if token != "\n"), len(tokens))


def _end(tokens: Sequence[str]) -> int:
    """Returns the number of tokens before the line breaks at the end."""
    return next((i for i in range(len(tokens), 0, -1) if tokens[i - 1] != "\n"), 0)
