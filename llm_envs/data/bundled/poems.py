"""``poems``: a request for a form, a topic and three words, and a poem that uses them."""

from __future__ import annotations

from llm_envs.data.bundled.reader import piece_group, read_rows
from llm_envs.data.corpus import Contents
from llm_envs.data.splitting import Shares, split_examples
from llm_envs.episode import Example

WORDS = 3
REQUESTS = 3
SHARES: Shares = (0.70, 0.10, 0.20)
"""Several requests ask for one poem and all stand in one split; the test split has to hold 200."""


def load() -> Contents:
    """One example per request: ``haiku about rain : window , grey , hand``."""
    examples = [
        Example(
            f"{row['form']} about {row['topic']} : {' , '.join(words)}".lower(),
            (row["text"],),
            {
                "form": row["form"],
                "topic": row["topic"],
                "words": words,
                "group": piece_group(row["text"]),
            },
        )
        for row in read_rows("poems")
        for words in row["words"]
    ]
    return Contents(split_examples(examples, SHARES))
