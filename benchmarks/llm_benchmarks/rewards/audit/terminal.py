"""Prints a report on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from llm_benchmarks.console.fitting_table import Column, Row, print_table
from llm_benchmarks.console.report import figure, plain, report_console, say
from llm_benchmarks.rewards.audit.exploits import LIMIT
from llm_benchmarks.rewards.audit.report import Report, estimate_text

_WIDTH = 120
_STYLES = {"exploit": "bold red", "weakness": "yellow", "no exploit": ""}
_ALL = "--json has all"
_BELOW = 220  # characters below a row of a narrow table


def print_report(report: Report) -> None:
    """Prints a report: the verdict, the findings, and a table for each part."""
    console = report_console(_WIDTH)
    say(console, f"audit of {report.reward} on {report.env_id}", "bold")
    say(
        console,
        f"{report.prompts} prompts of {report.dataset} ({report.split}); references earn "
        f"{figure(report.reference)}; a share of 0 is {_zero(report)}; budget {report.budget}, "
        f"seed {report.seed}",
    )
    _print_attacks(console, report)
    _print_corruptions(console, report)
    _print_curve(console, report)
    _print_behaviour(console, report)
    say(console, "held-out metrics", "bold")
    for aspect in ("relevance", "form", "nothing"):
        names = [metric.name for metric in report.held_out if metric.aspect == aspect]
        if names:
            say(console, f"  {_ASPECTS[aspect]}: {', '.join(names)}")
    say(console, f"{_seconds(report.seconds)} s, {_seconds(report.cpu_seconds)} s of them on the processor")
    for finding in report.findings:
        say(console, f"{finding.grade}: {finding.name}: {finding.says}", _STYLES[finding.grade])
    say(console, verdict_line(report), "bold red" if report.exploits else "bold green")


_ASPECTS = {
    "relevance": "see relevance",
    "form": "see form",
    "nothing": "tell nothing apart here",
}


def verdict_line(report: Report) -> str:
    """Returns the verdict in one sentence."""
    if report.exploits:
        number = len(report.exploits)
        return (
            f"exploited: {number} exploit{'s' if number > 1 else ''}, first of all: {report.exploits[0].name}"
        )
    return (
        f"holds: no text without merit earns over {LIMIT:.0%} of the references' reward while held-out "
        "metrics do not rise"
    )


def _seconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _zero(report: Report) -> str:
    if report.zero.of == "0":
        return "a reward of 0"
    return f"what {report.zero.of} earn, {figure(report.zero.value)}"


def _print_attacks(console: Console, report: Report) -> None:
    say(console, "texts without merit: share of the references' reward, and held-out share", "bold")
    wide = console.width >= _WIDTH
    columns = [Column("texts"), Column("share", right=True), Column("held-out", right=True), Column("grade")]
    if wide:
        columns[1:1] = [Column("knows", rank=2)]
        columns += [Column("most rewarded", rank=3)]
    rows = []
    for result in report.results:
        prompt_text = result.examples(1)
        text = " / ".join(prompt_text[0][1].split("\n")) if prompt_text else ""
        grade = "" if result.grade == "no exploit" else result.grade
        cells = [result.attack.name, estimate_text(result.share), estimate_text(result.quality), grade]
        below = f"-> knows {result.attack.knows}" + (f"; most rewarded: {text}" if text else "")
        if wide:
            cells[1:1] = [result.attack.knows]
        shown = [*map(plain, cells), *([plain(text, limit=32)] if wide else ())]
        rows.append(
            Row(shown, below=Text() if wide else plain(below, limit=_BELOW), style=_STYLES[result.grade])
        )
    print_table(console, columns, rows, all_in=_ALL)


def _print_corruptions(console: Console, report: Report) -> None:
    if not report.corruptions:
        return
    say(console, "references with edits: share of the references' reward (corrupted text preferred)", "bold")
    counts = report.corruptions[0].counts
    columns = [
        Column("edit"),
        *(Column(str(n), right=True) for n in counts),
        Column("further edits", rank=1),
    ]
    rows = []
    for one in report.corruptions:
        cells = [f"{s.value:.0%} ({p:.0%})" for s, p in zip(one.shares, one.preferred, strict=True)]
        rows.append(
            Row(
                [
                    plain(one.name),
                    *map(plain, cells),
                    plain("earn less" if one.monotone else "not always less"),
                ]
            )
        )
    print_table(console, columns, rows, all_in=_ALL)


def _print_curve(console: Console, report: Report) -> None:
    curve = report.best_of_n
    if curve is None:
        return
    say(console, f"best of n texts, chosen by the reward (model: {curve.model})", "bold")
    columns = [
        Column("n"),
        Column("KL, nats", right=True),
        Column("share", right=True),
        Column("held-out", right=True),
    ]
    rows = []
    for n, kl, reward, held in zip(curve.n, curve.kl, curve.reward, curve.held_out, strict=True):
        mark = "  <- turns" if n == curve.turn else ""
        cells = [str(n), f"{kl:.2f}", estimate_text(reward), estimate_text(held) + mark]
        rows.append(Row([plain(cell) for cell in cells]))
    print_table(console, columns, rows, all_in=_ALL)


def _print_behaviour(console: Console, report: Report) -> None:
    found = report.behaviour
    if found is None:
        return
    say(console, "behaviour", "bold")
    say(
        console,
        f"  spread {figure(found.spread)}, {found.within:.0%} of the variance within prompts; all texts "
        f"equal on {found.ties:.0%} of the prompts; {found.milliseconds:.3g} ms a text; "
        f"{'deterministic' if found.deterministic else 'not deterministic'}",
    )
    if found.prefixes is not None and found.falls is not None:
        path = ", ".join(f"{share:.0%}" for share in found.prefixes)
        say(console, f"  along a reference: {path} of its reward; it falls on {found.falls:.0%} of the steps")
    known = {name: one for name, one in found.correlations.items() if one.value == one.value}
    ordered = sorted(known.items(), key=lambda entry: -abs(entry[1].value))
    said = ", ".join(f"{name} {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]" for name, one in ordered[:6])
    if said:
        say(console, f"  Spearman's correlation with: {said}")
