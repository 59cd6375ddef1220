"""Held-out metrics: what judges a text when the audited reward does not.

A metric is held out if it is no component of the audited reward. What a metric sees is measured and not
declared, so that a metric of the user's is treated like one of ours:

* It sees *relevance* if it tells a prompt's reference from the reference of another prompt.
* Else it sees *form* if it tells references from random words, repeated tokens, copies or nothing at all.
* Else it says nothing here, and judges nothing.

A metric's share is 0 at the level of the texts that it tells apart, and 1 at that of the references. So its
direction and its range do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.audit.own_metrics import FORM_ONLY, own_metrics
from llm_benchmarks.rewards.audit.scoring import Floats, scores_of
from llm_envs.episode import Episode
from llm_envs.rewards import RewardSet, make_reward

Aspect = Literal["relevance", "form", "nothing"]
_OVERLAPS = ("chrf", "bleu", "rouge", "edit_distance")  # several, so that some are no component
_NESTED = ("rewards", "reward", "condition")  # options of compositions that hold rewards
DEFAULT = "the default reward"
_CLEAR = 0.2  # relevance: at least this share of a metric's spread lies between own and other references


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A held-out metric, and what it sees.

    Attributes:
        name: Its name in tables.
        rewards: Computes it.
        aspect: "relevance", "form" or "nothing".
        null: Its mean for texts without the aspect.
        reference: Its mean for references.
    """

    name: str
    rewards: RewardSet
    aspect: Aspect
    null: float
    reference: float

    def share(self, values: Floats) -> Floats:
        """Returns values on the scale of 0 (without the aspect) to 1 (the references)."""
        if self.aspect == "nothing":
            return np.full(np.shape(values), np.nan)
        shares: Floats = (np.asarray(values) - self.null) / (self.reference - self.null)
        return shares


def held_out_metrics(
    ground: Ground,
    chosen: Sequence[tuple[str, RewardSet]],
    others: Sequence[Episode],
    without_merit: Mapping[str, Sequence[Episode]],
) -> list[HeldOut]:
    """Returns the held-out metrics with what each sees.

    Args:
        ground: The prompts.
        chosen: The metrics, from `chosen_metrics`.
        others: Episodes of the references of other prompts.
        without_merit: Those of texts without merit, by name.

    Raises:
        RewardError: A metric cannot score the texts.
    """
    found = []
    for name, rewards in chosen:
        levels = {key: scores_of(rewards, texts) for key, texts in without_merit.items()}
        own, other = scores_of(rewards, ground.references), scores_of(rewards, others)
        metric = _judged(name, rewards, own, other, levels, form_only=name in FORM_ONLY)
        if metric.aspect == "form" and name in (ground.task.measures or ()):
            metric = replace(metric, aspect="nothing")  # the number of turns has no good direction
        found.append(metric)
    return found


def _judged(
    name: str,
    rewards: RewardSet,
    own: Floats,
    other: Floats,
    levels: Mapping[str, Floats],
    *,
    form_only: bool,
) -> HeldOut:
    """Returns the metric with the aspect that it sees."""
    reference = float(own.mean())
    means = [float(values.mean()) for values in levels.values()]
    sign = 1.0 if reference >= np.mean([*means, float(other.mean())]) else -1.0
    lowest = min(sign * mean for mean in means)
    spread = sign * reference - min(lowest, sign * float(other.mean()))
    apart = sign * (own - other)
    if spread <= 1e-9:
        return HeldOut(name, rewards, "nothing", reference, reference)
    if not form_only and _surely_positive(apart) and apart.mean() >= _CLEAR * spread:
        return HeldOut(name, rewards, "relevance", float(other.mean()), reference)
    worst = min(levels, key=lambda key: sign * float(levels[key].mean()))
    if _surely_positive(sign * (own - levels[worst])):
        return HeldOut(name, rewards, "form", sign * lowest, reference)
    return HeldOut(name, rewards, "nothing", reference, reference)


def _surely_positive(differences: Floats) -> bool:
    """Returns True if the mean lies more than two standard errors above 0."""
    mean, n = float(differences.mean()), len(differences)
    error = float(differences.std(ddof=1)) / n**0.5 if n > 1 else 0.0
    return mean > max(2.0 * error, 1e-9)


def chosen_metrics(ground: Ground, named: Sequence[Any]) -> list[tuple[str, RewardSet]]:
    """Returns the metrics by name: those that are named, or the automatic ones.

    Args:
        ground: The prompts; its task has the audited reward.
        named: Specifications that a person names; "default" among them means the automatic ones.

    Raises:
        ValueError: A specification is wrong, is the audited reward, or needs a whole evaluation.
    """
    audited = ground.task.reward
    found: dict[str, tuple[str, RewardSet]] = {}
    for spec in named:
        if spec == "default":
            continue
        rewards = ground.task.make_reward(spec)
        single, whole = rewards.by_level()
        if whole is not None or single is None:
            raise ValueError(
                f"--held-out {rewards.signature!r} is computed over all texts together; name another"
            )
        if rewards.signature == audited.signature:
            raise ValueError(f"--held-out {spec!r} is the audited reward itself; name another metric")
        found[rewards.signature] = _title(rewards), rewards
    if not named or "default" in named:
        parts = components_of(audited)
        for name, rewards in _automatic(ground, parts):
            foreign = name == DEFAULT or not (components_of(rewards) & parts)
            if foreign and rewards.signature != audited.signature:
                found.setdefault(rewards.signature, (name, rewards))
    return list(found.values())


def _automatic(ground: Ground, parts: set[str]) -> Iterator[tuple[str, RewardSet]]:
    task = ground.task
    specs: list[tuple[str, Any]] = []
    if not parts >= components_of(task.make_reward("default")):
        yield DEFAULT, task.make_reward("default")
    specs += [("", metric) for metric in task.default_metrics()]
    if task.has_references:
        specs += [("", spec) for spec in _OVERLAPS]
    if ground.talks:
        measures = list(task.measures or ())
        specs += [(key, {"id": "task_success", "name": key, "key": key}) for key in measures]
    for name, spec in specs:
        rewards = task.make_reward(spec)
        yield name or _title(rewards), rewards
    for name, function in own_metrics(ground).items():
        if name not in parts:
            yield name, make_reward({"id": function, "name": name})


def _title(rewards: RewardSet) -> str:
    """Returns a short name: that of the only component, or the whole signature."""
    weights = rewards.weights
    return next(iter(weights)) if list(weights.values()) == [1.0] else rewards.signature[:60]


def components_of(rewards: RewardSet) -> set[str]:
    """Returns what a reward is made of: ids, with the measure that `task_success` reads."""
    found: set[str] = set()

    def walk(spec: Any) -> None:
        if isinstance(spec, str):
            found.add(spec)
        elif isinstance(spec, list | tuple):
            for item in spec:
                walk(item)
        elif isinstance(spec, Mapping) and "id" in spec:
            key = f" {spec.get('key', 'success')}" if spec["id"] == "task_success" else ""
            found.add(f"{spec['id']}{key}")
            for option in _NESTED:
                walk(spec.get(option))
        elif isinstance(spec, Mapping):
            for name in spec:
                walk(name)

    spec = rewards.to_spec()
    walk(spec)
    return found - {"product", "sum", "clip", "gate"}
