"""Options that several subcommands share, each declared once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llm_benchmarks.console.input import bad_input

if TYPE_CHECKING:
    from llm_benchmarks.run.cells import Cell

Env = Annotated[str, typer.Option("--env", metavar="ID", help="Environment id.")]
EnvId = Annotated[str, typer.Argument(metavar="ID", help="Environment id.")]
EnvSet = Annotated[
    list[str] | None,
    typer.Option("--env-set", metavar="KEY=VALUE", help="Set an argument of the environment; repeatable."),
]
Split = Annotated[str, typer.Option(metavar="NAME", help="train, validation or test.")]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE.toml", help="A file with the agent's options.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set an option of the agent; repeatable."),
]
AllowCode = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-code",
        metavar="MODULE:NAME",
        help="Import this code if an agent's folder names it; repeatable. Other code is never imported.",
    ),
]
Store = Annotated[Path, typer.Option("--store", metavar="FOLDER", help="Folder of the records.")]
OneEnv = Annotated[str | None, typer.Option("--env", metavar="ID", help="Only this environment.")]
Experiment = Annotated[
    str | None, typer.Option("--experiment", metavar="NAME", help="Only its runs, and the anchors.")
]
OneExperiment = Annotated[str | None, typer.Option("--experiment", metavar="NAME", help="Only its runs.")]
Score = Annotated[
    str | None, typer.Option("--score", metavar="NAME", help="Score by a reward that `rescore` added.")
]
Processes = Annotated[
    int | None,
    typer.Option(
        "--processes", metavar="N", min=1, help="Cells that run at the same time; by default the suite's."
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="A torch device, or auto.")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        max=1024,
        help="CPU threads. By default OMP_NUM_THREADS if set, else 1, and all cores for pretrained models.",
    ),
]
SuiteThreads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        max=1024,
        help="CPU threads of each cell. By default OMP_NUM_THREADS if set, else the suite's.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def code_allowed(allow_code: list[str] | None, cell: Cell | None = None) -> Iterator[None]:
    """Lets files name code while the block runs.

    Args:
        allow_code: Values of --allow-code.
        cell: The cell that the command runs; the code that it names is allowed too.

    Raises:
        InputError: A value does not have the form MODULE:NAME.
    """
    from llm_envs.foreign import allowing_code

    named = [] if cell is None else cell.own_code()
    with bad_input():
        allowing = allowing_code([*named, *(allow_code or ())])
    with allowing:
        yield
