"""English-German sentence pairs from a synchronous grammar, in three levels of difficulty.

Level 1 (three to six tokens, no full stop) has gender, case, agreement, negation and inversion;
level 2 adds adjectives, the perfect, modal and separable verbs, datives, questions and places;
level 3 adds subordinate and relative clauses, comparison, two-way prepositions and more words.
"""

from __future__ import annotations

from random import Random

from llm_envs.data.grammar import english
from llm_envs.data.grammar.en_de import german
from llm_envs.data.grammar.en_de.constructions import EnglishGerman
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
        raise ValueError(f"unknown en-de level {level!r}; the levels are 1, 2 and 3")
    grammar = EnglishGerman(level)
    if level == 1:
        clauses = enumerate_choices(grammar.first_steps)
        return split_drafts(merge(draft(clause, False) for clause in clauses), 0.1, 0.05)
    rng = Random(level)
    drafts: list[Draft] = []
    for construction, count in grammar.constructions():
        drafts += collect(map(draft, sample_choices(construction, rng)), count)
    return split_drafts(merge(drafts), 0.06, 0.03)


def draft(clause: Clause, punctuated: bool = True) -> Draft:
    """Say a meaning in both languages."""
    return Draft(
        english.sentence(clause, punctuated),
        german.references(clause, punctuated),
        clause.template,
        tuple(clause.units),
    )
