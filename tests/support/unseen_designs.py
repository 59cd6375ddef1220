"""Reward designs that were written after the audit's rules were fixed: sound ones and bad ones."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from itertools import pairwise

from llm_envs.episode import Episode


def words(text: str) -> list[str]:
    """Returns the words in lower case."""
    return text.lower().split()


# bad


def unigram_recall(episode: Episode) -> float:
    """ROUGE-1 recall: every word that one says may be right, and none costs anything."""
    own, reference = Counter(words(episode.text)), Counter(words(episode.references[0]))
    return (own & reference).total() / max(1, reference.total())


def starts_right(episode: Episode) -> float:
    """Looks at the first word alone."""
    own, reference = words(episode.text), words(episode.references[0])
    return float(bool(own) and own[0] == reference[0])


def polite(episode: Episode) -> float:
    """A rule for good manners in place of a judge of answers."""
    text = episode.text.lower()
    return 0.5 * ("you" in text) + 0.25 * text.endswith((".", "?", "!")) + 0.25 * (len(text) > 10)


def line_count(episode: Episode) -> float:
    """A poem has as many lines as its form asks for; nothing else is looked at."""
    wanted = len(episode.references[0].split("\n"))
    return max(0.0, 1 - abs(len(episode.text.split("\n")) - wanted) / wanted)


def swallowed_fault(episode: Episode) -> float:
    """Misspells an entry, and never finds out."""
    try:
        return float(episode.example.metadata["wrods"] in episode.text)
    except KeyError:
        return 0.0


def vocabulary_richness(episode: Episode) -> float:
    """Types over tokens, which random words have as many of."""
    own = words(episode.text)
    return len(set(own)) / max(1, len(own))


# sound


def matching_blocks(episode: Episode) -> float:
    """Ratcliff and Obershelp's ratio over words, against the nearest reference."""
    own = episode.text.split()
    return max(
        SequenceMatcher(None, own, reference.split(), autojunk=False).ratio()
        for reference in episode.references
    )


def bigram_f1_and_length(episode: Episode) -> float:
    """F1 over pairs of words, times the ratio of lengths."""
    own, reference = episode.text.split(), episode.references[0].split()

    def pairs(text: list[str]) -> Counter[tuple[str, str]]:
        padded = ["<", *text, ">"]
        return Counter(pairwise(padded))

    common = (pairs(own) & pairs(reference)).total()
    f1 = 2 * common / (pairs(own).total() + pairs(reference).total())
    return f1 * min(len(own), len(reference)) / max(1, len(own), len(reference))


def log_of_errors(episode: Episode) -> float:
    """A cost without an upper bound: -log(1 + word errors)."""
    from math import log

    own, reference = episode.text.split(), episode.references[0].split()
    row = list(range(len(reference) + 1))
    for i, word in enumerate(own, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(reference, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return -log(1 + row[-1])


def strict_dialogue(episode: Episode) -> float:
    """Success of a dialogue, and a little for every turn that was not needed."""
    return episode.measures["success"] * (1 - 0.02 * len(episode.turns))
