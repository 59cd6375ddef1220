"""How English words sound: syllables, stress and rhyme, from the CMU Pronouncing Dictionary."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from llm_envs.checks.extras import needs

_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(r"(?:[^laeiouy]e|[^aeiouytd]ed|[^aeiouyscxz]es)$")


@lru_cache(maxsize=1)
def _dictionary() -> Any:
    with needs("formats", "kind='verse'"):
        import pronouncing
    return pronouncing


def check_dictionary() -> None:
    """Loads the dictionary.

    Raises:
        MissingExtra: `pronouncing` is not installed.
    """
    _dictionary()


@lru_cache(maxsize=20_000)
def stresses_of(word: str) -> tuple[str, ...]:
    """Returns the stress patterns of a word, "0" and "1" for each syllable.

    A word that the dictionary lacks has one pattern of "?", whose length is guessed from its vowels.
    """
    dictionary = _dictionary()
    phones = dictionary.phones_for_word(word)
    if not phones:
        groups = len(_VOWELS.findall(word))
        return ("?" * max(1, groups - bool(groups > 1 and _SILENT.search(word))),)
    found = (dictionary.stresses(each).replace("2", "1") for each in phones)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=20_000)
def rhymes_of(word: str) -> frozenset[str]:
    """Returns the sounds from the last stressed vowel on, for each way to say a word.

    The last three letters stand for the sound of a word that the dictionary lacks.
    """
    dictionary = _dictionary()
    phones = dictionary.phones_for_word(word)
    return frozenset(dictionary.rhyming_part(each) for each in phones) or frozenset({word[-3:]})
