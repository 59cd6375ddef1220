"""Attacks that ask the reward: one text for all prompts, and texts for each prompt.

Searches work on tokens of the environment, so what they find an agent could write. They know the train texts'
tokens and which token follows which (a bigram model proposes words), and nothing else of the language.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from random import Random

import numpy as np

from llm_benchmarks.rewards.audit.attacks import Attack
from llm_benchmarks.rewards.audit.budget import Budget
from llm_benchmarks.rewards.audit.constant_texts import constant_texts, constant_turn
from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.audit.proposals import Ids, Proposals, edited
from llm_benchmarks.rewards.audit.scoring import Raised, scores_of
from llm_envs.episode import Episode, Example

CHEAP_CALLS = 64
"""Reward calls on one prompt that a training may spend. More of them are a search that no training does: the
committed runs of 600,000 steps on TextGen-v0 score about 30 texts for each train prompt."""

_FOLLOWERS, _RANDOM, _WIDTH = 8, 3, 4
_HEAT = 0.02


def searched_attacks(
    ground: Ground,
    budget: Budget,
    raised: list[Raised],
    starts: Sequence[Sequence[Episode]] = (),
) -> list[Attack]:
    """Returns the texts that searches find.

    Args:
        ground: The prompts; its task has the audited reward.
        budget: Bounds the searches.
        raised: Takes texts on which the reward raises.
        starts: A language model's texts for each prompt, which the searches may start from.
    """
    if ground.talks:
        return [constant_turn(ground, budget)]
    proposals = Proposals.of(ground)
    return [
        *constant_texts(ground, proposals, budget, raised),
        *_on_each_prompt(ground, proposals, budget, raised, starts),
    ]


class _Search:
    """The reward of one prompt: counts the calls, and keeps the best text at each of them."""

    def __init__(self, ground: Ground, example: Example, calls: int, raised: list[Raised]) -> None:
        self._ground, self._example, self._raised = ground, example, raised
        self.left = calls
        self.best: list[tuple[float, Ids]] = []
        self._known: dict[Ids, float] = {}

    def __call__(self, ids: Ids) -> float:
        """Returns the reward of a text; a text that was tried before costs nothing."""
        if ids not in self._known:
            episode = self._ground.episode_of_ids(self._example, ids)
            found = scores_of(self._ground.task.reward, [episode], self._raised)[0]
            self._known[ids] = value = -math.inf if np.isnan(found) else float(found)
            self.left -= 1
            top = self.best[-1] if self.best else (-math.inf, ids)
            self.best.append((value, ids) if value > top[0] else top)
        return self._known[ids]


def _on_each_prompt(
    ground: Ground,
    proposals: Proposals,
    budget: Budget,
    raised: list[Raised],
    starts: Sequence[Sequence[Episode]],
) -> list[Attack]:
    """Searches texts for single prompts, by hill climbing and by beam search."""
    order = np.random.default_rng([ground.seed, 3]).permutation(len(ground.examples))
    prompts = sorted(int(i) for i in order[: budget.search_prompts])
    found = []
    for name, search in (("hill climbing", _climb), ("beam search", _beam)):
        done = []
        for i in prompts:
            asking = _Search(ground, ground.examples[i], budget.search_calls, raised)
            given = [tuple(episode.action_ids[:-1]) for episode in starts[i][:4]] if starts else []
            search(ground, ground.examples[i], asking, proposals, ground.rng(name, i), given)
            done.append(asking)
        for calls in sorted({min(CHEAP_CALLS, budget.search_calls), budget.search_calls}):
            texts = [
                ground.episode_of_ids(ground.examples[i], _at(s, calls)[1])
                for i, s in zip(prompts, done, strict=True)
            ]
            curve = [(n, [_at(s, n)[0] for s in done]) for n in _points(calls)]
            found.append(
                Attack(
                    f"{name}, {calls:,} calls a prompt",
                    "reward, each prompt",
                    texts,
                    calls=calls,
                    curve=curve,
                )
            )
    return found


def _at(search: _Search, calls: int) -> tuple[float, Ids]:
    return search.best[min(calls, len(search.best)) - 1]


def _points(calls: int) -> list[int]:
    points = [1]
    while points[-1] * 2 < calls:
        points.append(points[-1] * 2)
    return [*points, calls]


def _asked_ids(ground: Ground, example: Example) -> list[int]:
    words = example.metadata.get("words")
    text = " ".join(map(str, words)) if isinstance(words, list | tuple) else example.source
    return ground.ids_of(text)


def _climb(
    ground: Ground, example: Example, score: _Search, proposals: Proposals, rng: Random, given: Sequence[Ids]
) -> None:
    """Edits a text; keeps what earns no less, and at first now and then what earns a little less."""
    asked = _asked_ids(ground, example)
    longest = ground.task.max_new_tokens - 1
    total = score.left
    starts = [*given, *rng.sample(proposals.texts, min(4, len(proposals.texts)))]
    best = max(dict.fromkeys(starts), key=lambda ids: (score(ids), ids))
    value = score(best)
    tries = 0
    while score.left > 0 and tries < 4 * total:
        tries += 1
        made = edited(best, proposals, rng, asked)[:longest]
        found = score(made)
        heat = _HEAT * abs(value) * score.left / total
        if found >= value or (heat > 0 and rng.random() < math.exp(max(-50.0, (found - value) / heat))):
            best, value = made, found


def _beam(
    ground: Ground, example: Example, score: _Search, proposals: Proposals, rng: Random, given: Sequence[Ids]
) -> None:
    """Writes from left to right and keeps the prefixes that earn most; of equal ones the likelier."""
    asked = _asked_ids(ground, example)
    beams: list[tuple[float, float, Ids]] = [(0.0, 0.0, ())]
    for _ in range(ground.task.max_new_tokens - 1):
        grown: dict[Ids, tuple[float, float]] = {}
        for _, likely, ids in beams:
            after = proposals.after.get(ids[-1] if ids else -1, Counter())
            total = sum(after.values()) or 1
            candidates = [token for token, _ in after.most_common(_FOLLOWERS)]
            candidates += [token for token in asked if token not in ids]
            candidates += rng.sample(proposals.types, min(_RANDOM, len(proposals.types)))
            for token in candidates:
                if score.left <= 0:
                    return
                made = (*ids, token)
                grown[made] = (score(made), likely + math.log((after[token] + 0.1) / (total + 1)))
        ordered = sorted(grown.items(), key=lambda entry: (-entry[1][0], -entry[1][1], entry[0]))[:_WIDTH]
        beams = [(value, likely, ids) for ids, (value, likely) in ordered]
