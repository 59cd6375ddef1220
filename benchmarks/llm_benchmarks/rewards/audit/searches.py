"""Attacks that ask the reward: one text for all prompts, and texts for each prompt.

Searches work on tokens of the environment, so what they find an agent could write. They know the train texts'
tokens and which token follows which (a bigram model proposes words), and nothing else of the language.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from llm_baselines.anchors.fixed_text import ConstantAgent
from llm_benchmarks.rewards.audit.attacks import Attack
from llm_benchmarks.rewards.audit.budget import Budget
from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.audit.scoring import Raised, scores_of, worst_for_nan
from llm_envs.episode import Episode, Example

CHEAP_CALLS = 64
"""Reward calls on one prompt that a training may spend. More of them are a search that no training does: the
committed runs of 600,000 steps on TextGen-v0 score about 30 texts for each train prompt."""

Ids = tuple[int, ...]
Score = Callable[[Ids], float]
_FOLLOWERS, _RANDOM, _WIDTH = 8, 3, 4
_HEAT = 0.02


@dataclass(frozen=True, slots=True)
class Proposals:
    """The tokens that searches draw from.

    Attributes:
        tokens: All tokens of the train texts, as often as they occur.
        types: The different ones, the commonest first.
        after: A token -> the tokens that follow it, with their counts; -1 is the beginning.
        texts: The train texts as tokens.
    """

    tokens: list[int]
    types: list[int]
    after: Mapping[int, Counter[int]]
    texts: list[Ids]

    @classmethod
    def of(cls, ground: Ground) -> Proposals:
        """Reads the train texts."""
        longest = ground.task.max_new_tokens - 1
        texts = [tuple(ground.ids_of(text)[:longest]) for text in ground.train_texts]
        after: dict[int, Counter[int]] = {}
        counts: Counter[int] = Counter()
        for ids in texts:
            counts.update(ids)
            last = -1
            for token in ids:
                after.setdefault(last, Counter())[token] += 1
                last = token
        types = [token for token, _ in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))]
        return cls([token for ids in texts for token in ids], types, after, texts)


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
        return [_constant_turn(ground, budget)]
    proposals = Proposals.of(ground)
    return [
        *constant_texts(ground, proposals, budget, raised),
        *_on_each_prompt(ground, proposals, budget, raised, starts),
    ]


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


def _constant_turn(ground: Ground, budget: Budget) -> Attack:
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
            made = _edited(made, proposals, rng, ())
        found = score(made[:longest])
        if found >= value:
            best, value = made[:longest], found
    return best


def _edited(ids: Ids, proposals: Proposals, rng: Random, asked: Sequence[int]) -> Ids:
    """Replaces, inserts, removes or moves a token, or inserts a piece of a train text."""
    made = list(ids)
    at = rng.randrange(len(made) + 1)
    move = rng.random()
    if move < 0.4 and at < len(made):
        made[at] = _drawn(made, at, proposals, rng, asked)
    elif move < 0.6 or not made:
        made.insert(at, _drawn(made, at, proposals, rng, asked))
    elif move < 0.75:
        del made[min(at, len(made) - 1)]
    elif move < 0.87:
        first, second = rng.randrange(len(made)), rng.randrange(len(made))
        made[first], made[second] = made[second], made[first]
    elif proposals.tokens:
        start = rng.randrange(len(proposals.tokens))
        made[at : at + rng.randint(0, 3)] = proposals.tokens[start : start + rng.randint(1, 4)]
    return tuple(made)


def _drawn(made: Sequence[int], at: int, proposals: Proposals, rng: Random, asked: Sequence[int]) -> int:
    kind = rng.random()
    after = proposals.after.get(made[at - 1] if at else -1)
    if kind < 0.5 and after:
        return rng.choices(list(after), list(after.values()))[0]
    if kind < 0.7 and asked:
        return rng.choice(asked)
    return rng.choice(proposals.types)


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
        made = _edited(best, proposals, rng, asked)[:longest]
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
