"""Vector environments of classes that have none of their own, as entry points in text.

`EnvSpec.to_json` takes text only. "llm_envs.envs.own_rows:module.Class" stands for the vector environment of
the class `Class` of `module`.
"""

from __future__ import annotations

import importlib
from typing import Any

from llm_envs.envs.ids import vector_class
from llm_envs.envs.token_env import TokenEnv


def __getattr__(name: str) -> Any:
    """Returns the vector environment of the class "module.Class", or a factory of one."""
    module, _, class_name = name.rpartition(".")
    found = getattr(importlib.import_module(module), class_name, None) if module else None
    if not isinstance(found, type) or not issubclass(found, TokenEnv):
        raise AttributeError(f"{name!r} is not a class that inherits from TokenEnv")
    return vector_class(found)
