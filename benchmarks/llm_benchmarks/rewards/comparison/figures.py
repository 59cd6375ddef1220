"""Figures of a comparison as SVG: a held-out value against the distance from the start, for each design."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from llm_benchmarks.rewards.comparison.measured import DesignRun, Point
from llm_envs.foreign import shown

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 150, 14, 42
_PALETTE = ("#0072b2", "#d55e00", "#009e73", "#b8578f", "#8a6d00", "#3d9bd1", "#7a4fb5", "#6b6d70")
_COLOURS = len(_PALETTE)
_TICKS = 5


class _Axis(NamedTuple):
    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        raw = (self.high - self.low) / _TICKS
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def curves_figure(
    column: str, designs: Sequence[str], runs: Sequence[DesignRun], *, over_distance: bool
) -> str | None:
    """Returns a line for each training: a value against sqrt(KL) from the start, or against steps.

    Args:
        column: The value.
        designs: Names of the designs; the place decides the colour.
        runs: All runs.
        over_distance: True for sqrt(KL), False for steps.

    Returns:
        An SVG element, or None if no curve has the value.
    """
    lines = [(run.design, _points(run.curve, column, over_distance)) for run in runs]
    lines = [(design, points) for design, points in lines if points]
    if not lines:
        return None
    xs, ys = ([pair[i] for _, points in lines for pair in points] for i in (0, 1))
    x = _axis([0.0, *xs], _LEFT, _WIDTH - _RIGHT)
    y = _axis(ys, _HEIGHT - _BOTTOM, _TOP)
    parts = [*_grid(x, y, "√KL from the start, nats" if over_distance else "environment steps")]
    ends: list[tuple[float, str, int]] = []
    for number, design in enumerate(designs):
        own = [points for trained_on, points in lines if trained_on == design]
        colour = number % _COLOURS
        for points in own:
            path = " ".join(f"{x.place(a):.1f},{y.place(b):.1f}" for a, b in points)
            parts.append(f'<polyline class="line c{colour}" points="{path}"/>')
            parts += [
                f'<circle class="dot c{colour}" cx="{x.place(a):.1f}" cy="{y.place(b):.1f}" r="2.5"/>'
                for a, b in points
            ]
        if own:
            ends.append((float(np.mean([y.place(points[-1][1]) for points in own])), design, colour))
    parts += _labels(ends)
    title = f"{shown(column, 60)} of each design against {'√KL' if over_distance else 'steps'}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def standalone(svg: str) -> str:
    """Returns a figure of `curves_figure` as a file of its own, with colours for light and dark pages."""
    colours = "".join(
        f".line.c{i},.dot.c{i}{{stroke:{c}}}.name.c{i}{{fill:{c}}}" for i, c in enumerate(_PALETTE)
    )
    style = (
        "text{font:12px sans-serif;fill:#777}.name{font-weight:600}.line{fill:none;stroke-width:2}"
        f".dot{{fill:none;stroke-width:1.5}}.grid{{stroke:#8884}}{colours}"
    )
    head, rest = svg.split(">", 1)
    size = f'xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"'
    return f"{head.replace('<svg', f'<svg {size}', 1)}><style>{style}</style>{rest}\n"


def _points(curve: Sequence[Point], column: str, over_distance: bool) -> list[tuple[float, float]]:
    points = [(p.distance if over_distance else float(p.timesteps), p) for p in curve if column in p.values]
    return [(at, p.values[column]) for at, p in points if math.isfinite(at)]


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    low, high = min(values), max(values)
    room = 0.04 * (high - low) if high > low else max(abs(high), 1.0) * 0.1
    return _Axis(low - (room if low else 0.0) if low != high else low - room, high + room, start, end)


def _grid(x: _Axis, y: _Axis, title: str) -> list[str]:
    parts = []
    for tick in y.ticks():
        at = y.place(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    for tick in x.ticks():
        at, name = x.place(tick), f"{tick:,.0f}" if tick >= 1000 else f"{tick:.4g}"
        parts.append(f'<text x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{name}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{title}</text>')
    return parts


def _labels(ends: Sequence[tuple[float, str, int]]) -> list[str]:
    """Returns the names beside the ends of the lines, moved apart where they would overlap."""
    placed, last = [], -math.inf
    for at, design, colour in sorted(ends):
        last = max(at, last + 15)
        placed.append(
            f'<text class="name c{colour}" x="{_WIDTH - _RIGHT + 8}" y="{last + 4:.1f}">'
            f"{escape(shown(design, 22))}</text>"
        )
    return placed
