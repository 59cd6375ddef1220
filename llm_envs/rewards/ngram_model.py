"""A word trigram language model for small corpora: words interpolated with classes of words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import exp, log
from typing import NamedTuple

from llm_envs.tokenizers.words import is_word, tokens_of

START = "\n"  # a text begins like a line
END_OF_TEXT = "</s>"
_OWN_CLASS_COUNT = 5
_SUFFIX_TYPES = 50
_CACHED_TRIGRAMS = 1 << 18


class Token(NamedTuple):
    """One token of a text under a model, in nats.

    Attributes:
        token: A word, a punctuation mark, a line break, or the end of the text.
        logprob: log P(token | the two before it).
        evidence: logprob minus the token's unigram log-probability: what its place explains.
    """

    token: str
    logprob: float
    evidence: float


class _Following:
    """What followed one context."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.total = 0
        self.counts: dict[str, int] = {}


class NgramOrder:
    """Counts of n-grams of one order with Witten-Bell weights.

    Args:
        scale: How much each different successor of a context speaks for the lower order.
    """

    __slots__ = ("_following", "_scale")

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._following: dict[tuple[str, ...], _Following] = {}

    def add(self, context: tuple[str, ...], token: str) -> None:
        """Counts a token after a context."""
        found = self._following.get(context)
        if found is None:
            found = self._following[context] = _Following()
        found.total += 1
        found.counts[token] = found.counts.get(token, 0) + 1

    def probability(self, context: tuple[str, ...], token: str, lower: float) -> float:
        """Returns P(token | context), given the probability after the shorter context."""
        found = self._following.get(context)
        if found is None:
            return lower
        weight = self._scale * len(found.counts)
        return (found.counts.get(token, 0) + weight * lower) / (found.total + weight)


class NgramModel:
    """P(token | two tokens before) over words, punctuation, line breaks and the end of a text.

    Word trigrams fall back on bigrams, and these on P(class | two classes before) * P(token | class) (class
    n-grams: Brown et al. 1992; Witten-Bell interpolation: Chen and Goodman 1999, section 2.6). A word seen
    five times or more is its own class. A rarer or unknown word belongs to the class of its ending. Classes
    are why a few hundred short texts are enough to learn something about word order.
    """

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        """Counts token sequences; most callers want `NgramModel.fit`."""
        sequences = [list(tokens) for tokens in texts]
        self._unigrams = Counter(token for tokens in sequences for token in [*tokens, END_OF_TEXT])
        self._total = sum(self._unigrams.values())
        endings: Counter[str] = Counter()
        for word in self._unigrams:
            endings.update(word[-k:] for k in (1, 2, 3) if len(word) > k + 1)
        self._endings = {ending for ending, types in endings.items() if types >= _SUFFIX_TYPES}
        self._classes: dict[str, str] = {}
        self._bigrams, self._trigrams = NgramOrder(1.0), NgramOrder(2.0)
        self._class_bigrams, self._class_trigrams = NgramOrder(1.0), NgramOrder(2.0)
        self._class_counts: dict[str, int] = defaultdict(int)
        for tokens in sequences:
            before, last = START, START
            for token in [*tokens, END_OF_TEXT]:
                a, b, c = self._class(before), self._class(last), self._class(token)
                self._bigrams.add((last,), token)
                self._trigrams.add((before, last), token)
                self._class_bigrams.add((b,), c)
                self._class_trigrams.add((a, b), c)
                self._class_counts[c] += 1
                before, last = last, token
        self._class_counts = dict(self._class_counts)
        self._cache: dict[tuple[str, str, str], Token] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_cache": {}}

    @classmethod
    def fit(cls, texts: Iterable[str]) -> NgramModel:
        """Returns the model of some texts.

        Raises:
            ValueError: The texts have no token.
        """
        sequences = [tokens_of(text) for text in texts]
        if not any(sequences):
            raise ValueError("an n-gram model needs texts with at least one word")
        return cls(sequences)

    def logprob(self, text: str) -> float:
        """Returns the mean log-probability per token in nats, the end of the text included."""
        scored = self.score_tokens(tokens_of(text))
        return sum(token.logprob for token in scored) / len(scored)

    def perplexity(self, text: str) -> float:
        """Returns exp(-logprob)."""
        return exp(-self.logprob(text))

    def is_unknown(self, token: str) -> bool:
        """Returns True if a token is a word that the texts do not contain."""
        return token not in self._unigrams and token != END_OF_TEXT and is_word(token)

    def score_tokens(self, tokens: Sequence[str]) -> list[Token]:
        """Returns every token of a text, and its end, with log-probability and evidence."""
        scored = []
        before, last = START, START
        for token in [*tokens, END_OF_TEXT]:
            scored.append(self.score_token(before, last, token))
            before, last = last, token
        return scored

    def score_token(self, before: str, last: str, token: str) -> Token:
        """Returns a token after two others; a text begins after two START, and ends with an END_OF_TEXT."""
        key = (before, last, token)
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= _CACHED_TRIGRAMS:
                self._cache.clear()
            found = self._cache[key] = self._score(*key)
        return found

    def _score(self, before: str, last: str, token: str) -> Token:
        a, b, c = self._class(before), self._class(last), self._class(token)
        plain_class = (self._class_counts.get(c, 0) + 0.5) / (self._total + 0.5 * len(self._class_counts))
        class_now = self._class_bigrams.probability((b,), c, plain_class)
        class_now = self._class_trigrams.probability((a, b), c, class_now)
        plain = (self._unigrams.get(token, 0) + 0.5) / (self._total + 0.5 * (len(self._unigrams) + 1))
        now = self._bigrams.probability((last,), token, plain * class_now / plain_class)
        now = self._trigrams.probability((before, last), token, now)
        return Token(token, log(now), log(now / plain))

    def _class(self, token: str) -> str:
        found = self._classes.get(token)
        if found is None:
            found = self._new_class(token)
            if len(self._classes) < _CACHED_TRIGRAMS:
                self._classes[token] = found
        return found

    def _new_class(self, token: str) -> str:
        if token == END_OF_TEXT or not is_word(token):
            return token
        if self._unigrams.get(token, 0) >= _OWN_CLASS_COUNT:
            return token
        if token[0].isdigit():
            return "<number>"
        for k in (3, 2, 1):
            if len(token) > k + 1 and token[-k:] in self._endings:
                return "-" + token[-k:]
        return "<other>"
