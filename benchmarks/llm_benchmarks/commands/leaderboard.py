"""`llm-envs leaderboard`: the scores of every agent and every reward."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from llm_benchmarks.commands import leaderboard_export, store_care
from llm_benchmarks.commands.options import (
    AllowCode,
    Experiment,
    Json,
    OneEnv,
    OneExperiment,
    Score,
    Store,
    code_allowed,
)
from llm_benchmarks.console.input import InputError, bad_input, creatable, existing_store

leaderboard = typer.Typer(help="Shows the scores of every agent and every reward.")


@leaderboard.command("show")
def show(
    store: Store,
    env: OneEnv = None,
    experiment: Experiment = None,
    score: Score = None,
    json: Json = False,
) -> None:
    """Prints a table for each environment."""
    from llm_benchmarks.console.garbage import without_collections
    from llm_benchmarks.leaderboard.view import show as show_tables

    with bad_input(), without_collections():
        board = show_tables(existing_store(store), env=env, experiment=experiment, json=json, score=score)
    raise typer.Exit(1 if board.problems else 0)


@leaderboard.command("compare")
def compare(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The agent whose rows are compared.")],
    store: Store,
    env: OneEnv = None,
    experiment: Experiment = None,
    score: Score = None,
    json: Json = False,
) -> None:
    """Compares an agent with the others of its tables, paired by seed where they share seeds."""
    from llm_benchmarks.leaderboard.compare import show_comparison

    with bad_input():
        status = show_comparison(existing_store(store), agent, env, json, experiment, score)
    raise typer.Exit(status)


@leaderboard.command("across")
def across(store: Store, experiment: Experiment = None, json: Json = False) -> None:
    """Prints statistics over the environments that trained agents have in common, such as the IQM."""
    from llm_benchmarks.leaderboard.across_view import show_across

    with bad_input():
        status = show_across(existing_store(store), json_output=json, experiment=experiment)
    raise typer.Exit(status)


@leaderboard.command("samples")
def samples(
    store: Store,
    env: Annotated[str, typer.Option("--env", metavar="ID", help="Environment id.")],
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Only this agent's rows.")] = None,
    n: Annotated[int, typer.Option("--n", min=1, help="Texts of each row.")] = 3,
    experiment: Experiment = None,
    json: Json = False,
) -> None:
    """Prints texts of every row: source, text and reward, on the same examples."""
    from llm_benchmarks.leaderboard.samples import show_samples

    with bad_input():
        status = show_samples(existing_store(store), env, agent, n, json_output=json, experiment=experiment)
    raise typer.Exit(status)


@leaderboard.command("curves")
def curves(
    store: Store,
    env: Annotated[str, typer.Option("--env", metavar="ID", help="Environment id.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="A picture: .svg, .png or .pdf.")],
    experiment: Experiment = None,
) -> None:
    """Draws validation scores of every agent by steps and by wall clock, with a panel for each reward."""
    from llm_benchmarks.console.report import tell_problems
    from llm_benchmarks.leaderboard.curves import plot_curves
    from llm_benchmarks.records.store import RecordStore

    problems: dict[str, str] = {}
    try:
        with bad_input():
            creatable(out, "--out")
            plot_curves(RecordStore(existing_store(store)), env, out, problems, experiment)
    finally:
        tell_problems(problems)
    from llm_envs.foreign import shown

    print(shown(f"written to '{out}'", None))
    raise typer.Exit(1 if problems else 0)


@leaderboard.command("verify")
def verify(
    store: Store,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RECORD]...", help="Ids of records, or their beginnings; all by default."),
    ] = None,
    level: Annotated[
        int,
        typer.Option(
            "--level", metavar="N", min=0, max=3, help="0 unaltered, 1 rescored, 2 replayed, 3 re-evaluated."
        ),
    ] = 2,
    env: OneEnv = None,
    experiment: OneExperiment = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Level 3: the trained agent, if it is not beside the record."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", min=0, help="Level 3: the fresh seed; drawn by default."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin",
            metavar="X",
            min=0,
            help="Level 3: difference that counts as none; the id's by default.",
        ),
    ] = None,
    evaluation_seed: Annotated[
        int | None,
        typer.Option(
            "--evaluation-seed",
            metavar="N",
            min=0,
            help="The seed that all rows share; by default the suite's.",
        ),
    ] = None,
    allow_code: AllowCode = None,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep the verdicts in the store, for the badges.")
    ] = True,
    json: Json = False,
) -> None:
    """Proves records: their bytes, their scores, their texts and their agents. Imports nothing they name."""
    from llm_benchmarks.commands.verify import run
    from llm_benchmarks.verification.ladder import Ladder

    if checkpoint is not None and not ids:
        raise InputError("--checkpoint is that of one record: name the record too")
    fresh = {} if seed is None else {"fresh_seed": seed}
    ladder = Ladder(
        level=level, evaluation_seed=evaluation_seed, margin=margin, checkpoint=checkpoint, **fresh
    )
    with code_allowed(allow_code):
        status = run(
            ladder, store, ids=ids or (), env=env, experiment=experiment, keep=keep, json_output=json
        )
    raise typer.Exit(status)


@leaderboard.command("rescore")
def rescore(
    store: Store,
    reward: Annotated[
        str | None, typer.Option("--reward", metavar="SPEC", help="A reward to score by: a name, or JSON.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="SPEC", help="A metric to add: a name, or JSON.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Its name in tables; by default the reward's."),
    ] = None,
    env: OneEnv = None,
    experiment: OneExperiment = None,
    allow_code: AllowCode = None,
    json: Json = False,
) -> None:
    """Scores the texts of records by another reward or metric, beside the records, which stay as they are."""
    from llm_benchmarks.commands.rescore import run
    from llm_benchmarks.console.options import reward_spec
    from llm_benchmarks.records.record import Record
    from llm_envs.envs.ids import bare_id, find_spec
    from llm_envs.foreign import allowing_code, code_names

    given = [spec for spec in (reward, metric) if spec is not None]
    if len(given) != 1:
        raise InputError("give either --reward SPEC or --metric SPEC")
    kind: Literal["reward", "metric"] = "metric" if reward is None else "reward"
    with bad_input():
        spec = reward_spec(given[0], f"--{kind}")
        if env is not None:
            find_spec(env)

    def wanted(record: Record) -> bool:
        its_env = env is None or record.spec.environment.id == bare_id(env)
        return its_env and experiment in (None, record.spec.experiment)

    own = [code for _, code in code_names(spec)]  # what the person types is theirs
    with code_allowed(allow_code), allowing_code(own):
        raise typer.Exit(run(spec, kind, store, name=name, wanted=wanted, json_output=json))


@leaderboard.command("html")
def html(
    store: Store,
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="The page.")],
    env: OneEnv = None,
    experiment: Experiment = None,
    samples: Annotated[int, typer.Option("--samples", metavar="N", min=0, help="Texts of each row.")] = 24,
    token_rewards: Annotated[
        bool,
        typer.Option(
            "--token-rewards/--no-token-rewards",
            help="Play the texts again for the reward of each token; about a minute for 2,000 texts.",
        ),
    ] = True,
) -> None:
    """Writes the leaderboard as one page: tables, curves, costs, and texts side by side.

    The page is a single file. It opens from disk and loads nothing.
    """
    from llm_benchmarks.commands.leaderboard_page import write

    with bad_input():
        creatable(out, "--out")
        page = write(
            existing_store(store),
            out,
            env=env,
            experiment=experiment,
            n_samples=samples,
            token_rewards=token_rewards,
        )
    raise typer.Exit(1 if page.problems else 0)


@leaderboard.command("merge")
def merge(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="Stores to copy from.")],
    store: Annotated[Path, typer.Option(metavar="FOLDER", help="Store that the copies go to.")],
    experiment: Annotated[
        str,
        typer.Option("--experiment", metavar="NAME", help="Experiment of copies whose record names none."),
    ] = "",
    accept_corrections: Annotated[
        bool,
        typer.Option(
            "--accept-corrections", help="Let the sources take records of the store out of its tables."
        ),
    ] = False,
) -> None:
    """Copies the records of other stores, also of earlier releases; known records are left out."""
    from llm_benchmarks.console.report import complain, tell_problems
    from llm_benchmarks.records.merging import merge as merge_stores
    from llm_benchmarks.records.store import RecordStore
    from llm_envs.foreign import shown

    with bad_input():
        creatable(store, "--store")
        merged = merge_stores(
            [RecordStore(existing_store(source)) for source in sources],
            RecordStore(store),
            experiment,
            accept_corrections=accept_corrections,
        )
    tell_problems(merged.problems)
    for id, reason in merged.refused.items():
        way_out = "look at both, then merge with --accept-corrections"
        complain(f"correction {id[:12]} was not copied: {reason}; {way_out}")
    print(shown(f"{len(merged.copied)} copied to '{store}', {len(merged.present)} there before", None))
    for id in merged.corrections:
        print(shown(f"{id[:12]} is a correction: `leaderboard supersede --list` says of what, and why", None))
    raise typer.Exit(1 if merged.problems or merged.refused else 0)


@leaderboard.command("baselines")
def baselines(env: OneEnv = None, json: Json = False) -> None:
    """Prints the scores that come with the package; they need no store."""
    from llm_benchmarks.console.report import report_console
    from llm_benchmarks.leaderboard.baselines import show_baselines

    with bad_input():
        show_baselines(report_console(100), env, json)


leaderboard_export.add_to(leaderboard)
store_care.add_to(leaderboard)
