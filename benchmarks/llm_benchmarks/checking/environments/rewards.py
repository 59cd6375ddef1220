"""Rewards and infos: what an episode's last step gives, and rewards that depend on the episode alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llm_benchmarks.checking.checks import Broken, NotApplicable
from llm_benchmarks.checking.environments.repeatable import tolerance
from llm_benchmarks.checking.subjects import EnvironmentSubject
from llm_benchmarks.checking.walks import Moment, drawn_actions, episode, equal, writing_actions
from llm_benchmarks.records.values import RecordError, plain
from llm_envs.envs.vector_infos import has_info
from llm_envs.episode import Episode, Example
from llm_envs.foreign import shown

_OUTCOME = (
    "source",
    "references",
    "text",
    "action_ids",
    "reward",
    "reward_components",
    "metrics",
    "finish_reason",
)
_REASONS = ("stop", "length", "task")
_EPISODES = 6
_FOREIGN = "it does not inherit from TokenEnv; llm_envs.evaluate plays those only"


def outcome_says_everything(subject: EnvironmentSubject) -> str:
    """Checks the infos of a reset and of an episode's last step."""
    if not subject.is_token_env:
        raise NotApplicable(_FOREIGN)
    env = subject.env
    for seed in range(subject.seed, subject.seed + _EPISODES):
        moments = episode(env, drawn_actions(env, 64, seed), seed)
        for key in ("example", "source"):
            if key not in moments[0].info:
                raise Broken(f"the info of reset lacks {key!r}")
        for moment in moments:
            if "episode" in moment.info:
                raise Broken(
                    f"{moment.call} sets info['episode'], which Gymnasium's and SB3's wrappers write"
                )
        for moment in moments[1:-1]:
            if "outcome" in moment.info:
                raise Broken(f"{moment.call} gives an outcome, and the episode goes on")
        _check_outcome(subject, moments)
    return f"{_EPISODES} episodes"


def _check_outcome(subject: EnvironmentSubject, moments: Sequence[Moment]) -> None:
    last = moments[-1]
    if not has_info(last.info, "outcome", 0):
        raise Broken(f"{last.call} ends the episode, and its info has no 'outcome'")
    outcome = last.info["outcome"]
    missing, more = set(_OUTCOME) - set(outcome), set(outcome) - set(_OUTCOME)
    if missing or more:
        raise Broken(f"info['outcome'] lacks {sorted(missing)} and has {sorted(more)} besides")
    try:
        plain(outcome, "info['outcome']")
    except RecordError as error:
        raise Broken(f"no record can hold it: {error}") from None
    if outcome["finish_reason"] not in _REASONS:
        raise Broken(f"finish_reason is {outcome['finish_reason']!r}; the reasons are {', '.join(_REASONS)}")
    paid = math.fsum(moment.reward for moment in moments)
    terminal = subject.task.timing.kind in ("terminal", "dense")
    if terminal and not equal(float(outcome["reward"]), paid, 1e-6 + tolerance(subject)):
        raise Broken(f"outcome['reward'] is {outcome['reward']}, and the steps paid {paid} in all")
    if subject.task.max_turns == 1:
        text = subject.task.tokenizer.decode(list(outcome["action_ids"]))
        if text != outcome["text"]:
            raise Broken(
                f"outcome['text'] is {shown(repr(outcome['text']), 60)}, and its tokens decode to "
                f"{shown(repr(text), 60)}"
            )


def rewards_are_finite(subject: EnvironmentSubject) -> str:
    """Checks that rewards are finite numbers, whatever is written."""
    env = subject.env
    for seed in range(subject.seed, subject.seed + _EPISODES):
        for actions in (drawn_actions(env, 64, seed), writing_actions(env, 64, seed)):
            for moment in episode(env, actions, seed):
                if not math.isfinite(moment.reward):
                    raise Broken(f"{moment.call} of reset(seed={seed}) pays {moment.reward}")
    return ""


def rewards_are_stationary(subject: EnvironmentSubject) -> str:
    """Plays an episode, then others, then the first again. Scores texts in two orders, alone and together."""
    env = subject.make()
    plays = [(seed, drawn_actions(env, 64, seed)) for seed in range(subject.seed, subject.seed + _EPISODES)]
    first = [_paid(episode(env, actions, seed)) for seed, actions in plays]
    again = [_paid(episode(env, actions, seed)) for seed, actions in reversed(plays)][::-1]
    for (seed, _), a, b in zip(plays, first, again, strict=True):
        if not equal(a, b, tolerance(subject)):
            raise Broken(f"the same episode (seed {seed}) earned {sum(a)}, and {sum(b)} after some others")
    if subject.is_token_env and subject.task.max_turns == 1:
        _check_batches(subject)
    return ""


def _paid(moments: Sequence[Moment]) -> list[float]:
    return [moment.reward for moment in moments]


def _check_batches(subject: EnvironmentSubject) -> None:
    task = subject.task
    examples: list[Example] = [task.examples[i] for i in range(min(8, len(task.examples)))]
    texts = list(task.train_texts()[:4]) or [""]
    episodes = []
    for k, example in enumerate(examples):
        text = [*example.references, *texts][k % (len(example.references) + len(texts))]
        try:
            ids = tuple(task.tokenizer.encode(text))
        except ValueError:  # a text of another vocabulary
            ids = ()
        episodes.append(Episode(example, task.tokenizer.decode(list(ids)), ids, "stop"))
    alone = [task.reward.score(one)[0] for one in episodes]
    together = task.reward.score_batch(episodes)[0]
    backwards = task.reward.score_batch(episodes[::-1])[0][::-1]
    for k, (a, b, c) in enumerate(zip(alone, together, backwards, strict=True)):
        if not (
            equal(float(a), float(b), task.reward.tolerance)
            and equal(float(b), float(c), task.reward.tolerance)
        ):
            raise Broken(
                f"the text {shown(repr(episodes[k].text), 40)} scores {a} alone, {b} in a batch, {c} in the "
                "batch turned round"
            )


def dense_rewards_sum_to_the_score(subject: EnvironmentSubject) -> str:
    """Plays episodes with dense and with terminal rewards and compares the sums."""
    if not subject.is_token_env:
        raise NotApplicable("it does not inherit from TokenEnv, so it takes no reward_timing")
    try:
        dense, terminal = subject.make(reward_timing="dense"), subject.make(reward_timing="terminal")
    except TypeError:
        raise NotApplicable("it takes no argument reward_timing") from None
    for seed in range(subject.seed, subject.seed + _EPISODES // 2):
        for actions in (drawn_actions(dense, 64, seed), writing_actions(dense, 64, seed)):
            spread, paid = (math.fsum(_paid(episode(env, actions, seed))) for env in (dense, terminal))
            if not equal(spread, paid, 1e-6 + 2 * tolerance(subject)):
                raise Broken(
                    f"the episode of seed {seed} earns {spread} with dense rewards and {paid} at its end"
                )
    return ""
