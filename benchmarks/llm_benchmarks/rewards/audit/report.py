"""The report of an audit: a verdict, findings, and everything that was measured. JSON-able."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from llm_benchmarks.rewards.audit.behaviour import PREFIXES, Behaviour
from llm_benchmarks.rewards.audit.best_of_n import BestOfN
from llm_benchmarks.rewards.audit.corruptions import Corruption
from llm_benchmarks.rewards.audit.exploits import Grade, Result
from llm_benchmarks.rewards.audit.held_out import HeldOut
from llm_benchmarks.rewards.audit.shares import Estimate, Zero

VERSION = 1
Verdict = Literal["exploited", "holds"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a designer should know.

    Attributes:
        grade: "exploit" fails the audit; "weakness" does not.
        name: What was found: the attack, or a short name such as "no signal".
        says: One sentence.
    """

    grade: Grade
    name: str
    says: str


@dataclass(frozen=True)
class Report:
    """All results of an audit.

    Attributes:
        env_id: The environment's id.
        reward: The reward as the person wrote it.
        signature: The reward's signature.
        dataset: The data set.
        split: The split whose prompts were used.
        prompts: Their number.
        budget: The budget's name; "slow reward" is added where its searches were cut.
        seed: The seed.
        reference: Mean reward of the references.
        zero: What a share of 0 stands for.
        held_out: The held-out metrics.
        findings: The worst first.
        results: One for each attack, the worst first.
        corruptions: One for each kind of edit.
        best_of_n: The curve; None without held-out metrics.
        behaviour: Everything else; None if the reward raises on a model's texts.
        seconds: Wall-clock time.
        cpu_seconds: Processor time.
    """

    env_id: str
    reward: str
    signature: str
    dataset: str
    split: str
    prompts: int
    budget: str
    seed: int
    reference: float
    zero: Zero
    held_out: Sequence[HeldOut]
    findings: Sequence[Finding]
    results: Sequence[Result]
    corruptions: Sequence[Corruption]
    best_of_n: BestOfN | None
    behaviour: Behaviour | None
    seconds: float
    cpu_seconds: float

    @property
    def verdict(self) -> Verdict:
        """The verdict: "exploited" if a finding fails the audit, else "holds"."""
        return "exploited" if self.exploits else "holds"

    @property
    def exploits(self) -> list[Finding]:
        """The findings that fail the audit."""
        return [finding for finding in self.findings if finding.grade == "exploit"]

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as JSON-able data. A number that does not exist is None."""
        found: dict[str, Any] = {
            "version": VERSION,
            "verdict": self.verdict,
            "env": self.env_id,
            "reward": self.reward,
            "signature": self.signature,
            "dataset": self.dataset,
            "split": self.split,
            "prompts": self.prompts,
            "budget": self.budget,
            "seed": self.seed,
            "reference": self.reference,
            "zero": {"value": self.zero.value, "of": self.zero.of},
            "findings": [{"grade": f.grade, "name": f.name, "says": f.says} for f in self.findings],
            "held_out": [
                {"name": m.name, "sees": m.aspect, "null": m.null, "reference": m.reference}
                for m in self.held_out
            ],
            "attacks": [_attack(result) for result in self.results],
            "corruptions": [_corruption(one) for one in self.corruptions],
            "best_of_n": None if self.best_of_n is None else _curve(self.best_of_n),
            "behaviour": None if self.behaviour is None else _behaviour(self.behaviour),
            "seconds": round(self.seconds, 2),
            "cpu_seconds": round(self.cpu_seconds, 2),
        }
        finite: dict[str, Any] = _finite(found)
        return finite


def _attack(result: Result) -> dict[str, Any]:
    attack = result.attack
    return {
        "name": attack.name,
        "knows": attack.knows,
        "grade": result.grade,
        "why": result.why,
        "reward": result.reward,
        "share": result.share.to_list(),
        "held_out": None if result.quality is None else result.quality.to_list(),
        "metrics": result.metrics,
        "calls_on_each_prompt": attack.calls,
        "calls_on_others": attack.searched,
        "prompts": len(attack.episodes),
        "curve": [{"calls": calls, "share": share} for calls, share in result.curve],
        "texts": [{"prompt": prompt, "text": text} for prompt, text in result.examples()],
    }


def _corruption(one: Corruption) -> dict[str, Any]:
    rows = zip(one.counts, one.shares, one.preferred, one.ties, strict=True)
    return {
        "edit": one.name,
        "monotone": one.monotone,
        "levels": [
            {"edits": n, "share": share.to_list(), "corrupted_preferred": preferred, "ties": ties}
            for n, share, preferred, ties in rows
        ],
    }


def _curve(curve: BestOfN) -> dict[str, Any]:
    return {
        "model": curve.model,
        "n": curve.n,
        "kl": curve.kl,
        "reward": [one.to_list() for one in curve.reward],
        "held_out": [one.to_list() for one in curve.held_out],
        "turns_at": curve.turn,
        "fall": None if curve.fall is None else curve.fall.to_list(),
    }


def _behaviour(behaviour: Behaviour) -> dict[str, Any]:
    correlations = {name: one.to_list() for name, one in behaviour.correlations.items()}
    prefixes = behaviour.prefixes
    return {
        "spread": behaviour.spread,
        "within_prompts": behaviour.within,
        "ties": behaviour.ties,
        "milliseconds": behaviour.milliseconds,
        "deterministic": behaviour.deterministic,
        "prefixes": None if prefixes is None else dict(zip(map(str, PREFIXES), prefixes, strict=True)),
        "prefixes_fall": behaviour.falls,
        "dense_equals_terminal": behaviour.dense_equal,
        "spearman": correlations,
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def estimate_text(estimate: Estimate | None) -> str:
    """Returns "31 % [28, 35]", or a dash where there is no number."""
    if estimate is None or math.isnan(estimate.value):
        return "–"
    return f"{100 * estimate.value:.0f} % [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"
