"""Equations as MathML, which browsers draw themselves: no JavaScript and no fonts to load."""

from __future__ import annotations

import html as escaping
import re

from latex2mathml.converter import convert

_EQUATION = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<display>.*?)\\\])</(?P=tag)>',
    re.S,
)


def with_mathml(html: str) -> str:
    """Returns a page in which what `pymdownx.arithmatex` marked is MathML.

    Raises:
        ValueError: An equation has a command that latex2mathml does not know; it would show it as text.
    """

    def replace(match: re.Match[str]) -> str:
        display = match["display"] is not None
        latex = escaping.unescape(match["display"] if display else match["inline"])
        math = convert(latex, display="block" if display else "inline")
        if "\\" in re.sub(r"<annotation.*?</annotation>", "", math, flags=re.DOTALL):
            raise ValueError(f"latex2mathml does not know a command of the equation {latex!r}")
        return f'<{match["tag"]} class="equation">{math}</{match["tag"]}>'

    return _EQUATION.sub(replace, html)
