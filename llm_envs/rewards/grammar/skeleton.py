"""The skeleton of sentences: subjects, verbs and objects without what stands between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llm_envs.tokenizers.words import is_word

_STOPS = frozenset(".?!;:")
_DETERMINERS = frozenset(["AT", "DT", "DS", "DP", "PG"])
_BEFORE_NOUN = frozenset(["NU", "ON", "QN", "QM", "OR", "J", "K", "F", "G"])
_COUNTING = frozenset(["NU", "ON", "QN", "QM"])
_PLURAL = frozenset(["NU", "QN", "DP"])
_NOUNS = frozenset(["N", "M", "P", "E", "X"])
_PRONOUNS = frozenset(["PI", "PW", "PH", "PO", "PX", "PN", "EX"])
_PREPOSITIONS = frozenset(("IN",))
_SKIPPED = frozenset(["R", "RB", "RD", "RP", "XN", "UH"])
_ALONE = {"DS": "PN", "DP": "PN", "NU": "PN", "ON": "PN", "QN": "PN", "QM": "PN", "OR": "OR", "PG": "PN"}
_VERBS = frozenset(["V", "Z", "D", "F", "G"])
END = "."


def skeleton(tokens: Sequence[str], classes: Sequence[str], valency: Callable[[str], str]) -> list[str]:
    """Returns the parts of the sentences of a text, and END after each.

    A noun phrase is one part: its noun's class, with "+" if it has a determiner. A prepositional phrase is
    "pp". Adverbs are left out. Conjunctions and commas stay. So do verbs, with "i" after their class if they
    take no object, and "t" if they want one. A determiner without a noun is a part with "!", and so are a
    preposition without a phrase and a noun in the wrong number.

    Args:
        tokens: The text; its line breaks are left out.
        classes: The class of every token.
        valency: Gives "i", "t" or "" for a verb.
    """
    parts: list[str] = []
    preposition = ""  # an open prepositional phrase
    determiner = ""
    modifiers: list[str] = []
    noun = ""
    for token, tag in zip((*tokens, END), (*classes, END), strict=True):
        if token == "\n":
            continue
        if tag in _SKIPPED and token not in _STOPS:
            continue
        if tag in _NOUNS:
            noun = tag
            continue
        if not noun and tag in _BEFORE_NOUN and (tag not in "FG" or determiner or preposition):
            modifiers.append(tag)
            continue
        # The phrase that was open ends here.
        if noun:
            first = determiner or (modifiers[0] if modifiers else "")
            if (first == "AT" and noun == "P") or (first in _PLURAL and noun == "N"):
                parts.append(noun + "!")
            elif preposition:
                parts.append("pp")
            else:
                parts.append(noun + ("+" if determiner or first in _COUNTING else ""))
            preposition = ""
        elif modifiers:
            alone = next((_ALONE[tag_] for tag_ in modifiers if tag_ in _ALONE), modifiers[-1])
            parts.append("pp" if preposition else alone + "!" * bool(determiner))
            preposition = ""
        elif determiner:
            parts.append("pp" if preposition and determiner in _ALONE else _ALONE.get(determiner, "DT!"))
            preposition = ""
        determiner, noun = "", ""
        modifiers = []
        if tag in _DETERMINERS:
            determiner = tag
            continue
        if tag in _PRONOUNS and preposition:
            parts.append("pp" if tag != "PI" else "PI!")
            preposition = ""
            continue
        if preposition:
            parts.append("IN!")
            preposition = ""
        if tag in _PREPOSITIONS:
            preposition = tag
        elif token in _STOPS:
            if parts and parts[-1] != END:
                parts.append(END)
        elif is_word(token) or token == ",":
            parts.append(tag + valency(token) if tag in _VERBS else tag)
    return parts
