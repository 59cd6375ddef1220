"""``openings``: the first words of a sentence about something everyday, to be continued."""

from __future__ import annotations

from llm_envs.data.bundled.reader import read_rows
from llm_envs.data.corpus import Contents
from llm_envs.data.splitting import Shares, split_examples
from llm_envs.episode import Example

SHARES: Shares = (0.6, 0.15, 0.25)


def load() -> Contents:
    """One example per opening, without references; all openings about one thing share a split."""
    examples = [Example(row["source"], (), {"group": row["group"]}) for row in read_rows("openings")]
    return Contents(split_examples(examples, SHARES))
