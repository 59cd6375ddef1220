"""Foreign text as it may reach a terminal: control characters are escaped, long texts are cut."""

from __future__ import annotations

import unicodedata

# Control (C0, C1, DEL), format (zero-width, bidirectional overrides), surrogates, private use, unassigned,
# and the two separators of lines and paragraphs: none of them may act on a terminal.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(text: object, limit: int | None = 200) -> str:
    r"""Returns a text on one line, without characters that could act on the terminal.

    Args:
        text: Any object. Its `str` is shown.
        limit: The most characters to keep. None keeps all.

    Returns:
        The text. Control, format and unassigned characters are escapes such as "\x1b"; "…" marks a cut.
    """
    whole = str(text)
    cut = whole if limit is None or len(whole) <= limit else whole[: limit - 1] + "…"
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _ESCAPED else c for c in cut
    )


def shown_lines(text: object, indent: str = "") -> str:
    """Returns a text with its line breaks. Each line is as `shown` returns it, uncut.

    Args:
        text: Any object. Its `str` is shown.
        indent: Put before every line but the first, so that a line cannot look like our own output.
    """
    return f"\n{indent}".join(shown(line, None) for line in str(text).split("\n"))
