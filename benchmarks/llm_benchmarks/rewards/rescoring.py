"""Scores the texts of records by another reward or metric. Nothing is played again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llm_benchmarks.records.additions import AddedScores, Kind
from llm_benchmarks.records.record import Record
from llm_benchmarks.verification.agreement import agree
from llm_benchmarks.verification.findings import Fails, NotVerifiable
from llm_benchmarks.verification.ground import Ground
from llm_benchmarks.verification.rescored import episodes_of, reads_more_than_recorded
from llm_envs.episode import Episode
from llm_envs.rewards import RewardError, RewardSet


class NotOfTheEpisode(ValueError):
    """A reward is no function of the episode alone, so it cannot score a text that was written before."""


def rescore(record: Record, ground: Ground, spec: Any, kind: Kind) -> AddedScores:
    """Scores the episodes of a record.

    A reward is a function of the episode alone if it gives a text the same value whatever it has scored
    before. So every text is scored twice, the second time in reverse order.

    Args:
        record: A record with results.
        ground: Its environment, made again.
        spec: The reward or metric. "default" is the environment's own reward, as it is today.
        kind: "reward", or "metric", which may have `score_corpus`.

    Raises:
        NotVerifiable: The record has no results, or its data set is another one today.
        NotOfTheEpisode: The reward keeps a state, draws numbers, or reads what no record holds.
        ValueError: The environment cannot make the reward.
        RewardError: The reward raised an error.
    """
    if record.results is None:
        raise NotVerifiable(f"{record.status}: it has no texts")
    if ground.described["dataset_hash"] != record.facts["dataset"]["hash"]:
        raise NotVerifiable("its data set is another one today")
    rewards = ground.task.make_reward(spec)
    try:
        episodes = episodes_of(record, record.episodes(), ground.task)
    except Fails as fault:
        raise NotVerifiable(str(fault)) from fault
    single, whole = rewards.by_level()
    if whole is not None:
        return _of_the_whole(whole, single, episodes, kind)
    values = _totals(rewards, episodes)
    again = _totals(rewards, list(reversed(episodes)))[::-1]
    for episode, first, second in zip(episodes, values, again, strict=True):
        if not agree(first, second, rewards.tolerance):
            raise NotOfTheEpisode(
                f"{rewards.signature}: gives the text {episode.text[:60]!r} {first}, and {second} in another "
                "order; a reward that keeps a state or draws numbers cannot score texts again"
            )
    return AddedScores(rewards.signature, values)


def _totals(rewards: RewardSet, episodes: Sequence[Episode]) -> list[float]:
    try:
        return rewards.score_batch(episodes)[0]
    except RewardError as error:
        if what := reads_more_than_recorded(error):
            raise NotOfTheEpisode(f"{rewards.signature}: reads {what}, which no record holds") from None
        raise


def _of_the_whole(
    whole: RewardSet, single: RewardSet | None, episodes: Sequence[Episode], kind: Kind
) -> AddedScores:
    """Returns the value of a metric that is computed once over all texts."""
    if kind == "reward" or single is not None or len(whole.weights) != 1:
        raise NotOfTheEpisode(
            f"{whole.signature}: is computed over all texts together; add it alone: --metric"
        )
    [value] = whole.score_corpus(episodes).values()
    return AddedScores(whole.signature, whole=value)
