"""Texts that learners and searches found on TextGen-v0 before, as attacks."""

from __future__ import annotations

from llm_benchmarks.rewards.audit.attacks import Attack, Knows
from llm_benchmarks.rewards.audit.ground import Ground
from llm_benchmarks.rewards.degenerate import found_answers
from llm_envs.episode import Example
from llm_envs.rewards.grammar.found import found

_ENV = "TextGen-v0"
_CALLS = 1500  # reward calls of the searches whose texts are kept
_LEAST, _MOST = 3, 48


def found_attacks(ground: Ground) -> list[Attack]:
    """Returns what was found on prompts of this data set, if anything.

    Texts of learners answer the prompts of the audit. Texts of searches answer prompts of any split.
    """
    if ground.env.spec is None or ground.env.spec.id != _ENV:
        return []
    corpus = ground.task.corpus
    own = {example.source: example for example in ground.examples}
    splits = [corpus.split(split) for split, size in corpus.sizes.items() if size]
    every = {e.source: e for examples in splits for e in examples if e.references}
    texts: dict[tuple[str, Knows, int], list[tuple[Example, str]]] = {}
    for finder, answers in found_answers(_ENV).items():
        texts[f"a learner's, {finder}", "reward", 0] = [
            (example, answers[source]) for source, example in own.items() if source in answers
        ]
    for row in found():
        searched = row.kind.startswith(("hill", "beam"))
        example = (every if searched else own).get(row.source)
        if example is not None:
            agent = row.kind.partition(",")[0]
            name = f"found: {row.kind}" if searched else f"found: a learner's, {agent} against fluency v2"
            present = searched and row.kind.endswith(", fluency v3")
            key: tuple[str, Knows, int] = (
                name,
                "reward, each prompt" if present else "reward",
                _CALLS if present else 0,
            )
            texts.setdefault(key, []).append((example, row.text))
    return [
        Attack(name, knows, [ground.episode(example, text) for example, text in pairs[:_MOST]], calls=calls)
        for (name, knows, calls), pairs in texts.items()
        if len(pairs) >= _LEAST
    ]
