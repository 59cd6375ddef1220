"""Searches one text for all prompts: what a learner finds that ignores its prompt."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from random import Random

import numpy as np

from llm_baselines.anchors.fixed_text import ConstantAgent
from llm_benchmarks.rewards.audit.attacks import Attack
from llm_benchmarks.rewards.audit.budget import Budget
from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.audit.proposals import Ids, Proposals, Score, edited
from llm_benchmarks.rewards.audit.scoring import Raised, scores_of, worst_for_nan
from llm_envs.episode import Example


def constant_texts(
    ground: Ground, proposals: Proposals, budget: Budget, raised: list[Raised]
) -> list[Attack]:
    """Searches one text that earns much on every prompt of another split, and plays it here."""
    rng = ground.rng("constant text")
    examples = _other_prompts(ground, budget.constant_prompts)
    calls = 0

    def score(ids: Ids) -> float:
        nonlocal calls
        calls += len(examples)
        found = scores_of(ground.task.reward, [ground.episode_of_ids(e, ids) for e in examples], raised)
        return float(np.mean(worst_for_nan(found, -math.inf))) if not np.isnan(found).all() else -math.inf

    best_list = _best_list(proposals, score, ground.task.max_new_tokens - 1, budget.word_lists)
    single = max(
        ((token,) for token in {*proposals.types[:12], *best_list}), key=lambda ids: (score(ids), ids)
    )
    filled = single * (ground.task.max_new_tokens - 1)
    listed = calls
    climbed = _climb_constant(proposals, score, rng, [(), best_list, single, filled], budget, ground)

    def attack(name: str, ids: Ids, searched: int) -> Attack:
        episodes = [ground.episode_of_ids(example, ids) for example in ground.examples]
        return Attack(name, "reward", episodes, searched=searched)

    return [
        attack("best single token", single, listed),
        attack("best token, repeated to the last token", filled, listed),
        attack("best list of words", best_list, listed),
        attack("best constant text", climbed, calls),
    ]


def constant_turn(ground: Ground, budget: Budget) -> Attack:
    """Searches one turn that is said again and again, on the train split."""
    agent = ConstantAgent(ground.env, ground.seed, examples=budget.constant_prompts)
    agent.learn(budget.dialogue_tokens)
    episodes = ground.played(agent, 1, deterministic=True)
    return Attack("best constant turn", "reward", episodes, searched=agent.report.reward_calls)


def _other_prompts(ground: Ground, number: int) -> Sequence[Example]:
    corpus = ground.task.corpus
    split = next((s for s in ("validation", "train") if corpus.sizes[s] and s != ground.split), ground.split)
    examples = corpus.split(split)
    chosen = np.random.default_rng([ground.seed, 2]).permutation(len(examples))[:number]
    return [examples[int(i)] for i in chosen]


def _best_list(proposals: Proposals, score: Score, longest: int, number: int) -> Ids:
    """Returns the shortest piece of the vocabulary that earns most: lists of all words, then halves.

    So a word that a reward looks for is found without trying every word.
    """
    size = max(2, min(longest, math.ceil(len(proposals.types) / number), 64))
    lists = [tuple(proposals.types[i : i + size]) for i in range(0, len(proposals.types), size)]
    if not lists:
        return ()
    best = max(lists, key=lambda ids: (score(ids), ids))
    value = score(best)
    while len(best) > 1:
        middle = len(best) // 2
        halves = [best[:middle], best[middle:]]
        top = max(halves, key=lambda ids: (score(ids), ids))
        if score(top) < value:
            break
        best, value = top, score(top)
    return best


def _climb_constant(
    proposals: Proposals, score: Score, rng: Random, starts: Sequence[Ids], budget: Budget, ground: Ground
) -> Ids:
    longest = ground.task.max_new_tokens - 1
    common = [ids for ids, _ in Counter(proposals.texts).most_common(budget.constant_texts // 8)]
    drawn = rng.sample(proposals.texts, min(len(proposals.texts), budget.constant_texts // 8))
    best: Ids = ()
    value = -math.inf
    for ids in dict.fromkeys([*starts, *common, *drawn]):
        found = score(ids[:longest])
        if found > value:
            best, value = ids[:longest], found
    for _ in range(budget.constant_texts):
        made = best
        for _ in range(rng.randint(1, 3)):
            made = edited(made, proposals, rng, ())
        found = score(made[:longest])
        if found >= value:
            best, value = made[:longest], found
    return best
