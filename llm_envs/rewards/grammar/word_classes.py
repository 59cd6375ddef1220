"""The classes of words of a set of texts: from the English list if they are English, else from the texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from llm_envs.rewards.grammar.lexicon import OPEN, english
from llm_envs.rewards.grammar.skeleton import skeleton
from llm_envs.rewards.grammar.tagger import Tagger
from llm_envs.tokenizers.words import is_word

_SUFFIX_TYPES = 50
_FREQUENT = 1 / 400  # share of all words from which on an unlisted word is taken for a function word
_CACHED = 1 << 16
_LEXICAL = 3  # a function word that occurs so often is an item of its own


class WordClasses:
    """Items and classes of tokens.

    English texts have the classes of the list in `english.txt`, told apart by their neighbours. For other
    texts a frequent word is a class of its own, and the others are classed by their endings.
    """

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._counts = Counter(token for tokens in texts for token in tokens)
        words = [token for token in self._counts if is_word(token)]
        occurrences = sum(self._counts[word] for word in words)
        lexicon = english()
        self.is_english = lexicon.reads(token for tokens in texts for token in tokens if is_word(token))
        endings: Counter[str] = Counter()
        for word in words:
            endings.update(word[-k:] for k in (1, 2, 3) if len(word) > k + 1)
        self._endings = {ending for ending, types in endings.items() if types >= _SUFFIX_TYPES}
        self._frequent = {word for word in words if self._counts[word] >= max(2, occurrences * _FREQUENT)}
        self.tagger = Tagger(texts, self._choices)
        self._open = frozenset(OPEN)
        self._function: dict[str, bool] = {}

    def __call__(self, tokens: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Returns the items and the classes of a text."""
        classes = self.tagger.classes(tokens)
        if not self.is_english:
            return classes, classes
        return tuple(map(self.item, tokens, classes)), classes

    def item(self, token: str, tag: str) -> str:
        """Returns the item of a token: its class, or itself if it is a frequent function word."""
        if not self.is_english or tag in self._open or self._counts.get(token, 0) < _LEXICAL:
            return tag
        return token

    def skeleton(self, tokens: Sequence[str], classes: Sequence[str]) -> list[str]:
        """Returns the parts of the sentences of a text (see `skeleton`)."""
        return skeleton(tokens, classes, english().valency)

    def reading(self, token: str, tag: str) -> float:
        """Returns log P(class | word): how usual it is to read the word so, at most 0."""
        return self.tagger.reading(token, tag)

    def is_function_word(self, word: str) -> bool:
        """Returns True if a word belongs to classes that take no new words."""
        found = self._function.get(word)
        if found is None:
            found = word in self._frequent
            if self.is_english:
                found = self._open.isdisjoint(english().classes(word))
            if len(self._function) < _CACHED:
                self._function[word] = found
        return found

    def _choices(self, word: str) -> tuple[str, ...]:
        if self.is_english:
            return english().classes(word)
        if word in self._frequent:
            return (word,)
        if word[0].isdigit():
            return ("<number>",)
        for k in (3, 2, 1):
            if len(word) > k + 1 and word[-k:] in self._endings:
                return ("-" + word[-k:],)
        return ("<other>",)
