"""Our environments in other libraries: TRL's trainers, verifiers, and Minari's data sets.

    task = llm_envs.adapters.trl("TextGen-v0", tokenizer="hf:smollm2-135m")
    environment = llm_envs.adapters.verifiers("Translation-v0")
    dataset = llm_envs.adapters.to_minari("me/translations-v0", episodes, env)

Each library is imported when its function is called.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_envs.adapters.minari_dataset import from_minari, to_minari, write_demonstrations
    from llm_envs.adapters.trl_task import TrlTask, trl
    from llm_envs.adapters.verifiers_environment import verifiers

__all__ = ["TrlTask", "from_minari", "to_minari", "trl", "verifiers", "write_demonstrations"]

_MODULES = {
    "TrlTask": "trl_task",
    "from_minari": "minari_dataset",
    "to_minari": "minari_dataset",
    "trl": "trl_task",
    "verifiers": "verifiers_environment",
    "write_demonstrations": "minari_dataset",
}
"""Public name -> the file of this folder that defines it."""


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module 'llm_envs.adapters' has no attribute {name!r}")
    value = getattr(import_module(f"llm_envs.adapters.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
