"""The agents of Stable-Baselines3 under their public import path; the code is in algorithms/sb3."""

import sys
from importlib import import_module
from pkgutil import iter_modules

from llm_baselines.algorithms import sb3

# The same module objects under both names: a copy would make two classes of each.
for _module in iter_modules(sb3.__path__):
    sys.modules[f"{__name__}.{_module.name}"] = import_module(f"{sb3.__name__}.{_module.name}")
