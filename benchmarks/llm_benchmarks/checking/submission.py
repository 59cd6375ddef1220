"""A submission: a folder of records with the checkpoints that wrote them, and what it lacks to become rows.

FOLDER/<id>.jsonl.gz        the records, as every store holds them
FOLDER/<id>.checkpoint/     checkpoints that a suite kept beside them, or
FOLDER/checkpoints/NAME/    folders of `llm-envs train`
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from llm_baselines.registry import AGENTS
from llm_benchmarks.checking.checks import Broken, Check, NotApplicable, Note
from llm_benchmarks.records.checkpoint import checkpoint_files, checkpoint_hash
from llm_benchmarks.records.record import Record, seeds_are_disjoint
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.run.trained_folder import folder_hash, read_training
from llm_benchmarks.verification.findings import Finding, Verdict
from llm_benchmarks.verification.ladder import Ladder
from llm_benchmarks.verification.report import record_name
from llm_envs.foreign import shown

CHECKPOINTS = "checkpoints"
"""The folder of trained folders in a submission."""

_SEEDS = 5


@dataclass(frozen=True, eq=False)
class Submission:
    """A folder that somebody hands in.

    Attributes:
        folder: The folder; it is a store of records.
        ladder: How the records are verified. Level and checkpoint are chosen here.
    """

    folder: Path
    ladder: Ladder = field(default_factory=Ladder)

    @cached_property
    def problems(self) -> dict[str, str]:
        """Record id -> why it cannot be read."""
        problems: dict[str, str] = {}
        RecordStore(self.folder).records(problems)
        return problems

    @cached_property
    def records(self) -> list[Record]:
        """The readable records."""
        return RecordStore(self.folder).records()

    @cached_property
    def completed(self) -> list[Record]:
        """The records of completed runs."""
        return [record for record in self.records if record.status == "completed"]

    @property
    def trained(self) -> list[Record]:
        """The completed records of trained agents."""
        return [record for record in self.completed if record.spec.training is not None]

    @cached_property
    def checkpoints(self) -> dict[str, Path]:
        """Hash -> trained folder under `checkpoints`. Folders that cannot be read are left out."""
        found: dict[str, Path] = {}
        place = self.folder / CHECKPOINTS
        for folder in sorted(place.iterdir()) if place.is_dir() else ():
            try:
                named = folder_hash(folder, read_training(folder))
                found[named or checkpoint_hash(checkpoint_files(folder))] = folder
            except (ValueError, OSError):
                continue
        return found

    def checkpoint_of(self, record: Record) -> Path | None:
        """Returns the trained folder of a record, None if there is none or it lies beside the record."""
        return self.checkpoints.get(record.facts["checkpoint_hash"] or "")

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """Record id -> what the ladder found; level 3 is tried where there is a checkpoint."""
        groups: dict[tuple[int, Path | None], list[str]] = defaultdict(list)
        for record in self.completed:
            folder = self.checkpoint_of(record)
            has_one = record.spec.training is not None and bool(folder or record.checkpoint)
            groups[(3 if has_one else 2, folder if has_one else None)].append(record.id)
        verdicts = {}
        for (level, folder), ids in groups.items():
            ladder = replace(self.ladder, level=level, checkpoint=folder)
            for _, verdict in ladder.verdicts(RecordStore(self.folder), ids=ids):
                verdicts[verdict.record] = verdict
        return verdicts


def has_records(submission: Submission) -> str:
    """Checks that the folder holds records, and that all can be read."""
    for id, problem in submission.problems.items():
        raise Broken(f"{len(submission.problems)} cannot be read; {id[:12]}: {shown(problem, 300)}")
    if not submission.records:
        raise Broken(f"there is no record in '{submission.folder}'")
    return f"{len(submission.records)} records"


def runs_are_completed(submission: Submission) -> str:
    """Checks that every run is completed."""
    others = [record for record in submission.records if record.status != "completed"]
    _refuse(others, len(submission.records), lambda record: f"its run is {record.status}")
    return ""


def names_are_free(submission: Submission) -> str:
    """Checks that an agent of others has a name of its own."""

    def taken(record: Record) -> str:
        agent = record.spec.agent
        same = agent.name not in AGENTS or agent.entry_point.startswith("llm_baselines.")
        return (
            ""
            if same
            else f"{agent.name!r} is an agent of this package, and its code is {agent.entry_point!r}"
        )

    _refuse_where(submission.completed, taken)
    return ", ".join(sorted({record.spec.agent.name for record in submission.completed}))


def corrections_are_its_own(submission: Submission) -> str:
    """Notes records that take the place of others."""
    correcting = [record for record in submission.completed if record.supersedes]
    if not correcting:
        return ""
    brought = {record.id for record in submission.records}
    elsewhere = sorted({id[:12] for record in correcting for id in record.supersedes if id not in brought})
    if elsewhere:
        named = ", ".join(elsewhere[:3]) + " ..." * (len(elsewhere) > 3)
        raise Note(
            f"the folder does not hold {named}, which would leave the receiver's tables; `merge` refuses "
            "that without --accept-corrections"
        )
    return f"{len(correcting)} corrections of the folder's own records"


def test_split_is_played(submission: Submission) -> str:
    """Checks that the test split was played, under a seed that was used for nothing else."""

    def wrong(record: Record) -> str:
        if record.evaluation.split != "test":
            return f"it plays the {record.evaluation.split} split"
        if record.spec.training is not None and not seeds_are_disjoint(record.spec):
            return "training, tuning and evaluation share a seed"
        return ""

    _refuse_where(submission.completed, wrong)
    return ""


def holds_level(level: int) -> Callable[[Submission], str]:
    """Returns a check that a level of the ladder holds for all completed records."""

    def check(submission: Submission) -> str:
        tried = submission.completed
        if level == 3:
            tried = [r for r in submission.trained if _finding(submission, r, 3) is not None]
            if not tried:
                raise NotApplicable("no record has a checkpoint that could be tried")
        _refuse_where(tried, lambda record: _shortfall(submission, record, level))
        remarks = [found.reason for r in tried if (found := _finding(submission, r, level)) and found.reason]
        return "; ".join(dict.fromkeys(remarks)) if level == 3 else f"{len(tried)} records"

    return check


def _finding(submission: Submission, record: Record, level: int) -> Finding | None:
    findings = submission.verdicts[record.id].findings
    return next((finding for finding in findings if finding.level == level), None)


def _shortfall(submission: Submission, record: Record, level: int) -> str:
    verdict = submission.verdicts[record.id]
    if verdict.level is not None and verdict.level >= level:
        return ""
    return (
        ""
        if verdict.fault is None or verdict.fault.level > level
        else f"V{verdict.fault.level}: {verdict.fault.reason}"
    )


def checkpoints_are_there(submission: Submission) -> str:
    """Checks that every trained record has the checkpoint that it names."""
    if not submission.trained:
        raise NotApplicable("no agent was trained")

    def missing(record: Record) -> str:
        named = record.facts["checkpoint_hash"]
        if record.checkpoint or submission.checkpoint_of(record) is not None:
            return ""
        if named is None:
            return "it names no checkpoint: its agent has no save(folder)"
        return f"the checkpoint {named[:12]} is neither beside it nor under {CHECKPOINTS}/"

    _refuse_where(submission.trained, missing)
    return f"{len(submission.trained)} checkpoints"


def seeds_are_enough(submission: Submission) -> str:
    """Notes agents that were trained under fewer seeds than the leaderboard's own rows."""
    if not submission.trained:
        raise NotApplicable("no agent was trained")
    seeds: dict[tuple[str, str, str], set[int | None]] = defaultdict(set)
    for record in submission.trained:
        spec = record.spec
        seeds[spec.environment.id, spec.agent.name, spec.variant].add(record.training_seed)
    few = {key: len(found) for key, found in seeds.items() if len(found) < _SEEDS}
    for (env, agent, variant), count in few.items():
        named = shown(f"{env} {agent} {variant}".strip(), 80)
        what = "no interval" if count == 1 else "a wide interval"
        raise Note(f"{named} has {count} training seed{'s' * (count > 1)}, so {what}; {_SEEDS} are usual")
    return ""


