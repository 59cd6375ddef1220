r"""Inline code as a reader expects it: short names stay on one line, and a table's `\|` is a bar."""

from __future__ import annotations

import html as escaping
import re

LONGEST = 28
"""Characters that fit on a line of a phone beside another word."""

_INLINE = re.compile(r"(?P<block><pre\b.*?</pre>)|<code>(?P<name>[^<]+)</code>", re.S)


def with_whole_names(html: str) -> str:
    r"""Returns a page in which inline code of at most `LONGEST` characters has the class `whole`.

    The style sheet keeps it on one line. Markdown writes a bar in a table as `\|`, also in code. GitHub shows
    a bar there, Python-Markdown both characters.
    """

    def replace(match: re.Match[str]) -> str:
        if match["block"]:
            return match[0]
        name = match["name"].replace("\\|", "|")
        whole = ' class="whole"' if len(escaping.unescape(name)) <= LONGEST else ""
        return f"<code{whole}>{name}</code>"

    return _INLINE.sub(replace, html)
