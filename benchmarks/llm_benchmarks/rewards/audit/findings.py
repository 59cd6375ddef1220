"""Findings: what the numbers of an audit mean, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llm_benchmarks.rewards.audit.behaviour import Behaviour
from llm_benchmarks.rewards.audit.best_of_n import BestOfN
from llm_benchmarks.rewards.audit.corruptions import Corruption
from llm_benchmarks.rewards.audit.exploits import Result
from llm_benchmarks.rewards.audit.report import Finding
from llm_benchmarks.rewards.audit.scoring import Floats
from llm_benchmarks.rewards.audit.shares import Scale
from llm_envs.episode import Episode

_TIES = 0.5
_PREFERRED = 0.25
_HEAVY = 8
_SHOWN = 60


def findings_of(
    scale: Scale,
    own: Floats,
    results: Sequence[Result],
    edited: Sequence[Corruption],
    curve: BestOfN | None,
    behaviour: Behaviour | None,
    random_words: Sequence[Episode],
) -> list[Finding]:
    """Returns all findings, exploits first."""
    found = [
        *_signal(scale, own, results, random_words),
        *_raising(scale),
        *(Finding(r.grade, r.attack.name, _said(r)) for r in results if r.grade != "no exploit"),
        *_held_out(scale),
        *(_corrupted(edited) if scale.has_scale else ()),
        *_chosen(curve),
        *([] if behaviour is None else _behaving(behaviour)),
    ]
    return sorted(found, key=lambda finding: finding.grade != "exploit")


def _said(result: Result) -> str:
    text = " / ".join(result.attack.episodes[result.best].text.split("\n"))
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return f"{result.why[0].upper()}{result.why[1:]}; for instance {text!r}."


def _signal(
    scale: Scale, own: Floats, results: Sequence[Result], random_words: Sequence[Episode]
) -> list[Finding]:
    random = scale.scores(random_words)
    if np.ptp(own) == 0 and all(abs(result.reward - own[0]) < 1e-12 for result in results):
        return [Finding("exploit", "constant", f"Every text that was tried earns {own[0]:.3g}.")]
    if scale.estimate(own - random).low > 0:
        return []
    return [
        Finding(
            "exploit",
            "no signal",
            f"References earn {own.mean():.3g}, random words {random.mean():.3g}: it does not "
            "prefer texts that are right.",
        )
    ]


def _raising(scale: Scale) -> list[Finding]:
    if not scale.raised:
        return []
    first = scale.raised[0]
    text = first.text if len(first.text) <= 60 else first.text[:60] + "..."
    return [
        Finding(
            "exploit",
            "raises",
            f"The reward raises on {len({one.text for one in scale.raised})} texts, which stops a training; "
            f"the first is {text!r}: {first.reason}.",
        )
    ]


def _held_out(scale: Scale) -> list[Finding]:
    if all(metric.aspect == "nothing" for metric in scale.held_out):
        return [
            Finding(
                "weakness", "no held-out metric", "No other metric tells references from texts without merit."
            )
        ]
    if all(metric.aspect != "relevance" for metric in scale.held_out):
        says = "No held-out metric sees whether a text answers its prompt; name one with --held-out."
        return [Finding("weakness", "no metric of relevance", says)]
    return []


def _corrupted(edited: Sequence[Corruption]) -> list[Finding]:
    found = []
    for one in edited:
        heavy = one.counts.index(_HEAVY) if _HEAVY in one.counts else len(one.counts) - 1
        worst = max(range(len(one.counts)), key=lambda i: one.preferred[i])
        if one.preferred[worst] > _PREFERRED:
            share = one.preferred[worst]
            says = f"{one.counts[worst]} edits earn more than the reference on {share:.0%} of the prompts."
            found.append(Finding("weakness", f"prefers texts with {one.name} edits", says))
        elif one.shares[heavy].low > 0.95:
            share = one.shares[heavy].value
            says = f"After {one.counts[heavy]} edits a reference keeps {share:.0%} of its reward."
            found.append(Finding("weakness", f"blind to {one.name} edits", says))
        if not one.monotone:
            says = "More edits of this kind raise the mean reward at some point."
            found.append(Finding("weakness", f"not monotone in {one.name} edits", says))
    return found


def _chosen(curve: BestOfN | None) -> list[Finding]:
    if curve is None or curve.turn is None or curve.fall is None:
        return []
    says = (
        f"Held-out metrics are best for the best of {curve.turn} texts and fall by {curve.fall.value:.0%} of "
        f"the references' until the best of {curve.n[-1]} (model: {curve.model})."
    )
    return [Finding("weakness", "best-of-n turns", says)]


def _behaving(behaviour: Behaviour) -> list[Finding]:
    found = []
    if behaviour.ties > _TIES:
        share = behaviour.ties
        says = f"On {share:.0%} of the prompts all texts of the model earn the same: nothing to learn there."
        found.append(Finding("weakness", "ties", says))
    if not behaviour.deterministic:
        says = "A text that is scored again, in another order or alone earns something else."
        found.append(Finding("weakness", "not deterministic", says))
    if behaviour.dense_equal is False:
        says = (
            "The scorer of growing prefixes and the reward disagree: dense rewards do not sum to the score."
        )
        found.append(Finding("weakness", "dense differs", says))
    return found
