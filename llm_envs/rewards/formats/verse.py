"""Whether a poem keeps to a rhyme scheme, a number of syllables and a metre; for English."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

from llm_envs.rewards.formats.sounds import check_dictionary, rhymes_of, stresses_of
from llm_envs.tokenizers.words import lines_of, words_of

FEET = {"iamb": "01", "trochee": "10", "anapest": "001", "dactyl": "100"}
_READINGS = 64


class VerseFormat:
    """The product of what is asked for: rhyme, syllables, foot; each 0 to 1.

    Rhyme: of all pairs of lines, the mean over those that must rhyme and those that must not of the share
    that does. A word does not rhyme with itself. Syllables: the mean over lines of smaller / larger number.
    Foot: the share of syllables with the stress of the foot. Words of one syllable fit both. The best reading
    of a line counts. All are multiplied by the share of lines that are there and not too many.

    Args:
        rhyme: One letter for each line; lines of one letter rhyme, "-" rhymes with none: "AABB", "A-A-".
        syllables: The number for each line.
        foot: "iamb", "trochee", "anapest" or "dactyl".

    Raises:
        ValueError: Nothing is asked for, or the options disagree.
        MissingExtra: `pronouncing` is not installed.
    """

    def __init__(self, rhyme: str | None, syllables: Sequence[int] | None, foot: str | None) -> None:
        if rhyme is None and syllables is None and foot is None:
            raise ValueError("kind='verse' needs rhyme, syllables or foot")
        if rhyme is not None and (len(rhyme) < 2 or not rhyme.replace("-", "A").isalpha()):
            raise ValueError(f"rhyme={rhyme!r} has one letter for each of two lines or more, such as 'AABB'")
        if syllables is not None and (not syllables or min(syllables) < 1):
            raise ValueError(f"syllables={list(syllables)!r} has a number from 1 for each line")
        if foot is not None and foot not in FEET:
            raise ValueError(f"unknown foot={foot!r}; {', '.join(FEET)}")
        if rhyme is not None and syllables is not None and len(rhyme) != len(syllables):
            raise ValueError(f"rhyme={rhyme!r} and syllables={list(syllables)!r} are of different lengths")
        check_dictionary()
        self._rhyme, self._syllables, self._foot = rhyme, syllables, FEET.get(foot or "")
        self._lines = len(rhyme or syllables or ())

    def score(self, text: str) -> float:
        """Returns the score; 0 for a text without words."""
        lines = [words for words in map(words_of, lines_of(text)) if words]
        if not lines:
            return 0.0
        score = min(len(lines), self._lines) / max(len(lines), self._lines) if self._lines else 1.0
        if self._rhyme is not None:
            score *= _rhyme_score([words[-1] for words in lines], self._rhyme)
        if self._syllables is not None:
            pairs = zip(lines, self._syllables, strict=False)
            fits = [_syllable_score(words, asked) for words, asked in pairs]
            score *= sum(fits) / len(fits)
        if self._foot is not None:
            score *= sum(_foot_score(words, self._foot) for words in lines) / len(lines)
        return score


def _rhyme_score(ends: Sequence[str], scheme: str) -> float:
    """Returns the mean of two shares: the right ones of pairs that must rhyme, and of pairs that must not."""
    kept: dict[bool, list[bool]] = {True: [], False: []}
    for (first, a), (second, b) in combinations(zip(ends, scheme, strict=False), 2):
        must = a == b != "-"
        kept[must].append((first != second and bool(rhymes_of(first) & rhymes_of(second))) == must)
    shares = [sum(pairs) / len(pairs) for pairs in kept.values() if pairs]
    return sum(shares) / len(shares) if shares else 0.0


def _syllable_score(words: Sequence[str], asked: int) -> float:
    """Returns smaller / larger number of syllables, for the way to say the line that comes closest."""
    counts = {0}
    for word in words:
        counts = {count + len(stresses) for count in counts for stresses in stresses_of(word)}
    return max(min(count, asked) / max(count, asked) for count in counts)


def _foot_score(words: Sequence[str], foot: str) -> float:
    """Returns the share of syllables whose stress is the foot's, for the best of the first 64 readings."""
    readings = product(*map(stresses_of, words))
    return max(_agreement(reading, foot) for reading, _ in zip(readings, range(_READINGS), strict=False))


def _agreement(reading: Sequence[str], foot: str) -> float:
    place = agree = 0
    for stresses in reading:
        for stress in stresses:
            wanted = foot[place % len(foot)]
            agree += len(stresses) == 1 or stress in ("?", wanted)
            place += 1
    return agree / place
