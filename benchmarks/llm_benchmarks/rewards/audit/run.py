"""Runs an audit from end to end."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_baselines.agent import Agent
from llm_benchmarks.rewards.audit.attacks import (
    COPY,
    COPY_OF_TURN,
    EMPTY,
    OTHER,
    RANDOM,
    REPEATED,
    fixed_attacks,
)
from llm_benchmarks.rewards.audit.behaviour import Behaviour, behaviour_of, milliseconds_of
from llm_benchmarks.rewards.audit.best_of_n import BestOfN, curve_of
from llm_benchmarks.rewards.audit.budget import FULL, SLOW_MS, Budget
from llm_benchmarks.rewards.audit.corruptions import corruptions
from llm_benchmarks.rewards.audit.exploits import judge, worst_first
from llm_benchmarks.rewards.audit.findings import findings_of
from llm_benchmarks.rewards.audit.found_texts import found_attacks
from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.audit.held_out import chosen_metrics, held_out_metrics
from llm_benchmarks.rewards.audit.report import Report
from llm_benchmarks.rewards.audit.samples import STAND_IN, model_of, samples_of
from llm_benchmarks.rewards.audit.scoring import Floats, Raised, reads_references, scores_of
from llm_benchmarks.rewards.audit.searches import searched_attacks
from llm_benchmarks.rewards.audit.shares import Scale, zero_of
from llm_envs.episode import Episode
from llm_envs.rewards import RewardError, RewardSet


@dataclass(frozen=True)
class Prepared:
    """An audit whose input is checked. Nothing has been tried yet.

    Attributes:
        ground: The prompts, with the reward.
        spec: The reward as the person wrote it.
        chosen: The held-out metrics by name.
        agent: The name of the model of the best-of-n curve; None for the stand-in.
        model: The model.
        budget: How much is tried.
        begun: When the preparation began, in wall-clock and processor seconds.
    """

    ground: Ground
    spec: Any
    chosen: Sequence[tuple[str, RewardSet]]
    agent: str | None
    model: Agent | None
    budget: Budget
    begun: tuple[float, float]


def prepare(
    spec: Any,
    env_id: str,
    *,
    held_out: Sequence[Any] = (),
    budget: Budget = FULL,
    seed: int = 0,
    agent: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Prepared:
    """Checks the input of an audit; see `audit`.

    Raises:
        ValueError: The environment, the reward, a metric or the agent cannot be made.
    """
    begun = time.perf_counter(), time.process_time()
    ground = Ground(env_id, spec, prompts=budget.prompts, seed=seed, arguments=arguments)
    chosen = chosen_metrics(ground, held_out)
    return Prepared(ground, spec, chosen, agent, model_of(ground, agent), budget, begun)


def audit(spec: Any, env_id: str, **options: Any) -> Report:
    """Audits a reward: what texts without merit earn, before anything is trained on it.

    Args:
        spec: The reward, as `llm_envs.make_reward` takes it, or "default".
        env_id: A registered id.
        **options: `held_out`: metrics that judge the texts; by default those of the id and of the audit,
        which
            "default" among others adds. `budget`: how much is tried. `seed`: decides prompts, texts and
            searches; the same seed gives the same report, but for times. `agent`: the model of the best-of-n
            curve, a name, a folder or "module:factory"; by default the references with random edits. Searches
            start from its texts too. `arguments`: arguments of the environment, such as `dataset`.

    Raises:
        ValueError: The environment, the reward, a metric or the agent cannot be made.
        RewardError: The reward raises on references, or a metric raises.
    """
    return run(prepare(spec, env_id, **options))


def run(prepared: Prepared) -> Report:
    """Runs an audit.

    Raises:
        RewardError: The reward raises on references, or a metric raises.
    """
    ground, budget = prepared.ground, prepared.budget
    rewards = ground.task.reward
    own = scores_of(rewards, ground.references)
    slow = milliseconds_of(rewards, ground.references) > SLOW_MS
    if slow:
        budget = budget.for_slow_reward()
    raised: list[Raised] = []
    fixed = fixed_attacks(ground)
    texts: dict[str, Sequence[Episode]] = {attack.name: attack.episodes for attack in fixed}
    nulls = {name: found for name, found in texts.items() if name in _WITHOUT_MERIT}
    metrics = held_out_metrics(ground, prepared.chosen, texts[OTHER], nulls)
    levels = {name: _level(scores_of(rewards, texts[name], raised)) for name in (EMPTY, RANDOM)}
    scale = Scale(
        rewards,
        metrics,
        own,
        zero_of(float(own.mean()), levels),
        resamples=budget.resamples,
        seed=ground.seed,
        raised=raised,
        reads_references=reads_references(rewards, ground.references),
    )
    samples = samples_of(ground, prepared.agent, prepared.model, budget.samples)
    starts = () if prepared.agent is None or ground.talks else samples
    searched = searched_attacks(ground, budget, raised, starts)
    results = worst_first([judge(attack, scale) for attack in [*fixed, *found_attacks(ground), *searched]])
    edited = corruptions(ground, scale, budget.edits)
    curve, behaviour = _of_samples(ground, scale, samples, prepared.agent or STAND_IN)
    spec, (begun, cpu) = prepared.spec, prepared.begun
    return Report(
        env_id=ground.env_id,
        reward=spec if isinstance(spec, str) else _written(spec, rewards.signature),
        signature=rewards.signature,
        dataset=ground.task.corpus.label,
        split=ground.split,
        prompts=len(ground.examples),
        budget=budget.name + (", slow reward" if slow else ""),
        seed=ground.seed,
        reference=scale.reference,
        zero=scale.zero,
        held_out=metrics,
        findings=findings_of(scale, own, results, edited, curve, behaviour, texts[RANDOM]),
        results=results,
        corruptions=edited,
        best_of_n=curve,
        behaviour=behaviour,
        seconds=time.perf_counter() - begun,
        cpu_seconds=time.process_time() - cpu,
    )


_WITHOUT_MERIT = (EMPTY, RANDOM, REPEATED, COPY, COPY_OF_TURN)


def _level(scores: Floats) -> float:
    """Returns the mean score, or 0 if the reward raises on all of the texts."""
    return 0.0 if np.isnan(scores).all() else float(np.nanmean(scores))


def _written(spec: Any, signature: str) -> str:
    try:
        return json.dumps(spec)
    except TypeError:
        return signature


def _of_samples(
    ground: Ground, scale: Scale, samples: Sequence[Sequence[Episode]], model: str
) -> tuple[BestOfN | None, Behaviour | None]:
    """Returns what a model's texts say: the best-of-n curve, ties, correlations and so on."""
    number = len(samples[0])
    flat = [episode for texts in samples for episode in texts]
    table = scale.scores(flat).reshape(-1, number)
    values = {name: found.reshape(-1, number) for name, found in scale.held_out_values(flat).items()}
    curve = curve_of(model, table, values, scale)
    try:
        behaviour = behaviour_of(ground, scale.rewards, flat, table, values, scale.draws(len(table)))
    except RewardError:
        behaviour = None
    return curve, behaviour
