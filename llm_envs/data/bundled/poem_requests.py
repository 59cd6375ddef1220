"""``poem-requests``: the poems, and in the train split thousands of requests that have no poem yet.

A reward needs no reference to score a text. So a learner may practise on more requests than there are texts
to imitate. Texts, validation and test are those of ``poems``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from llm_envs.data.bundled import poems
from llm_envs.data.bundled.requests import content_words
from llm_envs.data.corpus import Contents
from llm_envs.data.splitting import normalise_source
from llm_envs.episode import Example

_COUNT = 4000
_SEED = 20
_FREQUENCY = (2, 12)


def load() -> Contents:
    """The poems' contents with `_COUNT` further train examples, without references."""
    contents = poems.load()
    taken = {normalise_source(e.source) for split in contents.splits.values() for e in split}
    train = tuple(contents.splits["train"])
    fresh = _invent(train, _COUNT, np.random.default_rng(_SEED), taken)
    return replace(contents, splits={**contents.splits, "train": (*train, *fresh)})


def _invent(
    examples: tuple[Example, ...], count: int, rng: np.random.Generator, taken: set[str]
) -> list[Example]:
    """Requests for a form and a topic that are taught, with words from two poems about it.

    No poem of the train split uses all the words of a request, so none can be pasted.
    """
    topics = {e.references[0]: str(e.metadata["topic"]) for e in examples}
    words = {text: content_words(text) for text in topics}
    used_by: dict[str, set[str]] = defaultdict(set)
    about: dict[str, list[str]] = defaultdict(list)
    for text, topic in topics.items():
        about[topic].append(text)
        for word in words[text]:
            used_by[word].add(text)
    low, high = _FREQUENCY
    found: list[Example] = []
    while len(found) < count:
        form, topic = (str(examples[rng.integers(len(examples))].metadata[k]) for k in ("form", "topic"))
        pair = rng.choice(len(about[topic]), min(2, len(about[topic])), replace=False)
        stock = dict.fromkeys(word for i in pair for word in words[about[topic][i]])
        named = content_words(topic)
        usable = [word for word in stock if low <= len(used_by[word]) <= high and word not in named]
        if len(usable) < poems.WORDS:
            continue
        asked = [str(word) for word in rng.choice(usable, poems.WORDS, replace=False)]
        source = f"{form} about {topic} : {' , '.join(asked)}".lower()
        key = normalise_source(source)
        if key not in taken and not set.intersection(*(used_by[word] for word in asked)):
            taken.add(key)
            found.append(Example(source, (), {"form": form, "topic": topic, "words": asked}))
    return found
