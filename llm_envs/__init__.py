"""llm-envs: Gymnasium environments for language models, where one action is one token.

import gymnasium as gym, llm_envs
env = gym.make("TextGen-v0")

Importing the package registers the ids. Everything else is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from llm_envs.registration import register_envs as _register_envs

if TYPE_CHECKING:
    from llm_envs.envs import WAIT
    from llm_envs.episode import Episode, Example, Outcome, Turn
    from llm_envs.evaluation import EpisodeRow, EvaluationResult, evaluate
    from llm_envs.foreign import allowing_code
    from llm_envs.registration import list_envs, register_env, vectorize
    from llm_envs.rewards import list_rewards, make_reward, register_reward

__version__ = "0.2.0"
__all__ = [
    "WAIT",
    "Episode",
    "EpisodeRow",
    "EvaluationResult",
    "Example",
    "Outcome",
    "Turn",
    "allowing_code",
    "evaluate",
    "list_envs",
    "list_rewards",
    "make_reward",
    "register_env",
    "register_reward",
    "vectorize",
]

_MODULES = {
    "WAIT": "envs",
    "Episode": "episode",
    "EpisodeRow": "evaluation",
    "EvaluationResult": "evaluation",
    "Example": "episode",
    "Outcome": "episode",
    "Turn": "episode",
    "allowing_code": "foreign",
    "evaluate": "evaluation",
    "list_envs": "registration",
    "list_rewards": "rewards",
    "make_reward": "rewards",
    "register_env": "registration",
    "register_reward": "rewards",
    "vectorize": "registration",
}
"""Public name -> the module of this package that defines it."""

_SUBMODULES = {*_MODULES.values(), "adapters", "checks", "data", "html", "lm", "tokenizers", "wrappers"}


if not TYPE_CHECKING:  # with it, a type checker would accept every name

    def __getattr__(name: str) -> Any:
        """Imports a public name, or a submodule, when it is first used."""
        if name in _MODULES:
            value = getattr(import_module(f"llm_envs.{_MODULES[name]}"), name)
            globals()[name] = value
            return value
        if name in _SUBMODULES:
            return import_module(f"llm_envs.{name}")
        raise AttributeError(f"module 'llm_envs' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_SUBMODULES})


_register_envs()
