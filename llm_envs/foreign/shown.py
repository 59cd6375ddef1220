"""Foreign text as it may reach a terminal: control characters escaped, long texts cut."""

from __future__ import annotations

import unicodedata

# Control (C0, C1, DEL), format (zero-width, bidirectional overrides), surrogates, private use, unassigned,
# and the two separators of lines and paragraphs: none of them may act on a terminal.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(text: object, limit: int | None = 200) -> str:
    r"""A text on one line, without a character that could act on the terminal.

    Args:
        text: Anything; its `str` is shown.
        limit: Characters that are kept of it; None keeps all.

    Returns:
        Control, format and unassigned characters as escapes such as "\x1b"; "…" where it was cut.
    """
    whole = str(text)
    cut = whole if limit is None or len(whole) <= limit else whole[: limit - 1] + "…"
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _ESCAPED else c for c in cut
    )


def shown_lines(text: object, indent: str = "") -> str:
    """A text on the lines it has, each as `shown` gives it, uncut.

    Args:
        text: Anything; its `str` is shown.
        indent: Stands before every line but the first, so that none passes for a line of somebody else.
    """
    return f"\n{indent}".join(shown(line, None) for line in str(text).split("\n"))