def trials_are_told(submission: Submission) -> str:
    """Notes agents that do not say how many configurations were tried."""
    if not submission.trained:
        raise NotApplicable("no agent was trained")
    silent = sorted({r.spec.agent.name for r in submission.trained if not r.spec.agent.trials})
    if silent:
        raise Note(
            f"{', '.join(map(shown, silent))}: 0 trials are recorded; if options were tuned, say how many"
        )
    return ""


def _refuse_where(records: Sequence[Record], wrong: Callable[[Record], str]) -> None:
    reasons = {record.id: reason for record in records if (reason := wrong(record))}
    faulty = [record for record in records if record.id in reasons]
    _refuse(faulty, len(records), lambda record: reasons[record.id])


def _refuse(faulty: Sequence[Record], total: int, reason: Callable[[Record], str]) -> None:
    if faulty:
        first = faulty[0]
        raise Broken(
            f"{len(faulty)} of {total} records; {first.id[:12]} {record_name(first)}: {reason(first)}"
        )


SUBMISSION_CHECKS: tuple[Check[Submission], ...] = (
    Check(
        "records",
        "the folder holds records, and every one can be read",
        "write them with `llm-envs benchmark SUITE --store FOLDER` or `llm-envs evaluate ... --store FOLDER`",
        has_records,
    ),
    Check(
        "completed",
        "every run is completed",
        "run the suite again: it runs what is missing; remove records of failed runs",
        runs_are_completed,
        ("records",),
    ),
    Check(
        "names",
        "an agent that is not of this package has a name of its own",
        "name it 'module:factory', or give record_evaluation another name",
        names_are_free,
        ("records",),
    ),
    Check(
        "corrections",
        "a record takes the place of the folder's own records alone",
        "hand the corrected records in too, or run the suite again into an empty folder",
        corrections_are_its_own,
        ("records",),
    ),
    Check(
        "evaluation",
        "the test split was played, under a seed that was used for nothing else",
        "evaluate with --split test and the default seed; train with seeds below it",
        test_split_is_played,
        ("records",),
    ),
    Check(
        "rescored",
        "V1: rewards and metrics computed again are those of the records",
        "evaluate again with this release; docs/verify.md explains the levels",
        holds_level(1),
        ("records",),
    ),
    Check(
        "replayed",
        "V2: every example was played, and the tokens give the texts, rewards and ends",
        "evaluate all examples (no --episodes), with the default evaluation seed",
        holds_level(2),
        ("records", "rescored"),
    ),
    Check(
        "checkpoints",
        "every trained record has its checkpoint",
        "set keep_checkpoints = true under [run] in the suite, or copy trained folders to checkpoints/NAME",
        checkpoints_are_there,
        ("records",),
    ),
    Check(
        "re-evaluated",
        "V3: the checkpoints write the texts, and score alike under fresh seeds",
        "hand in the checkpoint that was evaluated; --allow-code module:factory allows an agent's own code",
        holds_level(3),
        ("records", "replayed"),
    ),
    Check(
        "seeds",
        "each agent was trained under several seeds",
        "train it under five seeds",
        seeds_are_enough,
        ("records",),
    ),
    Check(
        "trials",
        "the records say how many configurations were tried",
        "set trials and tuning_seeds in the suite",
        trials_are_told,
        ("records",),
    ),
)
