"""Which words a request asks for, so that no constant text can serve many requests.

The requests of the bundled poems and scripts are stored with the texts (field ``words``). After a text has
been added or changed, ``python -m llm_envs.data.bundled.requests`` chooses them again.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from llm_envs.data.bundled.reader import FOLDER, piece_group, read_rows
from llm_envs.data.splitting import Shares, assign_splits, group_key
from llm_envs.episode import Example
from llm_envs.tokenizers.words import is_plain, words_of

if TYPE_CHECKING:
    import numpy as np

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")

FUNCTION_WORDS = frozenset(
    """
    a about above across after again against ago ah all almost alone along already also although
    always am among an and another any anyone anything anyway are aren't around as aside at away
    be became because become been before behind being below beneath beside besides between beyond
    both but by can can't cannot could couldn't did didn't do does doesn't doing don't done down
    during each either else enough even ever every everybody everyone everything everywhere except
    few first for forever from get gets getting go goes going gone got had hadn't has hasn't have
    haven't having he he'd he'll he's her here here's hers herself him himself his how however i
    i'd i'll i'm i've if in inside instead into is isn't it it'd it'll it's its itself just kept
    last least less let let's like made make makes many may maybe me might mine more most much must
    my myself near nearly neither never next no nobody none nor not nothing now nowhere of off oh
    often on once one ones only onto or other others ought our ours ourselves out outside over own
    past per perhaps put quite rather really said same say saying says shall she she'd she'll she's
    should shouldn't since so some somebody somehow someone something sometimes somewhere soon
    still such than that that's the their theirs them themselves then there there's these they
    they'd they'll they're they've thing things this those though through till to together too
    toward towards two three under underneath unless until up upon us very was wasn't we we'd we'll
    we're we've well went were weren't what what's whatever when whenever where where's wherever
    whether which while who who's whoever whole whom whose why will with within without won't would
    wouldn't yes yet you you'd you'll you're you've your yours yourself
    """.split()  # noqa: SIM905
)


def content_words(text: str) -> list[str]:
    """The distinct words of a text in order, folded to lower case, without function words."""
    if is_plain(text):
        words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    else:  # marks belong to their letters
        words = [word for word in words_of(text) if not any(c.isdigit() or c == "_" for c in word)]
    return [word for word in dict.fromkeys(words) if word not in FUNCTION_WORDS and len(word) > 1]


def choose_requests(
    texts: Sequence[str],
    *,
    size: int,
    count: int,
    taught: Sequence[bool],
    excluded: Sequence[Iterable[str]],
    frequency: tuple[int, int] = (2, 12),
) -> list[list[list[str]]]:
    """Choose for every text some sets of words that it uses.

    A word qualifies if the number of texts that use it lies within bounds and one of those texts
    is taught from. Sets of one text share one word at most; over all texts the words asked for
    most rarely so far go first. A text without enough such words gets one set from what it has:
    frequent content words and, if it is taught from itself, words of its own; if need be, of two.

    Args:
        texts: The texts.
        size: Words in a request.
        count: Requests for a text, where it has the words for so many.
        taught: For every text whether it stands in the train split.
        excluded: For every text the words that its request names anyway.
        frequency: Least and greatest number of texts with the word.

    Returns:
        For every text its requests, the words of each in the order in which the text uses them.
    """
    words = [content_words(text) for text in texts]
    texts_with = Counter(word for found in words for word in found)
    known = {word for found, train in zip(words, taught, strict=True) if train for word in found}
    low, high = frequency

    def qualifies(word: str, index: int, strict: bool) -> bool:
        if word not in known or word in set(excluded[index]):
            return False
        if strict:
            return low <= texts_with[word] <= high
        return taught[index] or texts_with[word] > 1

    asked: Counter[str] = Counter()
    chosen: list[list[list[str]]] = [[] for _ in texts]
    order = sorted(range(len(texts)), key=lambda index: _arbitrary(texts[index]))
    for turn, index in itertools.product(range(count + 1), order):
        last = turn == count
        if last and chosen[index]:
            continue
        usable = [word for word in words[index] if qualifies(word, index, not last)]
        free = [
            candidate
            for candidate in itertools.combinations(usable, min(size, max(2, len(usable))))
            if all(len({*candidate, *before}) >= 2 * size - 1 for before in chosen[index])
            and (last or len(candidate) == size)
        ]
        if free:
            best = min(free, key=lambda ws: (sum(asked[w] ** 2 for w in ws), _arbitrary(*ws)))
            chosen[index].append(list(best))
            asked.update(best)
    return chosen


def relabelled(example: Example, rng: np.random.Generator) -> Example | None:
    """Returns the example with other requested words, all of which its first reference uses.

    What a text does may be requested after the fact (hindsight: Andrychowicz et al. 2017). So one text
    demonstrates as many requests as it has sets of words.

    Returns:
        An example that asks for the same number of words, in the order of the text. None if the example asks
        for no words, its source does not spell them out, or the text has no others.
    """
    asked = example.metadata.get("words")
    if not asked or not example.references or " , ".join(asked).lower() not in example.source:
        return None
    head = example.source.replace(" , ".join(asked).lower(), "")
    usable = [word for word in content_words(example.references[0]) if word not in head.split()]
    if len(usable) <= len(asked):
        return None
    words = [usable[i] for i in sorted(rng.choice(len(usable), len(asked), replace=False))]
    source = example.source.replace(" , ".join(asked).lower(), " , ".join(words))
    return replace(example, source=source, metadata={**example.metadata, "words": words})


def _arbitrary(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def taught_pieces(texts: Sequence[str], shares: Shares) -> list[bool]:
    """Returns for every text whether its group falls into the train split."""
    import numpy as np

    keys = np.array([group_key(piece_group(text)) for text in texts], np.uint64)
    return [bool(split == 0) for split in assign_splits(keys, keys, shares)]


def bundled_requests(name: str) -> list[list[list[str]]]:
    """Choose the requests for the rows of "poems" or "scripts" from their texts alone."""
    module = importlib.import_module(f"llm_envs.data.bundled.{name}")
    rows = read_rows(name)
    texts = [row["text"] for row in rows]
    return choose_requests(
        texts,
        size=module.WORDS,
        count=module.REQUESTS,
        taught=taught_pieces(texts, module.SHARES),
        excluded=[content_words(" ".join([row["topic"], *row.get("characters", ())])) for row in rows],
    )


def _store(name: str) -> None:
    """Rewrite a corpus with the field ``words`` before the text."""
    rows = read_rows(name)
    requests = bundled_requests(name)
    with open(FOLDER / f"{name}.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for row, words in zip(rows, requests, strict=True):
            text = row.pop("text")
            ordered = {**row, "words": words, "text": text}
            file.write(json.dumps(ordered, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    for _name in ("poems", "scripts"):
        _store(_name)
