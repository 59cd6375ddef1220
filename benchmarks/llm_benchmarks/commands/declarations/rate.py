"""`llm-envs rate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from llm_benchmarks.commands.options import Json
from llm_benchmarks.console.input import InputError, bad_input


def command(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Texts to judge: rows of prompt, a, b; .jsonl, .csv, .tsv or .parquet."
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="FOLDER", help="Judge the texts of these records instead."),
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", metavar="ID", help="Environment id of the records.")
    ] = None,
    experiment: Annotated[
        str | None, typer.Option("--experiment", metavar="NAME", help="Only its runs, and the anchors.")
    ] = None,
    agent: Annotated[
        list[str] | None, typer.Option("--agent", metavar="NAME", help="Only this agent's rows; repeatable.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.jsonl", help="File of the judgements; an old one goes on."),
    ] = None,
    scale: Annotated[
        Literal["pairs", "absolute"],
        typer.Option("--scale", help="Compare two texts, or rate one from 1 to 5."),
    ] = "pairs",
    question: Annotated[
        str | None, typer.Option("--question", metavar="TEXT", help="What people are asked.")
    ] = None,
    n: Annotated[
        int | None, typer.Option("--n", metavar="N", min=1, help="The most items; all by default.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Seed of the order and the sides.")
    ] = 0,
    port: Annotated[
        int,
        typer.Option("--port", metavar="N", min=0, max=65535, help="Port on this machine; 0: a free one."),
    ] = 0,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.jsonl", help="Print what judgements show, and ask nothing."),
    ] = None,
    json: Json = False,
) -> None:
    """Lets people judge texts on a page of this machine, without knowing who wrote them.

    Every answer is on the disk before the next question comes. Ctrl-C ends; the same command goes on.
    """
    if report is not None:
        with bad_input():
            if file is not None or store is not None or out is not None:
                raise InputError("--report takes no texts to judge: llm-envs rate --report FILE.jsonl")
            from llm_benchmarks.rewards.rating.report_view import show_report

            show_report(report, json_output=json)
        return
    if out is None:
        raise InputError("name the file of the judgements: --out FILE.jsonl")
    if (file is None) == (store is None) or (store is None) != (env is None):
        raise InputError("name texts to judge: either a file of prompt, a, b, or --store FOLDER --env ID")
    if store is None and (experiment is not None or agent):
        raise InputError("--experiment and --agent choose records: --store FOLDER --env ID")
    from llm_benchmarks.commands.rate import Texts, rate

    texts = Texts(file, store, env or "", experiment, tuple(agent or ()))
    raise typer.Exit(
        rate(texts, out, scale, question, n, seed, port=port, open_page=open_page, json_output=json)
    )
