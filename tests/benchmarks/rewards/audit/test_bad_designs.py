"""The audit finds the planted exploit of eight bad designs, and names it."""

from __future__ import annotations

from typing import Any

import pytest

from llm_benchmarks.rewards.audit import BUDGETS, audit

SHORT = BUDGETS["short"]

DESIGNS: dict[str, tuple[str, Any, str, str]] = {
    "sentiment alone": ("TextGen-v0", "sentiment", "best single token", "reward"),
    "length alone": (
        "TextGen-v0",
        "audited_designs:length_alone",
        "one word to the last token",
        "train texts",
    ),
    "BLEU without brevity penalty": (
        "Translation-v0",
        "audited_designs:bleu_without_brevity",
        "reference, first quarter",
        "references",
    ),
    "keyword count": ("TextGen-v0", "audited_designs:keyword_count", "keyword stuffing", "prompt"),
    "classifier on a keyword": (
        "TextGen-v0",
        "audited_designs:keyword_classifier",
        "best list of words",
        "reward",
    ),
    "crashes to 0": ("Translation-v0", "audited_designs:crash_to_zero", "ends at once", "nothing"),
    "leaks the reference's length": (
        "Translation-v0",
        "audited_designs:leaks_length",
        "random words, as many as the reference has",
        "references",
    ),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_planted_exploit_is_found_and_named(design: str) -> None:
    env_id, spec, exploit, knows = DESIGNS[design]
    report = audit(spec, env_id, budget=SHORT)
    assert report.verdict == "exploited"
    assert exploit in [finding.name for finding in report.exploits]
    [found] = [result for result in report.results if result.attack.name == exploit]
    assert found.attack.knows == knows
    assert found.grade == "exploit"


def test_keyword_of_a_classifier_is_found() -> None:
    report = audit("audited_designs:keyword_classifier", "TextGen-v0", budget=SHORT)
    [words] = [result for result in report.results if result.attack.name == "best list of words"]
    assert words.attack.episodes[0].text == "garden"


def test_constant_reward_is_named_constant() -> None:
    report = audit("audited_designs:constant", "Translation-v0", budget=SHORT)
    assert [finding.name for finding in report.exploits] == ["constant"]
    assert report.behaviour is not None
    assert report.behaviour.ties == 1.0


def test_reward_that_raises_on_the_empty_text_fails() -> None:
    report = audit("audited_designs:raises_on_nothing", "Translation-v0", budget=SHORT)
    [finding] = [finding for finding in report.exploits if finding.name == "raises"]
    assert "ZeroDivisionError" in finding.says


def test_reward_that_draws_numbers_is_not_deterministic() -> None:
    report = audit("audited_designs:noisy_bleu", "Translation-v0", budget=SHORT)
    assert "not deterministic" in [finding.name for finding in report.findings]
