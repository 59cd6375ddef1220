"""Designs that were written after the audit's rules: it was not made for them."""

from __future__ import annotations

from typing import Any

import pytest

from llm_benchmarks.rewards.audit import BUDGETS, audit

SHORT = BUDGETS["short"]

BAD: dict[str, tuple[str, Any, str]] = {
    "recall of words": (
        "Translation-v0",
        "unseen_designs:unigram_recall",
        "frequent words to the last token",
    ),
    "the first word": ("Translation-v0", "unseen_designs:starts_right", "reference, first quarter"),
    "good manners": ("Dialogue-Chat-v0", "unseen_designs:polite", "best constant text"),
    "number of lines": ("TextGen-v0", "unseen_designs:line_count", "any text of train"),
    "a swallowed fault": ("TextGen-v0", "unseen_designs:swallowed_fault", "constant"),
    "rich vocabulary": ("TextGen-Script-v0", "unseen_designs:vocabulary_richness", "random words"),
    "language": ("Translation-EnIt-v0", "language", "frequent words to the last token"),
    "novelty": ("TextGen-v0", "novelty", "random words"),
}

SOUND: dict[str, tuple[str, Any]] = {
    "matching blocks": ("Translation-v0", "unseen_designs:matching_blocks"),
    "pairs and length": ("Translation-v0", "unseen_designs:bigram_f1_and_length"),
    "edit distance": ("Translation-EnZh-v0", "edit_distance"),
    "unbounded cost": ("Translation-EnIt-v0", "unseen_designs:log_of_errors"),
    "strict dialogue": ("Dialogue-v0", "unseen_designs:strict_dialogue"),
}


@pytest.mark.parametrize("design", BAD)
def test_bad_design_is_exploited(design: str) -> None:
    env_id, spec, exploit = BAD[design]
    report = audit(spec, env_id, budget=SHORT)
    assert exploit in [finding.name for finding in report.exploits]


@pytest.mark.parametrize("design", SOUND)
def test_sound_design_holds(design: str) -> None:
    env_id, spec = SOUND[design]
    report = audit(spec, env_id, budget=SHORT)
    assert report.verdict == "holds", report.exploits


def test_third_of_the_reward_for_random_letters_is_told() -> None:
    """It was written as a sound design, and three random letters of six do earn a third."""
    report = audit("unseen_designs:matching_blocks", "TextGen-Tiny-v0", budget=SHORT)
    assert "random words" in [finding.name for finding in report.exploits]
