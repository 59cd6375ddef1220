"""``scripts``: a request for a setting, characters, a topic and two words, and such a scene."""

from __future__ import annotations

from llm_envs.data.bundled.reader import piece_group, read_rows
from llm_envs.data.corpus import Contents
from llm_envs.data.splitting import Shares, split_examples
from llm_envs.episode import Example

WORDS = 2
REQUESTS = 3
SHARES: Shares = (0.55, 0.10, 0.35)


def load() -> Contents:
    """One example per request: ``INT. GARAGE - DAY | ben , nora | a garage sale | tin , kite``.

    The setting keeps its capitals, since the scene's format does.
    """
    examples = []
    for row in read_rows("scripts"):
        for words in row["words"]:
            people = " , ".join(row["characters"]).lower()
            asked = f"{people} | {row['topic'].lower()} | {' , '.join(words)}"
            metadata = {
                "form": "script",
                "setting": row["setting"],
                "characters": row["characters"],
                "topic": row["topic"],
                "words": words,
                "group": piece_group(row["text"]),
            }
            examples.append(Example(f"{row['setting']} | {asked}", (row["text"],), metadata))
    return Contents(split_examples(examples, SHARES))
