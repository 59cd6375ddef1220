"""Whether the text equals a reference."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.tokenizers.words import normal_form


def exact_match(episode: Episode, *, lowercase: bool = False) -> float:
    """Returns 1 if the text equals a reference, else 0.

    White space and the encoding of accents do not matter.

    Args:
        episode: The finished episode.
        lowercase: Ignore case.
    """
    references = episode.example.references
    if not references:
        raise ValueError("exact_match needs references, and this example has none")
    text = _normal(episode.text, lowercase)
    return float(any(text == _normal(reference, lowercase) for reference in references))


exact_match.needs_references = True  # type: ignore[attr-defined]


def _normal(text: str, lowercase: bool) -> str:
    text = " ".join(text.split())
    return normal_form(text.lower() if lowercase else text)
