"""`llm-envs rewards audit`: texts that a reward should not pay for, before anything is trained."""

from __future__ import annotations

import json as json_format
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from llm_benchmarks.commands.options import AllowCode, Env, EnvSet, Json, code_allowed
from llm_benchmarks.console.input import InputError, bad_input, creatable, is_folder
from llm_benchmarks.console.options import env_arguments, reward_spec


def command(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC", help="The reward: a name, a line like 'bleu - 0.2 * ter', JSON, or module:name."
        ),
    ],
    env: Env,
    held_out: Annotated[
        list[str] | None,
        typer.Option(
            "--held-out",
            metavar="SPEC",
            help="A metric that judges the texts; repeatable. 'default' adds the automatic ones.",
        ),
    ] = None,
    budget: Annotated[
        Literal["short", "full"], typer.Option(help="short takes seconds, full up to a few minutes.")
    ] = "full",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of prompts, texts and searches.")] = 0,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER",
            help="The model whose texts the reward chooses from; by default references with random edits.",
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another data set: a name, file:PATH or hub:NAME.")
    ] = None,
    env_set: EnvSet = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="Write a page with plots and texts.")
    ] = None,
    allow_code: AllowCode = None,
    json: Json = False,
) -> None:
    """Tries to earn a reward without merit, and measures how the reward behaves.

    The exit status is 1 if a text without merit earns over 20 % of the references' reward while held-out
    metrics do not rise.
    """
    with code_allowed(allow_code):
        with bad_input():
            from llm_benchmarks.rewards.audit.budget import BUDGETS
            from llm_benchmarks.rewards.audit.run import prepare, run
            from llm_benchmarks.run.cells import check_names, check_ours

            if out is not None:
                if is_folder(out):
                    raise InputError(f"--out {str(out)!r} is a folder; name a file, such as audit.html")
                creatable(out, "--out")
            check_names([env], [] if agent is None else [agent], "rewards audit")
            check_ours([env], "rewards audit")
            arguments = env_arguments(env_set or (), "dataset")
            if dataset is not None:
                arguments["dataset"] = dataset
            prepared = prepare(
                reward_spec(spec, "SPEC"),
                env,
                held_out=[reward_spec(text, "--held-out") for text in held_out or ()],
                budget=BUDGETS[budget],
                seed=seed,
                agent=agent,
                arguments=arguments,
            )
        report = run(prepared)
    if json:
        print(json_format.dumps(report.to_dict(), indent=1))
    else:
        from llm_benchmarks.rewards.audit.terminal import print_report

        print_report(report)
    if out is not None:
        from llm_benchmarks.rewards.audit.page import write_page
        from llm_envs.foreign import shown

        write_page(report, out)
        print(shown(f"wrote {out}: open it in a browser", None), file=sys.stderr if json else sys.stdout)
    raise typer.Exit(1 if report.exploits else 0)
