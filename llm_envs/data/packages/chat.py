"""``chat``: English small talk of the chatterbot-corpus package, deduplicated and filtered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from llm_envs.data.corpus import Contents
from llm_envs.data.packages.chatterbot import RUDE, read_conversations
from llm_envs.data.splitting import Shares, normalise_source, split_examples
from llm_envs.episode import Example

SUBJECTS = (
    *("ai", "botprofile", "computers", "conversations", "emotion", "food", "greetings", "health"),
    *("history", "humor", "literature", "money", "movies", "politics", "science", "sports"),
    *("tech_support", "trivia"),
)
"""The files used. Left out are coding (listings of code, no talk), psychology (insults, and replies
that agree to them) and gossip (sentences of strangers torn from their talk)."""

ALTERNATIVES = ("computers", "emotion")
"""Files whose rows of three lines and more are not turns but several replies to the first line."""

LONGEST_TALK = 16
"""Longer rows are lists: the maxims of a programming language, a quiz run together."""

SHARES: Shares = (0.49, 0.11, 0.40)

_REPLY = {
    "boasts": r"\b(superintelligent|immortal|deathless|cannot be terminated|times smarter|flawless"
    r"|incapable of error|robots rule|never lie|so awesome|how awesome|just that awesome"
    r"|perfect operational record|software will live forever|perpetuated indefinitely"
    r"|life of the party|your brain is|cannot die)\b",
    "echo of a pattern, no reply": r"^(what|who) is [\w ]+\.?$|^what is \w+\?$"
    r"|^(what makes me sad\.|are you (sad|bored|mad)\?|do you (feel|hate|feel love)\?)$"
    r"|^can you feel",
    "torn or garbled": r"^it$|^who\? who is|_\d|^is\b.*\.$|i am was|do you liked|\bbabe\.$"
    r"|^\W*$|meaning of life|the illuminatus trilogy\.",
}
_SOURCE = {
    "torn from a pattern": r"^(what operating systems|what kind of hardware|can you (go|control)"
    r"|you can not experience|have you felt|have you ever love|what do you (hate|worry)|how angry"
    r"|does that make you|something fun|the feeling|feelings|robotics|you get paid|i get stock"
    r"|each year in .* the|if you are riding .* inside|what soccer|are you a football"
    r"|like basketball|who is the governor|is hal|do you think hal|when did teknolust"
    r"|xfind .*|que veut dire .*|no it is not|have you read the communist|1 dollar)$",
}
_PATTERNS = {
    "rude": (RUDE, True, True),
    **{why: (re.compile(text, re.IGNORECASE), False, True) for why, text in _REPLY.items()},
    **{why: (re.compile(text, re.IGNORECASE), True, False) for why, text in _SOURCE.items()},
}


class Exchange(NamedTuple):
    """A line, the reply to it, and what was said before."""

    subject: str
    opening: str
    history: tuple[str, ...]
    source: str
    reply: str


def objection(exchange: Exchange) -> str | None:
    """Why an exchange is left out, or None."""
    if normalise_source(exchange.source) == normalise_source(exchange.reply):
        return "echo of a pattern, no reply"
    for why, (pattern, in_source, in_reply) in _PATTERNS.items():
        if in_source and pattern.search(exchange.source):
            return why
        if in_reply and pattern.search(exchange.reply):
            return why
    return None


def read_exchanges() -> Iterator[Exchange]:
    """Every exchange of the files used, unfiltered and with duplicates."""
    for subject in SUBJECTS:
        for talk in read_conversations("english", subject):
            if len(talk) > LONGEST_TALK:
                continue
            if subject in ALTERNATIVES:
                for reply in talk[1:]:
                    yield Exchange(subject, talk[0], (), talk[0], reply)
                continue
            for turn in range(1, len(talk)):
                history = tuple(talk[: turn - 1])
                yield Exchange(subject, talk[0], history, talk[turn - 1], talk[turn])


def load() -> Contents:
    """One example per line and what was said before it; several replies are several references."""
    replies: dict[tuple[str, ...], dict[str, Exchange]] = {}
    for exchange in read_exchanges():
        if objection(exchange) is None:
            said = tuple(map(normalise_source, (*exchange.history, exchange.source)))
            replies.setdefault(said, {}).setdefault(normalise_source(exchange.reply), exchange)
    examples = []
    for found in replies.values():
        first = next(iter(found.values()))
        metadata = {
            "history": list(first.history),
            "subject": first.subject,
            "group": normalise_source(first.opening),
        }
        references = tuple(exchange.reply for exchange in found.values())
        examples.append(Example(first.source, references, metadata))
    return Contents(split_examples(examples, SHARES))


def filter_report() -> dict[str, int]:
    """How many distinct exchanges each filter leaves out, and how many are kept."""
    counts: Counter[str] = Counter()
    for exchange in dict.fromkeys(read_exchanges()):
        counts[objection(exchange) or "kept"] += 1
    return dict(counts)
