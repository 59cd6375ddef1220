"""What judgements show: who was preferred, how much the raters agree, and whether the side mattered."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from llm_benchmarks.leaderboard.statistics import Interval, cluster_interval
from llm_benchmarks.rewards.rating.agreement import Agreement, agreement
from llm_benchmarks.rewards.rating.judgements import SCORES, Judgement, Said
from llm_benchmarks.rewards.shares import share_interval

_SHARES = {"a": 1.0, "tie": 0.5, "b": 0.0}
_IntervalOf = Callable[[Sequence[float], Sequence[str]], Interval]


@dataclass(frozen=True)
class RaterRow:
    """What one rater did.

    Attributes:
        name: The rater.
        judged: Answers other than "skip".
        skipped: Skipped items.
        ties: Ties among the answers.
        left: The share of the left text among answers that chose a side; None if there is none.
        seconds: Median time of an answer.
    """

    name: str
    judged: int
    skipped: int
    ties: int
    left: float | None
    seconds: float | None


@dataclass(frozen=True)
class AgentRow:
    """What all raters said of one agent.

    Attributes:
        name: The agent; "" if unknown.
        against: The other agent of a row about two; "" for all others.
        judged: Answers about it.
        wins: Answers that preferred it.
        ties: Ties.
        score: Win rate, a tie being half a win, or mean rating; with its interval over prompts.
    """

    name: str
    against: str
    judged: int
    wins: int
    ties: int
    score: Interval


@dataclass(frozen=True)
class Report:
    """The report of a file.

    Attributes:
        scale: "pairs" or "absolute".
        question: What was asked.
        items: Items that were to judge.
        raters: A row for each rater.
        agents: A row for each agent, best first.
        pairs: A row for each two agents, if there are more than two.
        agreement: Krippendorff's alpha, ordinal.
        left: The share of the left text among answers that chose a side, with its interval over items; None
            for ratings, and if there is none.
    """

    scale: str
    question: str
    items: int
    raters: tuple[RaterRow, ...]
    agents: tuple[AgentRow, ...]
    pairs: tuple[AgentRow, ...]
    agreement: Agreement
    left: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as JSON values."""
        return {**asdict(self), "agreement": self.agreement._asdict()}


def make_report(said: Said) -> Report:
    """Returns the report of what a file holds."""
    judgements = [one for one in said.all() if one.choice != "skip"]
    pairs = said.asked.scale == "pairs"
    by_item: dict[str, dict[str, float]] = {}
    for one in judgements:
        by_item.setdefault(one.item, {})[one.rater] = value_of(one)
    agents = _compared(judgements) if pairs else _rated(judgements)
    names = sorted({name for one in judgements for name in one.agents})
    sided = [one for one in judgements if one.choice in ("a", "b")]
    lefts = [float(one.choice == one.left) for one in sided]
    return Report(
        scale=said.asked.scale,
        question=said.asked.question,
        items=said.asked.items,
        raters=tuple(_rater(name, by_id.values()) for name, by_id in sorted(said.judgements.items())),
        agents=agents,
        pairs=_two_by_two(judgements, names) if pairs and len(names) > 2 else (),
        agreement=agreement(by_item, tuple(sorted(_SHARES.values())) if pairs else SCORES),
        left=share_interval(lefts, [one.item for one in sided]) if sided else None,
    )


def value_of(judgement: Judgement) -> float:
    """Returns the answer as a number: 1 to 5, or 1 for "a", 0.5 for a tie, 0 for "b"."""
    choice = judgement.choice
    return _SHARES[choice] if isinstance(choice, str) else float(choice)


def _rater(name: str, judgements: Iterable[Judgement]) -> RaterRow:
    judgements = list(judgements)
    answers = [one for one in judgements if one.choice != "skip"]
    sides = [one.choice == one.left for one in answers if one.choice in ("a", "b")]
    return RaterRow(
        name=name,
        judged=len(answers),
        skipped=len(judgements) - len(answers),
        ties=sum(one.choice == "tie" for one in answers),
        left=statistics.fmean(sides) if sides else None,
        seconds=statistics.median(one.seconds for one in answers) if answers else None,
    )


def _compared(judgements: Sequence[Judgement]) -> tuple[AgentRow, ...]:
    said: dict[str, list[tuple[float, str]]] = {}
    for one in judgements:
        if one.agents[0] != one.agents[1]:
            said.setdefault(one.agents[0], []).append((value_of(one), one.prompt))
            said.setdefault(one.agents[1], []).append((1.0 - value_of(one), one.prompt))
    return _rows({(name, ""): answers for name, answers in said.items()})


def _two_by_two(judgements: Sequence[Judgement], names: Sequence[str]) -> tuple[AgentRow, ...]:
    said: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for first, second in itertools.combinations(names, 2):
        for one in judgements:
            if set(one.agents) == {first, second}:
                value = value_of(one) if one.agents[0] == first else 1.0 - value_of(one)
                said.setdefault((first, second), []).append((value, one.prompt))
    return _rows(said)


def _rated(judgements: Sequence[Judgement]) -> tuple[AgentRow, ...]:
    said: dict[str, list[tuple[float, str]]] = {}
    for one in judgements:
        said.setdefault(one.agents[0], []).append((value_of(one), one.prompt))
    return _rows({(name, ""): answers for name, answers in said.items()}, cluster_interval)


def _rows(
    said: Mapping[tuple[str, str], Sequence[tuple[float, str]]], interval: _IntervalOf = share_interval
) -> tuple[AgentRow, ...]:
    rows = [
        AgentRow(
            name=name,
            against=against,
            judged=len(answers),
            wins=sum(value == 1.0 for value, _ in answers),
            ties=sum(value == 0.5 for value, _ in answers),
            score=interval([value for value, _ in answers], [prompt for _, prompt in answers]),
        )
        for (name, against), answers in said.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.score.estimate, row.name, row.against)))
