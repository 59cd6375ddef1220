"""The forms a request can ask for, and how well a text keeps to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from llm_envs.tokenizers.words import lines_of, normal_form, words_of


@dataclass(frozen=True, slots=True)
class Form:
    """A poem form.

    Attributes:
        lines: The least and the greatest number of words of every line.
        same_start: True if all lines begin with the same word.
    """

    lines: tuple[tuple[int, int], ...]
    same_start: bool = False


FORMS: dict[str, Form] = {
    "couplet": Form(((5, 10),) * 2),
    "haiku": Form(((2, 7),) * 3),  # its 5-7-5 syllables are not counted
    "tercet": Form(((5, 10),) * 3),
    "cinquain": Form(((1, 1), (2, 2), (3, 3), (4, 4), (1, 1))),
    "quatrain": Form(((4, 9),) * 4),
    "limerick": Form(((4, 9),) * 5),
    "sestet": Form(((3, 8),) * 6),
    "list": Form(((3, 8),) * 4, same_start=True),
}


def form_score(text: str, form: Form) -> float:
    """Returns how well a text keeps to a form, 0 to 1; 1 only if it does completely.

    It is the share of lines that are there and not too many, times their mean closeness to the requested
    lengths. For a list, it is also multiplied by the share of lines that begin with the commonest first word.
    """
    lines = [words for words in map(words_of, lines_of(text)) if words]
    if not lines:
        return 0.0
    asked = len(form.lines)
    number = min(len(lines), asked) / max(len(lines), asked)
    fits = [_closeness(len(words), low, high) for words, (low, high) in zip(lines, form.lines, strict=False)]
    score = number * sum(fits) / len(fits)
    if form.same_start:
        score *= Counter(words[0] for words in lines).most_common(1)[0][1] / max(len(lines), asked)
    return score


def script_score(text: str, characters: Sequence[str]) -> float:
    """Returns how well a text is a scene of these characters, 0 to 1; 0 if none of them speaks.

    Speeches are lines "NAME: words". Other lines are action and have two words or more. The score is a
    product of three shares: the characters that speak; the lines that are well formed and say something new;
    the needed parts that are there. The needed parts are a line of action and one speech per character, at
    least two.
    """
    lines = lines_of(text)
    names = {_folded(name) for name in characters}
    speakers: set[str] = set()
    speeches, actions, good = 0, 0, 0
    seen: set[tuple[str, ...]] = set()
    for line in lines:
        name, colon, speech = line.partition(":")
        spoken = bool(colon) and _folded(name) in names
        words = tuple(words_of(speech if spoken else line))
        if words in seen or (not spoken and (len(words) < 2 or _is_label(name, colon))):
            continue
        if not words:
            continue
        seen.add(words)
        good += 1
        if spoken:
            speakers.add(_folded(name))
            speeches += 1
        else:
            actions += 1
    if not speakers:
        return 0.0
    needed = max(2, len(names))
    parts = (min(speeches, needed) + min(actions, 1)) / (needed + 1)
    return len(speakers) / len(names) * good / len(lines) * parts


def _folded(name: str) -> str:
    return normal_form(name.strip().casefold())


def _is_label(name: str, colon: str) -> bool:
    """Returns True if a line begins like a speech of somebody who was not asked for."""
    return bool(colon) and name.isupper()


def _closeness(length: int, low: int, high: int) -> float:
    if length < low:
        return length / low
    return high / length if length > high else 1.0
