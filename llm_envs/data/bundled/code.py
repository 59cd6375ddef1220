"""``code``: signature and docstring of a small Python function; the reference is its body."""

from __future__ import annotations

from llm_envs.data.bundled.reader import read_rows
from llm_envs.data.corpus import Contents
from llm_envs.data.splitting import Shares, split_examples
from llm_envs.episode import Example

SHARES: Shares = (0.65, 0.10, 0.25)


def load() -> Contents:
    """One example per function; its tests are statements that need the function's name."""
    examples = [
        Example(
            f'{row["signature"]}\n    """{row["docstring"]}"""\n',
            (row["body"],),
            {"name": row["name"], "topic": row["topic"], "tests": row["tests"]},
        )
        for row in read_rows("code")
    ]
    return Contents(split_examples(examples, SHARES))
