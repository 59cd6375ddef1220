"""`llm-envs rewards`: the library of rewards, their audit, and rewards that are fitted to data."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from llm_benchmarks.commands import audit_reward
from llm_benchmarks.commands.declarations import compare_rewards
from llm_benchmarks.commands.options import Device, Json
from llm_benchmarks.console.input import bad_input, creatable, usable_folder

rewards = typer.Typer(help="Lists, audits, compares and fits rewards.")
rewards.command("audit")(audit_reward.command)
rewards.command("compare")(compare_rewards.command)


@rewards.command("list")
def list_library(
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write the page of the documentation.")
    ] = None,
    json: Json = False,
) -> None:
    """Prints every reward of the package: range, direction, cost, what it reads, source and options."""
    from llm_benchmarks.rewards import library_page

    if page is not None:
        with bad_input():
            creatable(page, "--page")
            page.write_text(library_page.page(), encoding="utf-8")
        return
    if json:
        print(json_format.dumps(library_page.rows(), indent=2))
        return
    from llm_benchmarks.console.fitting_table import Column, Row, print_table
    from llm_benchmarks.console.report import plain, report_console

    columns = [
        Column("id"),
        Column("range"),
        Column("better"),
        Column("cost", rank=1),
        Column("reads", rank=2),
        Column("source", rank=3),
    ]
    names = ("id", "range", "direction", "cost", "reads", "source")
    table = [
        Row([plain(row[name]) for name in names], below=plain(row["does"], limit=None))
        for row in library_page.rows()
    ]
    print_table(report_console(120), columns, table, all_in="--json has all")


@rewards.command("fit-classifier")
def fit_classifier(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Labelled rows: .jsonl, .csv, .tsv or .parquet.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the classifier.")],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="The column of the texts.")] = "text",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="The column of the labels.")] = "label",
    rewarded: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="The label to reward; of two labels the second by default."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split.")] = 0,
    json: Json = False,
) -> None:
    """Trains a text classifier from labelled rows; then reward="classifier:FOLDER".

    A fifth of the texts is held out and measures its accuracy.
    """
    from llm_envs.foreign import shown

    with bad_input():
        from llm_benchmarks.rewards.fit_classifier import fit, read_rows

        usable_folder(out, "--out")
        fitted = fit(read_rows(file, text, label), rewarded=rewarded, seed=seed)
        fitted.classifier.save(out)
    facts = fitted.classifier.facts
    if json:
        print(json_format.dumps({**facts, "labels": list(fitted.classifier.labels), "folder": str(out)}))
        return
    print(
        f"{len(fitted.classifier.labels)} labels, {fitted.rows:,} rows; on {fitted.held_out:,} held-out rows "
        f"accuracy {fitted.accuracy:.3f}, 95 % interval {fitted.low:.3f} to {fitted.high:.3f}; always the "
        f"commonest label {fitted.commonest:.3f}"
    )
    chosen = facts["rewarded"]
    say = f"'classifier:{out}'" if chosen else f'{{"id": "classifier", "model": "{out}", "label": "..."}}'
    print(shown(f"use it: --reward {say}" + (f" (the probability of {chosen!r})" if chosen else ""), None))


@rewards.command("fit-preferences")
def fit_preferences_command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Judgements of `rate`; or rows of prompt, chosen, rejected; or of prompt, a, b, choice.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the reward.")],
    lm: Annotated[
        str | None,
        typer.Option(
            "--lm", metavar="NAME", help="A language model whose states are features, too; by default none."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the folds.")] = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Fits a Bradley-Terry reward to what people preferred; then reward="preference:FOLDER".

    Cross-validation over prompts measures how often it agrees with comparisons it has not seen.
    """
    from llm_envs.foreign import shown

    with bad_input():
        from llm_benchmarks.rewards.comparisons import read_comparisons
        from llm_benchmarks.rewards.fit_preferences import fit_preferences

        usable_folder(out, "--out")
        fitted = fit_preferences(read_comparisons(file), lm=lm, seed=seed, device=device)
        fitted.model.save(out)
    if json:
        print(
            json_format.dumps({**fitted.model.facts, "identity": fitted.model.identity, "folder": str(out)})
        )
        return
    print(
        f"{fitted.comparisons:,} comparisons and {fitted.ties:,} ties of {fitted.prompts:,} prompts; "
        f"held-out accuracy {fitted.accuracy:.3f}, 95 % interval {fitted.low:.3f} to {fitted.high:.3f}; "
        f"by length alone {fitted.longer:.3f}"
    )
    print(f"calibration: error {fitted.calibration_error:.3f}, log loss {fitted.log_loss:.3f} (chance 0.693)")
    print("  said       comparisons  mean said  came true")
    for one in fitted.bins:
        print(f"  {one.low:.1f} to {one.high:.1f} {one.number:11,}  {one.said:9.2f}  {one.came:9.2f}")
    print(shown(f"use it: --reward 'preference:{out}'", None))
