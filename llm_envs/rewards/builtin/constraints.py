"""Whether a text does what the request asks: words, a form, characters that speak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.episode import Episode, Example
from llm_envs.rewards.asked_words import share_used
from llm_envs.rewards.forms import FORMS, form_score, script_score


def constraints(episode: Episode) -> float:
    """Returns the share of the requested words that are used, times the score of the form; 0 to 1.

    It reads `example.metadata`: "words" (each to be used as a whole word in any case), "form" (a name in
    `llm_envs.rewards.forms.FORMS`, or "script") and, for a script, "characters". A text with none of the
    words scores 0, so a text that suits every request alike earns nothing.

    Raises:
        ValueError: The example asks for nothing, or for an unknown form.
    """
    metadata = episode.example.metadata
    asked: Sequence[str] = metadata.get("words") or ()
    form = metadata.get("form")
    if not asks(episode.example):
        raise ValueError(
            'constraints needs "words" or "form" in the example\'s metadata, '
            f"which has {', '.join(sorted(metadata)) or 'nothing'}"
        )
    score = _words_score(episode.text, asked) if asked else 1.0
    if score and form is not None:
        score *= _form_score(episode.text, form, metadata)
    return score


def asks(example: Example) -> bool:
    """Returns True if an example asks for words or for a form, so that `constraints` can score its texts."""
    return bool(example.metadata.get("words")) or example.metadata.get("form") is not None


def _words_score(text: str, asked: Sequence[str]) -> float:
    if isinstance(asked, str):
        raise ValueError(f'constraints needs "words" to be a list of words, got {asked!r}')
    return share_used(text, asked)


def _form_score(text: str, form: str, metadata: Mapping[str, Any]) -> float:
    if form == "script":
        characters = metadata.get("characters")
        if not characters or isinstance(characters, str):
            raise ValueError('constraints needs a list of "characters" to judge a script')
        return script_score(text, characters)
    if form not in FORMS:
        raise ValueError(
            f"constraints does not know the form {form!r}{did_you_mean(form, [*FORMS, 'script'])} "
            f"it knows {', '.join(FORMS)}, script"
        )
    return form_score(text, FORMS[form])
