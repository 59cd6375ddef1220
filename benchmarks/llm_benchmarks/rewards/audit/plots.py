"""Drawings of the page as SVG: lines with bands, and dots with intervals. Classes give the colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

WIDTH, HEIGHT = 460, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 128, 12, 38
_GAP = 13  # least distance of two labels at the ends of lines


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: Its label, at its end.
        x: Places.
        y: Values.
        low: Lower ends of intervals, if there are any.
        high: Upper ends.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = field(default_factory=tuple)
    high: Sequence[float] = field(default_factory=tuple)


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    x_title: str,
    ticks: Sequence[tuple[float, str]],
    limit: float | None = None,
) -> Markup:
    """Returns a chart of shares.

    Args:
        lines: The lines; their values are shares, drawn from 0 to at most 150 %.
        title: Read by screen readers.
        x_title: Stands below the axis.
        ticks: Places on the x axis, and their labels.
        limit: A share at which a dashed line is drawn.
    """
    places = [place for line in lines for place in line.x] + [place for place, _ in ticks]
    left, right = min(places), max(places)
    values = [v for line in lines for v in (*line.y, *line.high) if math.isfinite(v)]
    top = min(1.5, max([1.0, *values]) * 1.04)

    def at_x(place: float) -> float:
        return _LEFT + (place - left) / ((right - left) or 1.0) * (WIDTH - _LEFT - _RIGHT)

    def at_y(value: float) -> float:
        return HEIGHT - _BOTTOM - min(max(value, 0.0), top) / top * (HEIGHT - _TOP - _BOTTOM)

    parts = [_grid(at_y, top), *(_tick(at_x(place), label) for place, label in ticks)]
    if limit is not None:
        parts.append(_horizontal(at_y(limit), "limit"))
    ends: list[tuple[float, int, str]] = []
    for number, line in enumerate(lines):
        points = [(at_x(x), at_y(y)) for x, y in zip(line.x, line.y, strict=True)]
        if line.low:
            upper = [(at_x(x), at_y(y)) for x, y in zip(line.x, line.high, strict=True)]
            lower = [(at_x(x), at_y(y)) for x, y in zip(line.x, line.low, strict=True)]
            parts.append(
                Markup('<path class="band f{}" d="M{}Z"/>').format(number % 8, _path([*upper, *lower[::-1]]))
            )
        parts.append(Markup('<path class="line s{}" d="M{}"/>').format(number % 8, _path(points)))
        ends.append((points[-1][1], number, line.name))
    parts += _labels(ends)
    parts.append(
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            _figure((_LEFT + WIDTH - _RIGHT) / 2), HEIGHT - 4, x_title
        )
    )
    return _svg(WIDTH, HEIGHT, title, parts)


def _labels(ends: Sequence[tuple[float, int, str]]) -> list[Markup]:
    """Returns the names at the ends of lines, moved apart."""
    found, last = [], -math.inf
    for y, number, name in sorted(ends):
        y = max(y, last + _GAP)
        last = y
        found.append(
            Markup('<text class="f{}" x="{}" y="{}">{}</text>').format(
                number % 8, WIDTH - _RIGHT + 6, _figure(y + 4), name
            )
        )
    return found


@dataclass(frozen=True)
class Dots:
    """A row of a dot plot: a value with its interval, and perhaps a second value.

    Attributes:
        value: The value; None for no dot.
        low: Lower end.
        high: Upper end.
        second: Another value, drawn as an open dot.
        strong: Draw it in the colour of a warning.
    """

    value: float | None
    low: float
    high: float
    second: float | None = None
    strong: bool = False


def dot_row(row: Dots, least: float, most: float, limit: float | None, *, width: int = 240) -> Markup:
    """Returns one row as a drawing on the axis from `least` to `most`; values beyond are cut there."""

    def at(value: float) -> float:
        return 6 + (min(max(value, least), most) - least) / (most - least) * (width - 12)

    parts = [
        Markup('<line class="axis0" x1="{0}" x2="{0}" y1="0" y2="20"/>').format(_figure(at(0.0))),
    ]
    if limit is not None:
        parts.append(
            Markup('<line class="limit" x1="{0}" x2="{0}" y1="0" y2="20"/>').format(_figure(at(limit)))
        )
    if row.value is not None:
        mark = "strong" if row.strong else "plain"
        parts.append(
            Markup('<line class="reach {}" x1="{}" x2="{}" y1="10" y2="10"/>').format(
                mark, _figure(at(row.low)), _figure(at(row.high))
            )
        )
        parts.append(
            Markup('<circle class="dot {}" cx="{}" cy="10" r="4"/>').format(mark, _figure(at(row.value)))
        )
    if row.second is not None:
        parts.append(Markup('<circle class="open" cx="{}" cy="10" r="4"/>').format(_figure(at(row.second))))
    return Markup(
        '<svg class="dots" viewBox="0 0 {0} 20" width="{0}" height="20" aria-hidden="true">{1}</svg>'
    ).format(width, Markup("").join(parts))


def _svg(width: int, height: int, title: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, title, Markup("").join(parts)
    )


def _grid(at_y: object, top: float) -> Markup:
    assert callable(at_y)
    steps = [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5]
    lines = [_horizontal(at_y(step), "grid") for step in steps if step <= top]
    names = [
        Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
            _LEFT - 6, _figure(at_y(step) + 4), f"{step:.0%}"
        )
        for step in steps[::2]
        if step <= top
    ]
    return Markup("").join([*lines, *names])


def _horizontal(y: float, kind: str) -> Markup:
    return Markup('<line class="{0}" x1="{1}" x2="{2}" y1="{3}" y2="{3}"/>').format(
        kind, _LEFT, WIDTH - _RIGHT, _figure(y)
    )


def _tick(x: float, label: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(_figure(x), HEIGHT - 22, label)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{_figure(x)} {_figure(y)}" for x, y in points)


def _figure(value: float) -> str:
    return str(escape(f"{value:.1f}"))
