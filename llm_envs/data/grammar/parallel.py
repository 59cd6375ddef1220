"""``en-de`` and ``en-zh``: pairs of the synchronous grammars, with the grammars' own splits."""

from __future__ import annotations

import importlib
import re
from functools import lru_cache

from llm_envs.data.corpus import SPLITS, Contents
from llm_envs.data.grammar.engine import ParallelPair
from llm_envs.episode import Example


@lru_cache(maxsize=2)
def pairs(language_pair: str, level: int) -> tuple[ParallelPair, ...]:
    """All pairs of a grammar ("en-de" or "en-zh") at a level of difficulty from 1 to 3."""
    module = importlib.import_module(f"llm_envs.data.grammar.{language_pair.replace('-', '_')}.pair")
    return tuple(module.generate(level))


def pairs_of(name: str) -> tuple[ParallelPair, ...] | None:
    """The pairs behind a bundled corpus such as "en-de-2"; None if no grammar made it."""
    match = re.fullmatch(r"(en-de|en-zh)(?:-([23]))?", name)
    return pairs(match[1], int(match[2] or 1)) if match else None


def load_en_de(level: int) -> Contents:
    """English to German."""
    return _contents("en-de", level)


def load_en_zh(level: int) -> Contents:
    """English to Chinese."""
    return _contents("en-zh", level)


def _contents(language_pair: str, level: int) -> Contents:
    splits: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for pair in pairs(language_pair, level):
        example = Example(pair.source, tuple(pair.references), {"template": pair.template})
        splits[pair.split].append(example)
    return Contents({split: tuple(examples) for split, examples in splits.items()})
