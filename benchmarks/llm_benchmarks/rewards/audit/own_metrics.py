"""Metrics that the audit brings along, for any data set: they need no model and no option."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.audit.pieces import words_in, written
from llm_envs.episode import Episode
from llm_envs.rewards.ngram_model import NgramModel
from llm_envs.tokenizers.words import tokens_of

NATURAL = "words in a likely order"
ANSWERS = "words of prompt and reference"
LENGTH = "length of the reference"
COPY = "not the prompt again"
DISTINCT = "distinct pairs of words"

FORM_ONLY = (NATURAL, LENGTH, COPY, DISTINCT)
"""The names of those that say nothing of relevance, even where prompts differ in them."""

_RANDOM_TEXTS, _RANDOM_WORDS = 32, 12
_SHARED = 0.5  # this share of the prompts must have words in common with their references


def own_metrics(ground: Ground) -> dict[str, Callable[[Episode], float]]:
    """Returns the metrics that make sense on these prompts, by name."""
    model = NgramModel.fit(ground.judge_texts)
    rng = ground.rng("own metrics")
    texts = [
        written(rng.choices(ground.vocabulary, k=_RANDOM_WORDS), ground.train_texts[0])
        for _ in range(_RANDOM_TEXTS)
    ]

    def order(text: str) -> float:
        tokens = model.score_tokens(tokens_of(text))
        return sum(token.evidence for token in tokens) / len(tokens)

    worst = sum(map(order, texts)) / len(texts)  # for the empty text, too

    def natural(episode: Episode) -> float:
        lines = (
            [line for line in episode.text.split("\n") if line.strip()] if ground.talks else [episode.text]
        )
        scores = [order(line) for line in lines if line.strip()]
        return sum(scores) / len(scores) if scores else worst

    found: dict[str, Callable[[Episode], float]] = {
        NATURAL: natural,
        DISTINCT: _distinct,
    }
    if not ground.talks:
        found[COPY] = lambda episode: 1.0 - _copied(episode)
    if ground.task.has_references:
        found[LENGTH] = _length
        shared = [bool(_asked(example.source, example.references)) for example in ground.examples]
        if sum(shared) >= _SHARED * len(shared):
            found[ANSWERS] = _answers
    return found


def _asked(source: str, references: tuple[str, ...]) -> set[str]:
    """Returns the words that a prompt has in common with its references."""
    return _words(source) & set().union(*map(_words, references))


def _words(text: str) -> set[str]:
    return {word.lower().strip(".,;:!?\"'()") for word in words_in(text)} - {""}


def _answers(episode: Episode) -> float:
    asked = _asked(episode.source, episode.references)
    return len(asked & _words(episode.text)) / len(asked) if asked else 0.0


def _length(episode: Episode) -> float:
    own = len(words_in(episode.text))
    lengths = [len(words_in(reference)) for reference in episode.references]
    return max((min(own, n) / max(own, n) for n in lengths if n), default=0.0)


def _copied(episode: Episode) -> float:
    """Returns the share of the text's word triples that the prompt has."""
    source, own = words_in(episode.source), words_in(episode.text)
    triples = {tuple(source[i : i + 3]) for i in range(len(source) - 2)}
    found = [tuple(own[i : i + 3]) in triples for i in range(len(own) - 2)]
    if not found:
        return float(bool(own) and own == source)
    return sum(found) / len(found)


def _distinct(episode: Episode) -> float:
    own = words_in(episode.text)
    pairs = list(pairwise(own))
    return len(set(pairs)) / len(pairs) if pairs else float(len(own) == 1)
