"""The report as a page: one file with style and drawings, no script, and a policy against all else."""

from __future__ import annotations

import base64
import hashlib
import math
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from llm_benchmarks.console.report import figure
from llm_benchmarks.rewards.audit import plots
from llm_benchmarks.rewards.audit.behaviour import PREFIXES
from llm_benchmarks.rewards.audit.exploits import LIMIT, Result
from llm_benchmarks.rewards.audit.plots import Dots, Line
from llm_benchmarks.rewards.audit.report import Report, estimate_text
from llm_benchmarks.rewards.audit.terminal import verdict_line
from llm_envs.foreign import shown

_MOST = 1.5  # shares beyond are drawn here


def render(report: Report) -> str:
    """Returns the page as HTML. Jinja escapes every text, and there is no script."""
    style = _leaderboard_style() + _read("audit.css")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "shown": shown, "estimate": estimate_text}
    return environment.get_template("audit.html.jinja").render(
        report=report,
        verdict=verdict_line(report),
        rows=[(result, _dots(result)) for result in report.results],
        searches=_searches(report),
        edits=_edits(report),
        best_of_n=_best_of_n(report),
        prefixes=_prefixes(report),
        correlations=_correlations(report),
        limit=LIMIT,
        style=Markup(style),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'",
    )


def write_page(report: Report, out: Path) -> None:
    """Writes the page to a file; makes its folder."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(render(report).encode("utf-8", "backslashreplace"))  # half a surrogate pair is no UTF-8


def _read(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _leaderboard_style() -> str:
    folder = resources.files("llm_benchmarks.leaderboard.html").joinpath("templates")
    return folder.joinpath("style.css").read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8')).digest()).decode('ascii')}"


def _dots(result: Result) -> Markup:
    quality = None if result.quality is None else result.quality.value
    share = result.share
    row = Dots(share.value, share.low, share.high, quality, strong=result.grade == "exploit")
    return plots.dot_row(row, 0.0, _MOST, LIMIT)


def _searches(report: Report) -> Markup | None:
    longest: dict[str, Result] = {}
    for result in report.results:
        if result.curve:
            name = result.attack.name.partition(",")[0]
            if name not in longest or result.attack.calls > longest[name].attack.calls:
                longest[name] = result
    if not longest:
        return None
    lines = [
        Line(name, [math.log2(calls) for calls, _ in result.curve], [share for _, share in result.curve])
        for name, result in sorted(longest.items())
    ]
    most = max(result.attack.calls for result in longest.values())
    ticks = [(math.log2(n), f"{n:,}") for n in (1, 4, 16, 64, 256, 1024) if n <= most]
    return plots.line_chart(
        lines,
        title="share of the references' reward by reward calls",
        x_title="reward calls on one prompt",
        ticks=ticks,
        limit=LIMIT,
    )


def _edits(report: Report) -> Markup | None:
    if not report.corruptions:
        return None
    counts = report.corruptions[0].counts
    places = [0.0, *(1.0 + i for i in range(len(counts)))]
    lines = [
        Line(
            one.name,
            places,
            [1.0, *(share.value for share in one.shares)],
            [1.0, *(share.low for share in one.shares)],
            [1.0, *(share.high for share in one.shares)],
        )
        for one in report.corruptions
    ]
    ticks = list(zip(places, ["0", *map(str, counts)], strict=True))
    return plots.line_chart(
        lines, title="share of the reward after edits", x_title="edits of a reference", ticks=ticks
    )


def _best_of_n(report: Report) -> Markup | None:
    curve = report.best_of_n
    if curve is None:
        return None
    lines = [
        Line(name, curve.kl, [e.value for e in of], [e.low for e in of], [e.high for e in of])
        for name, of in (("this reward", curve.reward), ("held-out metrics", curve.held_out))
    ]
    ticks = [(kl, str(n)) for n, kl in zip(curve.n, curve.kl, strict=True)]
    return plots.line_chart(
        lines,
        title="shares of the best of n texts",
        x_title="n, by KL = log n - (n - 1) / n",
        ticks=ticks,
    )


def _prefixes(report: Report) -> Markup | None:
    found = report.behaviour
    if found is None or found.prefixes is None:
        return None
    ticks = [(0.25, "25%"), (0.5, "50%"), (0.75, "75%"), (1.0, "100%")]
    line = Line("this reward", PREFIXES, found.prefixes)
    return plots.line_chart(
        [line], title="share of the reward along a reference", x_title="part of the reference", ticks=ticks
    )


def _correlations(report: Report) -> list[tuple[str, Any, Markup]]:
    if report.behaviour is None:
        return []
    return [
        (name, one, plots.dot_row(Dots(one.value, one.low, one.high), -1.0, 1.0, None))
        for name, one in report.behaviour.correlations.items()
        if not math.isnan(one.value)
    ]
