"""How much of a corpus's test split is also in its train split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any

from llm_envs.data.corpus import SPLITS, Corpus
from llm_envs.data.grammar.engine import split_overlap
from llm_envs.data.grammar.parallel import pairs_of
from llm_envs.data.splitting import normalise_source
from llm_envs.episode import Example
from llm_envs.tokenizers.words import words_of


def four_grams(text: str) -> set[tuple[str, ...]]:
    """Returns the distinct runs of four words (Chinese: characters), without punctuation, case folded."""
    tokens = words_of(text)
    return {tuple(tokens[i : i + 4]) for i in range(len(tokens) - 3)}


def overlap_report(corpus: Corpus, *, max_texts: int = 50_000) -> dict[str, Any]:
    """Measures what the splits share.

    Args:
        corpus: The corpus.
        max_texts: The most examples of each split to look at.

    Returns:
        ``sizes``; ``shared_sources``: the number of distinct normalised sources in more than one split
        (dialogues: with what was said before them); ``test_4grams_in_train``: the share of the distinct
        4-grams of the test references that train references contain, None if there is nothing to compare.
        For the grammars also what `llm_envs.data.grammar.engine.split_overlap` measures, such as
        ``template_overlap``.
    """
    sizes = corpus.sizes
    splits = {name: _first(corpus, name, max_texts) for name in SPLITS}
    sources = [{_asked(example) for example in examples} for examples in splits.values()]
    train = _all_four_grams(splits["train"])
    test = _all_four_grams(splits["test"])
    report: dict[str, Any] = {
        "sizes": sizes,
        "shared_sources": sum(map(len, sources)) - len(set().union(*sources)),
        "test_4grams_in_train": len(test & train) / len(test) if test and train else None,
    }
    pairs = pairs_of(corpus.name)
    if pairs is not None:
        report |= split_overlap(pairs)
    return report


def _first(corpus: Corpus, split: str, count: int) -> Sequence[Example]:
    return list(islice(corpus.split(split), count)) if corpus.sizes[split] else []


def _asked(example: Example) -> tuple[str, ...]:
    history = example.metadata.get("history", ())
    return tuple(normalise_source(str(turn)) for turn in (*history, example.source))


def _all_four_grams(examples: Iterable[Example]) -> set[tuple[str, ...]]:
    return set(chain.from_iterable(four_grams(t) for e in examples for t in e.references))
