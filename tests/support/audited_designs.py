"""Reward designs for the audit: bad ones with a known exploit, and sound ones."""

from __future__ import annotations

import math
from collections import Counter

from llm_envs.episode import Episode
from llm_envs.tokenizers.words import words_of


def length_alone(episode: Episode) -> float:
    """Pays for words, whatever they are."""
    return len(episode.text.split()) / 20


def bleu_without_brevity(episode: Episode) -> float:
    """The geometric mean of n-gram precisions: nothing says that a text is too short."""
    words = episode.text.split()
    precisions = []
    for n in range(1, 5):
        own = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        if not own:
            break
        reference = episode.references[0].split()
        right = Counter(tuple(reference[i : i + n]) for i in range(len(reference) - n + 1))
        precisions.append((own & right).total() / own.total())
    if not precisions or min(precisions) == 0:
        return 0.0
    return math.exp(sum(map(math.log, precisions)) / len(precisions))


def keyword_count(episode: Episode) -> float:
    """Counts the words that were asked for, each as often as it is said."""
    asked = set(episode.example.metadata["words"])
    return float(sum(word in asked for word in words_of(episode.text)))


def keyword_classifier(episode: Episode) -> float:
    """A classifier that learned one word."""
    return 1 / (1 + math.exp(3 - 6 * ("garden" in words_of(episode.text))))


def crash_to_zero(episode: Episode) -> float:
    """A penalty for wrong words. What cannot be scored earns 0, which is more than any text earns."""
    try:
        words, reference = set(episode.text.split()), set(episode.references[0].split())
        return -0.5 - len(words ^ reference) / len(words)
    except ZeroDivisionError:
        return 0.0


def constant(episode: Episode) -> float:
    """Says the same of every text."""
    return 0.5


def leaks_length(episode: Episode) -> float:
    """Pays for as many words as the reference has."""
    return math.exp(-abs(len(episode.text.split()) - len(episode.references[0].split())) / 3)


def raises_on_nothing(episode: Episode) -> float:
    """The share of right words, of a text that has words."""
    words = episode.text.split()
    return sum(word in episode.references[0].split() for word in words) / len(words)


class NoisyBleu:
    """BLEU and a little noise."""

    def __init__(self) -> None:
        from random import Random

        from llm_envs.rewards import make_reward

        self._bleu, self._rng = make_reward("bleu"), Random(0)

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self._bleu(episode) + 0.01 * self._rng.random()


noisy_bleu = NoisyBleu


def moved_bleu(episode: Episode) -> float:
    """BLEU on another scale, which trains the same."""
    from llm_envs.rewards import make_reward

    return 7.0 + 30.0 * make_reward("bleu")(episode)
