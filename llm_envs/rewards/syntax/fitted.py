"""The grammar for the words of a corpus, and the score of a text under it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llm_envs.rewards.grammar.word_classes import WordClasses
from llm_envs.rewards.syntax.faults import Faults, Items
from llm_envs.rewards.syntax.parser import Parser
from llm_envs.rewards.syntax.readings import Readings
from llm_envs.tokenizers.words import words_of

_HALF = 0.3  # points per word that score a half
_STEEP = 4
_LEAST = 8  # words


class FittedSyntax:
    """Scores texts by the grammar.

    Args:
        classes: What the words of a corpus can be.
        unfit: What a noun stands for -> "|" and the prepositions that do not go with it.
    """

    def __init__(self, classes: WordClasses, unfit: dict[str, str]) -> None:
        self._classes, self._unfit = classes, unfit
        self._parser, self._items = _made(classes, unfit)

    def __getstate__(self) -> tuple[WordClasses, dict[str, str]]:
        return self._classes, self._unfit

    def __setstate__(self, state: tuple[WordClasses, dict[str, str]]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def faults(self, asked: Iterable[str] = ()) -> Faults:
        """Returns a counter for a new text.

        Args:
            asked: The requested words and phrases.
        """
        return Faults(self._parser, self._items, frozenset(word for text in asked for word in words_of(text)))

    def score(self, tokens: Sequence[str], asked: Iterable[str] = ()) -> float:
        """Returns the score of a text, 0 to 1."""
        faults = self.faults(asked)
        for token in tokens:
            faults.add(token)
        return score_of(faults)


def _made(classes: WordClasses, unfit: dict[str, str]) -> tuple[Parser, Items]:
    readings = Readings(classes, unfit)
    return Parser(readings), Items(readings)


def score_of(faults: Faults) -> float:
    """Returns the score of a text with these faults, 0 to 1."""
    if not faults.words:
        return 0.0
    density = faults.points() / max(_LEAST, faults.words)
    return 1.0 / (1.0 + (density / _HALF) ** _STEEP)
