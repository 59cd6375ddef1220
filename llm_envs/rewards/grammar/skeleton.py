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
    reader = SkeletonReader(valency)
    parts: list[str] = []
    for token, tag in zip((*tokens, END), (*classes, END), strict=True):
        parts += reader.read(token, tag)
    return parts


class SkeletonReader:
    """Reads the parts of a text token by token. END, as token and class, ends it.

    Args:
        valency: Gives "i", "t" or "" for a verb.
        state: The open phrase (preposition, determiner, modifiers, noun), and the last part.
    """

    __slots__ = ("_determiner", "_last", "_modifiers", "_noun", "_preposition", "_valency")

    def __init__(
        self,
        valency: Callable[[str], str],
        state: tuple[str, str, tuple[str, ...], str, str] = ("", "", (), "", END),
    ) -> None:
        self._valency = valency
        self._preposition, self._determiner, self._modifiers, self._noun, self._last = state

    def read(self, token: str, tag: str) -> Sequence[str]:
        """Reads a token. Returns the parts that it completes."""
        if token == "\n" or (tag in _SKIPPED and token not in _STOPS):
            return ()
        if tag in _NOUNS:
            self._noun = tag
            return ()
        if (
            not self._noun
            and tag in _BEFORE_NOUN
            and (tag not in "FG" or self._determiner or self._preposition)
        ):
            self._modifiers = (*self._modifiers, tag)
            return ()
        parts = self._close()
        if tag in _DETERMINERS:
            self._determiner = tag
        elif tag in _PRONOUNS and self._preposition:
            parts.append("pp" if tag != "PI" else "PI!")
            self._preposition = ""
        else:
            if self._preposition:
                parts.append("IN!")
                self._preposition = ""
            if tag in _PREPOSITIONS:
                self._preposition = tag
            elif token in _STOPS:
                if (parts[-1] if parts else self._last) != END:
                    parts.append(END)
            elif is_word(token) or token == ",":
                parts.append(tag + self._valency(token) if tag in _VERBS else tag)
        if parts:
            self._last = parts[-1]
        return parts

    def _close(self) -> list[str]:
        """Ends the phrase that is open, and returns it."""
        determiner, modifiers, noun = self._determiner, self._modifiers, self._noun
        parts: list[str] = []
        if noun:
            first = determiner or (modifiers[0] if modifiers else "")
            if (first == "AT" and noun == "P") or (first in _PLURAL and noun == "N"):
                parts.append(noun + "!")
            elif self._preposition:
                parts.append("pp")
            else:
                parts.append(noun + ("+" if determiner or first in _COUNTING else ""))
        elif modifiers:
            alone = next((_ALONE[tag] for tag in modifiers if tag in _ALONE), modifiers[-1])
            parts.append("pp" if self._preposition else alone + "!" * bool(determiner))
        elif determiner:
            parts.append(
                "pp" if self._preposition and determiner in _ALONE else _ALONE.get(determiner, "DT!")
            )
        if parts:
            self._preposition = ""
        self._determiner = self._noun = ""
        self._modifiers = ()
        return parts

    def copy(self) -> SkeletonReader:
        """Returns a reader that continues from here on its own."""
        state = self._preposition, self._determiner, self._modifiers, self._noun, self._last
        return SkeletonReader(self._valency, state)
