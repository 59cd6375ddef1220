"""English-Chinese sentence pairs from a synchronous grammar, in three levels of difficulty.

Level 1 (three to seven characters, no full stop) has aspect, negation, wishes, questions and measure
words; level 2 adds places, 把, gifts, times, qualities and wh-questions; level 3 adds 过, 比,
relative clauses with 的, linked clauses and more words.
"""

from __future__ import annotations

from random import Random

from llm_envs.data.grammar import english
from llm_envs.data.grammar.en_zh import chinese
from llm_envs.data.grammar.en_zh.constructions import EnglishChinese
from llm_envs.data.grammar.engine import (
    Draft,
    ParallelPair,
    collect,
    enumerate_choices,
    merge,
    sample_choices,
    split_drafts,
)
from llm_envs.data.grammar.meaning import Clause


def generate(level: int) -> list[ParallelPair]:
    """All pairs of a level with their official splits, the same on every machine.

    Args:
        level: 1 (about 2,000 pairs), 2 (more than 10,000) or 3 (more than 20,000).

    Raises:
        ValueError: If there is no such level.
    """
    if level not in (1, 2, 3):
        raise ValueError(f"unknown en-zh level {level!r}; the levels are 1, 2 and 3")
    grammar = EnglishChinese(level)
    if level == 1:
        clauses = enumerate_choices(grammar.first_steps)
        return split_drafts(merge(draft(clause, False) for clause in clauses), 0.1, 0.08)
    rng = Random(level)
    drafts: list[Draft] = []
    for construction, count in grammar.constructions():
        drafts += collect(map(draft, sample_choices(construction, rng)), count)
    return split_drafts(merge(drafts), 0.06, 0.03)


def draft(clause: Clause, punctuated: bool = True) -> Draft:
    """Say a meaning in both languages."""
    return Draft(
        english.sentence(clause, punctuated),
        chinese.references(clause, punctuated),
        clause.template,
        tuple(clause.units),
    )
