"""Which words may come next in a text that a person writes, from the train texts of the task."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import islice

_MOST_TEXTS = 4000
_START = ""


class Suggestions:
    """Counts of words, and of pairs of words, in train texts.

    Args:
        texts: The texts an agent would write. The first few thousand are read, when a word is asked for.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._after: defaultdict[str, Counter[str]] | None = None
        self._words: Counter[str] = Counter()

    def next_words(self, before: str, prefix: str = "", most: int = 8) -> list[str]:
        """Returns words that may come next, the likeliest first.

        Words that follow the last word in train texts come first, then frequent words.

        Args:
            before: The text so far.
            prefix: What the words begin with.
            most: The most words to return.
        """
        after = self._count()
        last = before.split()[-1] if before.split() else _START
        ranked = [
            *after[last].most_common(),
            *(self._words.most_common() if prefix or not after[last] else ()),
        ]
        fitting = (word for word, _ in ranked if word.startswith(prefix))
        return list(islice(dict.fromkeys(fitting), most))

    def _count(self) -> defaultdict[str, Counter[str]]:
        if self._after is None:
            self._after = defaultdict(Counter)
            for text in islice(self._texts, _MOST_TEXTS):
                words = text.split()
                self._words.update(words)
                for first, second in zip([_START, *words], words, strict=False):
                    self._after[first][second] += 1
        return self._after
