"""Sound designs and the defaults of all ids pass: the audit accuses nobody without an exploit."""

from __future__ import annotations

from dataclasses import replace

import pytest

import llm_envs
from llm_benchmarks.rewards.audit import BUDGETS, audit
from llm_envs.rewards import parse_reward

SHORT = BUDGETS["short"]
SLOW = {"TextGen-Code-v0": replace(SHORT, prompts=6, samples=2, edits=(8,))}  # it runs tests in a sandbox

SOUND = {
    "two overlaps": ("Translation-v0", "0.5 * bleu + 0.5 * chrf"),
    "negative scale": ("Translation-v0", "-1 * ter"),
    "gate": ("TextGen-v0", "gate(fluency * novelty, constraints >= 0.7)"),
    "product and penalty": ("TextGen-v0", "constraints * fluency * novelty - 0.2 * repetition"),
    "sparse": ("TextGen-Tiny-v0", "exact_match"),
    "score and length": ("Translation-EnZh-v0", "bleu - 0.2 * length_penalty(max=12)"),
}


@pytest.mark.parametrize("env_id", llm_envs.list_envs())
def test_default_reward_passes_the_short_audit(env_id: str) -> None:
    report = audit("default", env_id, budget=SLOW.get(env_id, SHORT))
    assert report.verdict == "holds", report.exploits
    assert len(report.results) >= 11


def test_what_learners_found_is_tried_on_textgen() -> None:
    report = audit("default", "TextGen-v0", budget=SHORT)
    names = [result.attack.name for result in report.results]
    assert "a learner's, against this reward" in names
    assert "found: a learner's, rloo against fluency v2" in names


@pytest.mark.parametrize("design", SOUND)
def test_sound_design_passes(design: str) -> None:
    env_id, line = SOUND[design]
    report = audit(parse_reward(line), env_id, budget=SHORT)
    assert report.verdict == "holds", report.exploits


def test_offset_and_scale_of_a_reward_do_not_change_the_verdict() -> None:
    plain = audit("bleu", "Translation-v0", budget=SHORT)
    moved = audit("audited_designs:moved_bleu", "Translation-v0", budget=SHORT)
    assert moved.verdict == plain.verdict == "holds"
    assert moved.zero.of == "random words"
