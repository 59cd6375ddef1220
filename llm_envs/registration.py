"""The ids: one table, id -> environment, vector environment and JSON-able defaults."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv

from llm_envs.wrappers import TopKActions

_ENVS = "llm_envs.envs."

TABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "TextGen-Tiny-v0": ("tiny:Tiny", {}),
    "TextGen-v0": (
        "text_generation:TextGeneration",
        {"dataset": "poems", "max_prompt_tokens": 16, "max_new_tokens": 96},
    ),
    "TextGen-Script-v0": (
        "text_generation:TextGeneration",
        {"dataset": "scripts", "max_prompt_tokens": 64, "max_new_tokens": 176},
    ),
    "TextGen-Code-v0": (
        "text_generation:TextGeneration",
        {"dataset": "code", "max_prompt_tokens": 192, "max_new_tokens": 192},
    ),
    "Translation-v0": (
        "translation:Translation",
        {"dataset": "en-de", "max_prompt_tokens": 12, "max_new_tokens": 12},
    ),
    "Translation-EnZh-v0": (
        "translation:Translation",
        {"dataset": "en-zh", "max_prompt_tokens": 12, "max_new_tokens": 12},
    ),
    "Translation-EnIt-v0": (
        "translation:Translation",
        {"dataset": "en-it", "max_prompt_tokens": 136, "max_new_tokens": 148},
    ),
    "Dialogue-v0": ("dialogue:Dialogue", {}),
    "Dialogue-Chat-v0": (
        "chat:Chat",
        {"dataset": "chat", "max_prompt_tokens": 128, "max_new_tokens": 128},
    ),
}
"""id -> "module:Prefix" (classes PrefixEnv and PrefixVectorEnv) and the arguments the id fixes by default."""


def register_envs() -> None:
    """Registers every id of the table with Gymnasium."""
    for env_id, (entry, kwargs) in TABLE.items():
        gym.register(
            env_id,
            entry_point=f"{_ENVS}{entry}Env",
            vector_entry_point=f"{_ENVS}{entry}VectorEnv",
            # Order and actions are checked by the environment itself, at a fraction of the wrappers' cost.
            order_enforce=False,
            disable_env_checker=True,
            kwargs=dict(kwargs),
        )


def vectorize(env: gym.Env[Any, Any], num_envs: int, **changes: Any) -> VectorEnv[Any, Any, Any]:
    """The native vector environment of an environment made by `gymnasium.make`.

    Args:
        env: Made from one of the ids of the table. TopKActions around it goes around the vector environment
            too; other wrappers are left out.
        num_envs: Number of rows.
        **changes: Arguments that differ from the environment's, `autoreset_mode` and `split` among them.

    Raises:
        ValueError: The environment was not made from an id.
    """
    if env.spec is None or env.spec.id not in TABLE:
        raise ValueError(f"{env} was not made by gymnasium.make from one of {list(TABLE)}")
    given: Any = env.unwrapped
    kwargs = {name: given.arguments[name] for name in env.spec.kwargs if name != "render_mode"}
    envs = gym.make_vec(env.spec.id, num_envs=num_envs, **{**kwargs, **changes})
    while isinstance(env, gym.Wrapper):
        if isinstance(env, TopKActions):
            return env.vectorize(envs)
        env = env.env
    return envs
