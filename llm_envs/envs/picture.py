"""Pictures of episodes: render_mode="rgb_array", for RecordVideo, Stable-Baselines3 and pixel wrappers.

Pillow draws them. It is imported with the first picture, so environments work without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from llm_envs.checks.extras import needs
from llm_envs.foreign import shown

HEIGHT, WIDTH = 480, 640
"""Of every picture, so that the frames of a video fit together."""
FONT = "LLM_ENVS_FONT"
"""Environment variable: a .ttf or .otf file to draw with. Pillow's own font has Latin letters alone."""

_MARGIN, _SIZE, _LINE = 12, 15, 19
_INK, _FAINT, _PAPER, _LAST = (24, 24, 24), (120, 120, 120), (255, 255, 255), (255, 224, 102)
_TAB = "    "
_LONGEST = 400  # characters of a line; some have no width


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text with a label in front of it, such as "user: ", and an end to highlight."""

    label: str
    text: str
    last: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the picture. Characters before `label` are faint, those from `last` on are highlighted."""

    text: str
    label: int
    last: int


def draw(heading: Paragraph, body: Sequence[Paragraph], end: Sequence[Paragraph]) -> np.ndarray:
    """Draws an episode.

    Args:
        heading: Shown at the top, on at most a third of the picture.
        body: Shown in the middle. If it does not fit, its last lines are shown.
        end: Shown at the bottom.

    Returns:
        uint8 (HEIGHT, WIDTH, 3).

    Raises:
        MissingExtra: Pillow is not installed.
    """
    with needs("render", "a picture of an episode"):
        from PIL import Image, ImageDraw
    rows = (HEIGHT - 2 * _MARGIN) // _LINE
    below = _first(_wrapped(end), rows // 3)
    above = _first(_wrapped([heading]), rows // 3)
    middle = _wrapped(body)
    room = rows - len(above) - len(below)
    if len(middle) > room:
        middle = [_Line("…", 1, 1), *middle[len(middle) - room + 1 :]]
    picture = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen = ImageDraw.Draw(picture)
    for row, line in enumerate([*above, *middle]):
        _write(pen, _MARGIN + row * _LINE, line)
    for row, line in enumerate(below):
        _write(pen, HEIGHT - _MARGIN - (len(below) - row) * _LINE, line)
    return np.asarray(picture, dtype=np.uint8).copy()


def _first(lines: list[_Line], count: int) -> list[_Line]:
    return lines if len(lines) <= count else [*lines[: count - 1], _Line("…", 1, 1)]


def _write(pen: Any, y: int, line: _Line) -> None:
    font = _font()
    parts = (line.text[: line.label], line.text[line.label : line.last], line.text[line.last :])
    x = float(_MARGIN)
    for part, ink, highlighted in zip(parts, (_FAINT, _INK, _INK), (False, False, True), strict=True):
        if not part:
            continue
        width = font.getlength(part)
        if highlighted:
            pen.rectangle((x, y, x + max(width, 3.0), y + _LINE - 2), fill=_LAST)
        pen.text((x, y), part, fill=ink, font=font)
        x += width


def _wrapped(paragraphs: Sequence[Paragraph]) -> list[_Line]:
    """Returns the lines of paragraphs. Lines that are too wide break at spaces, else within words."""
    return [line for paragraph in paragraphs for line in _lines(paragraph)]


def _lines(paragraph: Paragraph) -> Iterator[_Line]:
    label, text, last = (_plain(part) for part in (paragraph.label, paragraph.text, paragraph.last))
    whole = label + text + last
    at = 0
    for piece in whole.split("\n"):
        for begin, stop in _breaks(piece):
            where = at + begin
            yield _Line(
                piece[begin:stop],
                min(max(len(label) - where, 0), stop - begin),
                min(max(len(label) + len(text) - where, 0), stop - begin),
            )
        at += len(piece) + 1


def _plain(text: str) -> str:
    """Returns a text that can be drawn: control characters become escapes, line breaks stay."""
    return "\n".join(shown(line.replace("\t", _TAB), None) for line in text.split("\n"))


def _breaks(text: str) -> Iterator[tuple[int, int]]:
    """Where the lines of a text begin and end, at least one."""
    width, measure = WIDTH - 2 * _MARGIN, _font().getlength
    begin = 0
    while True:
        low, high = begin, min(len(text), begin + _LONGEST)
        while low < high:  # the longest piece that fits
            middle = (low + high + 1) // 2
            if measure(text[begin:middle]) <= width:
                low = middle
            else:
                high = middle - 1
        if low == len(text):
            yield begin, low
            return
        space = text.rfind(" ", begin + 1, low + 1)
        stop = space if space > begin else max(low, begin + 1)
        yield begin, stop
        begin = stop + 1 if space > begin else stop


@lru_cache(maxsize=4)
def _font_of(place: str | None) -> Any:
    from PIL import ImageFont

    if place is None:
        return ImageFont.load_default(size=_SIZE)
    try:
        return ImageFont.truetype(place, size=_SIZE)
    except OSError as error:
        raise OSError(f"{FONT}={place!r} cannot be read as a font: {error}") from None


def _font() -> Any:
    return _font_of(os.environ.get(FONT) or None)
