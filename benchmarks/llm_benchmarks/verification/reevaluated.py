"""Level 3: the checkpoint of a record plays again, also under seeds that its author did not know."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import gymnasium as gym

from llm_baselines.agent import ValuesTokens
from llm_baselines.registry import AGENTS, make_agent
from llm_baselines.spec import RunSpec
from llm_benchmarks.console.exit_status import one_line
from llm_benchmarks.records.checkpoint import checkpoint_files, checkpoint_hash
from llm_benchmarks.records.record import Record, Rows
from llm_benchmarks.records.token_values import FIELD, NAMES, VERSION
from llm_benchmarks.run.trained_folder import TrainedFolder, folder_hash, load_trained, read_training
from llm_benchmarks.run.valuing import note_values
from llm_benchmarks.verification.equivalence import MARGIN, MARGINS, Equivalence, equivalence
from llm_benchmarks.verification.findings import Fails, NotVerifiable
from llm_benchmarks.verification.ground import Ground
from llm_envs import evaluate
from llm_envs.foreign import UntrustedCode, shown

OWN_TEXTS = 0.9
"""The share of texts that a checkpoint must write again, token for token.

On the machine that wrote them all are equal. Elsewhere the last digits of a network's output differ, and
now and then they turn one choice between two tokens.
"""

_NEAR = 0.02  # how far a value of a token may lie from the stated one: another machine rounds otherwise


def check_checkpoint(
    record: Record, rows: Rows, ground: Ground, folder: Path | None, *, seed: int, margin: float | None
) -> str:
    """Raises if a checkpoint did not write the texts of a record, or plays worse or better than it.

    Args:
        record: A record with results.
        rows: Its episodes.
        ground: The environment, made again.
        folder: The checkpoint; by default the one that is kept beside the record.
        seed: Seed of the new evaluation, for the agent too.
        margin: The difference of mean rewards that counts as none; by default that of the environment.

    Returns:
        What was measured, in words.

    Raises:
        Fails: The checkpoint is not the record's, or writes other texts, or scores otherwise.
        NotVerifiable: There is no checkpoint, or it cannot be loaded here.
    """
    folder, trained = _checkpoint_of(record, folder)
    agent = _loaded(folder, trained, ground, seed=None)
    evaluation = record.evaluation
    share = _same_share(rows, _play(agent, ground, record, evaluation.seed))
    repeats = evaluation.deterministic or trained.spec.agent.name in AGENTS
    if repeats and share < OWN_TEXTS:
        raise Fails(
            f"the checkpoint writes {share:.0%} of the texts under the seeds of the record, token for token; "
            f"one that wrote them writes {OWN_TEXTS:.0%} or more"
        )
    _check_values(agent, rows, ground)
    agent = _loaded(folder, trained, ground, seed=seed)
    margin = MARGINS.get(record.spec.environment.id, MARGIN) if margin is None else margin
    try:
        compared = equivalence(rows, _play(agent, ground, record, seed), margin)
    except ValueError as error:
        raise NotVerifiable(str(error)) from error
    measured = _in_words(compared, share, seed)
    if not compared.holds:
        raise Fails(f"not equivalent under fresh seeds: {measured}")
    return measured


def _check_values(agent: Any, rows: Rows, ground: Ground) -> None:
    """Raises if the values of tokens that a record states are not those of its checkpoint.

    Raises:
        Fails: They differ, or the agent cannot say any.
    """
    stated = [row for row in rows if row.get(FIELD, {}).get("version") == VERSION]
    if not stated:
        return
    if not isinstance(agent, ValuesTokens):
        raise Fails("the record states values of tokens, and its agent cannot say them")
    envs = ground.environments(len(stated))
    try:
        found = note_values(agent, envs, stated, sum(len(row["action_ids"]) for row in stated))
    finally:
        envs.close()
    for name in NAMES:
        pairs = [
            (value, other)
            for row in stated
            for value, other in zip_longest(
                row[FIELD].get(name, ()), found.get(row["index"], {}).get(name, ())
            )
        ]
        alike = sum(None not in pair and math.isclose(*pair, rel_tol=_NEAR, abs_tol=_NEAR) for pair in pairs)
        if alike < OWN_TEXTS * len(pairs):
            raise Fails(
                f"{FIELD}.{name}: the checkpoint says the same of {alike / len(pairs):.0%} of the tokens; "
                f"one that stated them says it of {OWN_TEXTS:.0%} or more"
            )


def _checkpoint_of(record: Record, folder: Path | None) -> tuple[Path, TrainedFolder]:
    """Returns the folder of the checkpoint and its training, after a check against the record."""
    kept_by_suite = folder is None and record.spec.agent.name not in AGENTS
    if folder is None:
        if not record.checkpoint:
            raise NotVerifiable(
                "no checkpoint is kept beside the record; name its folder: --checkpoint FOLDER"
            )
        first = next(iter(record.checkpoint))
        folder = record.checkpoint[first].parents[first.count("/") - 1]
    try:
        trained = _of_record(record) if kept_by_suite else read_training(folder)
        found = folder_hash(folder, trained) or checkpoint_hash(checkpoint_files(folder))
    except UntrustedCode as error:
        raise NotVerifiable(str(error)) from error
    except (ValueError, OSError) as error:
        raise NotVerifiable(f"the checkpoint cannot be read: {one_line(error)}") from error
    if found != record.facts["checkpoint_hash"]:
        there = record.facts["checkpoint_hash"]
        raise Fails(f"the checkpoint's hash is {found[:12]}, the record names {(there or 'none')[:12]}")
    for name, value in _training(trained.spec).items():
        if value != (claimed := _training(record.spec)[name]):
            raise Fails(
                f"the checkpoint is of another training: its {name} is {shown(value, 60)}, the record says "
                f"{shown(claimed, 60)}"
            )
    return folder, trained


def _of_record(record: Record) -> TrainedFolder:
    """Returns the training of an agent from outside this package, whose checkpoint a suite kept.

    Such a folder holds what the agent's `save` wrote, so only the record describes the training.
    """
    files = {name.removeprefix("checkpoint/"): kept["sha256"] for name, kept in record.data["files"].items()}
    return TrainedFolder(status="completed", spec=record.spec, files=files)


def _training(run: RunSpec) -> dict[str, Any]:
    """Returns what tells a training from others, and is written alike in a checkpoint and in a record."""
    seed = None if run.training is None else run.training.seed
    return {"agent": run.agent.name, "environment": run.environment.id, "training seed": seed}


def _loaded(folder: Path, trained: TrainedFolder, ground: Ground, *, seed: int | None) -> Any:
    """Loads the agent, with its own seed or with a fresh one for its sampling."""
    env = gym.make(ground.env_id, **ground.arguments)
    try:
        if seed is not None and trained.spec.agent.name in AGENTS:
            return make_agent(str(folder), env, seed=seed, device="auto")
        return load_trained(folder, trained, env, device="auto")
    except UntrustedCode as error:
        raise NotVerifiable(str(error)) from error
    except (ValueError, OSError, ImportError) as error:
        raise NotVerifiable(f"the checkpoint cannot be loaded: {one_line(error)}") from error


def _play(agent: Any, ground: Ground, record: Record, seed: int) -> list[dict[str, Any]]:
    """Evaluates as the record was evaluated, under a seed."""
    evaluation = record.evaluation
    envs = ground.environments(evaluation.num_envs)
    try:
        result = evaluate(agent, envs, evaluation.episodes, seed, deterministic=evaluation.deterministic)
    finally:
        envs.close()
    return result.to_dicts()


def _same_share(there: Rows, now: Sequence[Mapping[str, Any]]) -> float:
    same = sum(a["action_ids"] == b["action_ids"] for a, b in zip(there, now, strict=True))
    return same / len(there)


def _in_words(compared: Equivalence, share: float, seed: int) -> str:
    return (
        f"{share:.0%} of the texts written again; difference under seed {seed} {compared.difference:+.3f} "
        f"[{compared.low:+.3f}, {compared.high:+.3f}], margin {compared.margin:g}"
    )
