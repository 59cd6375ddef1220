"""Our environments for the verifiers library: one import away.

    import llm_envs
    environment = llm_envs.adapters.verifiers("Translation-v0", split="train")

For verifiers' command line, a module of two lines is an environment package:

    from llm_envs.adapters.verifiers_taskset import TokenEnvironment, TokenTaskset
    __all__ = ["TokenEnvironment", "TokenTaskset"]
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from llm_envs.adapters.texts import make_env
from llm_envs.checks.extras import needs
from llm_envs.tokenizers.hugging_face import HuggingFaceTokenizer

TASKSET = "llm_envs_taskset"
"""The name under which verifiers finds the task set in this process."""


def verifiers(
    env_id: str,
    *,
    examples: Sequence[int] | None = None,
    seed: int = 0,
    player: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Any:
    """Returns an environment of the verifiers library (0.4 or later) that plays one of ours.

    The model writes texts, which the environment's own tokenizer turns into its tokens. So the text, the
    token budget, the reward and its components are the environment's.

    Args:
        env_id: A registered id.
        examples: Indices of the examples to play. None takes the whole split.
        seed: Decides the user's behaviour in dialogues: one seed for each example.
        player: Options of the agent, as verifiers names them (harness, runtime, sampling, ...). By default it
            chats without tools on this machine. If the environment has a model's tokenizer, `max_tokens` is
            the environment's `max_new_tokens`.
        **arguments: Arguments of the environment, as JSON values.

    Returns:
        A `verifiers.v1.Env`. Its `taskset` yields one task for each example; its one agent is `player`.

    Raises:
        ValueError: The id is not an environment of this package.
        MissingExtra: verifiers is not installed (`pip install 'llm-envs[verifiers]'`).
    """
    env = make_env(
        env_id, arguments, "verifiers"
    )  # raises for what is wrong before verifiers wraps the error
    seat = dict(player or {})
    if isinstance(env.tokenizer, HuggingFaceTokenizer):
        seat["sampling"] = {"max_tokens": env.task.max_new_tokens, **seat.get("sampling", {})}
    with needs("verifiers", "llm_envs.adapters.verifiers"):
        from verifiers.v1.utils.loaders import load_environment, resolve_env_config

        sys.modules[TASKSET] = importlib.import_module("llm_envs.adapters.verifiers_taskset")
    taskset = {
        "id": TASKSET,
        "env_id": env_id,
        "arguments": arguments,
        "examples": None if examples is None else list(examples),
        "seed": seed,
    }
    return load_environment(resolve_env_config({"taskset": taskset, "player": seat}))
