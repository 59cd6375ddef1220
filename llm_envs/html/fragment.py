"""Html, a string that notebooks show as HTML, and how foreign text gets into it."""

from __future__ import annotations

import html

from llm_envs.foreign import shown_lines


class Html(str):
    """HTML that a notebook shows. Everywhere else it is a string."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def escaped(text: object) -> str:
    """Returns a text for HTML: markup is escaped, and control characters are visible escapes."""
    return html.escape(shown_lines(text), quote=True)
