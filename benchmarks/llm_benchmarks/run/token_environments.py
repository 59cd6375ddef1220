"""Checks that an id names an environment for language models."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from gymnasium.envs.registration import load_env_creator

from llm_envs.envs.ids import bare_id, find_spec


def check_token_environments(envs: Iterable[str], command: str) -> None:
    """Raises if an environment does not take the arguments of this package, such as `split`.

    Args:
        envs: Environment ids; unknown ids pass.
        command: The command, for errors.

    Raises:
        ValueError: An environment takes no argument `split`, so it is another one of Gymnasium's.
    """
    for env in envs:
        spec = find_spec(env)
        entry = None if spec is None else spec.entry_point
        creator = load_env_creator(entry) if isinstance(entry, str) else entry
        if creator is None:
            continue
        parameters = inspect.signature(creator).parameters
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        if not takes_any and "split" not in parameters:
            raise ValueError(
                f"{command}: {bare_id(env)!r} is no environment for language models, since it takes no "
                "argument 'split'; `llm-envs list` shows those of this package, and llm_envs.register_env "
                "adds your own"
            )
