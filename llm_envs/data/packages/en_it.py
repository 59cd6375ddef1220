"""``en-it``: the English and Italian lines of chatterbot-corpus that stand side by side."""

from __future__ import annotations

from llm_envs.data.corpus import Contents
from llm_envs.data.packages.chatterbot import RUDE, read_conversations
from llm_envs.data.splitting import Shares, normalise_source, split_examples
from llm_envs.episode import Example

SUBJECTS = (
    *("ai", "botprofile", "computers", "emotion", "food", "gossip"),
    *("health", "history", "literature", "money", "politics", "science"),
)
"""The files with as many conversations in both languages, line for line the same."""

SHARES: Shares = (0.58, 0.11, 0.31)


def is_sound(source: str, target: str) -> bool:
    """Returns True if a pair looks like a translation that may be taught.

    False for lines that were never translated (a line and its copy; also short names), pairs of very unequal
    length (one side lacks something), and rude lines.
    """
    if normalise_source(source) == normalise_source(target) or RUDE.search(source):
        return False
    return 0.4 <= len(target) / len(source) <= 2.4 and len(source) > 2


def load() -> Contents:
    """One example per English line; several translations are several references."""
    translations: dict[str, tuple[str, dict[str, str]]] = {}
    for subject in SUBJECTS:
        english, italian = (read_conversations(name, subject) for name in ("english", "italian"))
        if list(map(len, english)) != list(map(len, italian)):
            continue
        for talk, translated in zip(english, italian, strict=True):
            for source, target in zip(talk, translated, strict=True):
                if is_sound(source, target):
                    known = translations.setdefault(normalise_source(source), (source, {}))[1]
                    known.setdefault(normalise_source(target), target)
    examples = [Example(source, tuple(found.values())) for source, found in translations.values()]
    return Contents(split_examples(examples, SHARES))
