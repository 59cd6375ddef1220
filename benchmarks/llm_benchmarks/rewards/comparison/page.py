"""The page of a comparison: one file with its style and figures, and a policy that allows no script."""

from __future__ import annotations

from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from llm_benchmarks.console.report import figure, signed
from llm_benchmarks.leaderboard.html.policy import content_policy
from llm_benchmarks.leaderboard.statistics import Interval
from llm_benchmarks.rewards.comparison.figures import curves_figure
from llm_benchmarks.rewards.comparison.found import Found
from llm_envs.foreign import shown


def render(found: Found) -> str:
    """Returns the page as HTML. Everything that comes from texts and names is escaped."""
    base = resources.files("llm_benchmarks.leaderboard.html").joinpath("templates", "style.css")
    here = resources.files(__package__).joinpath("templates")
    style = (
        f"{base.read_text(encoding='utf-8')}\n{here.joinpath('comparison.css').read_text(encoding='utf-8')}"
    )
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: here.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": lambda value, digits=3: _minus(figure(value, digits)),
        "shown": shown,
        "within": _within,
        "difference": _difference,
    }
    return environment.get_template("comparison.html.jinja").render(
        found=found,
        figures=_figures(found),
        style=Markup(style),
        policy=content_policy(style),
    )


def _figures(found: Found) -> list[dict[str, Any]]:
    """Returns the figures: held-out values first, then the designs' own rewards; steps, then distances."""
    figures = []
    for column in sorted(found.columns, key=lambda column: column.design):
        for over_distance in [False, True][: 1 + found.has_distance]:
            svg = curves_figure(column.name, found.designs, found.runs, over_distance=over_distance)
            if svg is not None:
                figures.append({"column": column, "svg": Markup(svg)})
    return figures


def _within(interval: Interval) -> str:
    """Returns the ends of an interval."""
    if interval.low is None or interval.high is None:
        return "one seed"
    return _minus(f"{figure(interval.low)} to {figure(interval.high)}")


def _difference(interval: Interval) -> str:
    """Returns a difference with its interval."""
    if interval.low is None or interval.high is None:
        return _minus(f"{signed(interval.estimate)} (one seed)")
    return _minus(f"{signed(interval.estimate)} [{signed(interval.low)}, {signed(interval.high)}]")


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
