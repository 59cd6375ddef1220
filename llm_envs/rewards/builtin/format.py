"""Whether a text has the format that was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llm_envs.episode import Episode
from llm_envs.rewards.formats.json_text import JsonFormat
from llm_envs.rewards.formats.verse import VerseFormat
from llm_envs.rewards.forms import script_score

_OPTIONS = {
    "regex": ("pattern",),
    "json": ("schema",),
    "verse": ("rhyme", "syllables", "foot"),
    "script": ("characters",),
}
_SECONDS = 1.0


class Format:
    """How well a text keeps to a format, 0 to 1: a pattern, JSON, verse, or the layout of a script.

    It looks at the form only, so it is a factor for products. A pattern, JSON or a script costs some 10
    microseconds a text, verse some 100. "json" and "verse" need `pip install 'llm-envs[formats]'`.

    - "regex": 1 if the whole text matches `pattern` (of the package `regex`), else 0.
    - "json": 1 if the text is JSON that fits `schema`, else 0.
    - "verse": the product of `rhyme`, `syllables` and `foot`, for English, with the sounds of the CMU
      Pronouncing Dictionary; see `llm_envs.rewards.formats.verse`.
    - "script": speeches "NAME: words" of all `characters` and a line of action; see
      `llm_envs.rewards.forms.script_score`.

    Args:
        kind: "regex", "json", "verse" or "script".
        pattern: A regular expression.
        schema: A JSON schema.
        rhyme: One letter for each line, such as "AABB"; "-" for a line that rhymes with none.
        syllables: The number for each line, such as [5, 7, 5].
        foot: "iamb", "trochee", "anapest" or "dactyl".
        characters: Who speaks. The default is "characters" in the example's metadata.

    Raises:
        ValueError: An option is missing, does not belong to the kind, or is malformed. When it scores:
            matching takes more than a second.
        MissingExtra: A library of the extra is not installed.
    """

    def __init__(
        self,
        *,
        kind: str,
        pattern: str | None = None,
        schema: Mapping[str, Any] | None = None,
        rhyme: str | None = None,
        syllables: Sequence[int] | None = None,
        foot: str | None = None,
        characters: Sequence[str] | None = None,
    ) -> None:
        if kind not in _OPTIONS:
            raise ValueError(f"unknown kind={kind!r}; {', '.join(map(repr, _OPTIONS))}")
        given = {
            **{"pattern": pattern, "schema": schema, "rhyme": rhyme},
            **{"syllables": syllables, "foot": foot, "characters": characters},
        }
        for name, value in given.items():
            if value is not None and name not in _OPTIONS[kind]:
                owner = next(other for other, names in _OPTIONS.items() if name in names)
                raise ValueError(f"{name}={value!r} belongs to kind={owner!r}, not to kind={kind!r}")
        if kind in ("regex", "json") and given[_OPTIONS[kind][0]] is None:
            raise ValueError(f"kind={kind!r} needs {_OPTIONS[kind][0]}")
        if characters is not None and not characters:
            raise ValueError("characters=[] names nobody")
        self._kind, self._characters = kind, characters
        self._format: Any = None
        if kind == "regex":
            self._format = _pattern(str(pattern))
        elif kind == "json":
            self._format = JsonFormat(schema or {})
        elif kind == "verse":
            self._format = VerseFormat(rhyme, syllables, foot)

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        if self._kind == "script":
            return script_score(episode.text, self._speakers(episode))
        if self._kind == "regex":
            try:
                return float(self._format.fullmatch(episode.text, timeout=_SECONDS) is not None)
            except TimeoutError:
                raise ValueError(
                    f"format: matching the pattern took more than {_SECONDS:g} s; write one without nested "
                    "repetition"
                ) from None
        score: float = self._format.score(episode.text)
        return score

    def _speakers(self, episode: Episode) -> Sequence[str]:
        names = self._characters or episode.example.metadata.get("characters")
        if not isinstance(names, list | tuple) or not names:
            raise ValueError(
                f"format needs a list of characters in the example's metadata, got {names!r}; give characters"
            )
        return names


def _pattern(pattern: str) -> Any:
    import regex

    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"pattern={pattern!r} is no regular expression: {error}") from error
