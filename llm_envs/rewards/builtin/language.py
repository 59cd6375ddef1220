"""Whether a text is in the requested language."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from llm_envs.episode import Episode
from llm_envs.rewards.context import RewardContext


class Language:
    """The probability that the text is in a language, 0 to 1 (Lui and Baldwin 2012). The empty text scores 0.

    Args:
        language: An ISO 639-1 code such as "de". The default is the environment's language.
        context: Gives the language.
    """

    def __init__(self, *, language: str | None = None, context: RewardContext | None = None) -> None:
        from importlib.metadata import version

        if language is None and context is not None:
            language = context.language
        if language is None:
            raise ValueError("which language? Give it as an option: language='de'")
        known = [str(label) for label in _identifier().labels]
        if language not in known:
            raise ValueError(
                f"py3langid does not know the language {language!r}; it knows {', '.join(known)}"
            )
        self._language = language
        self.signature = f"language|language:{language}|py3langid:{version('py3langid')}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        if not episode.text.strip():
            return 0.0
        return float(dict(_identifier().rank(episode.text))[self._language])


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """Returns the one model of this process, which takes half a second to load."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
