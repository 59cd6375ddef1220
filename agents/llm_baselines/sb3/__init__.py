"""The agents of Stable-Baselines3 under their public import path; the code is in algorithms/sb3."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from llm_baselines.algorithms import sb3


class _SameModule(MetaPathFinder, Loader):
    """Imports `llm_baselines.sb3.NAME` as the module object of `llm_baselines.algorithms.sb3.NAME`.

    A copy would make two classes of each. An import of all modules here would load Stable-Baselines3 for a
    training reward.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns a spec for the modules of this package alone."""
        return ModuleSpec(fullname, self) if fullname.rpartition(".")[0] == __name__ else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Returns the module of algorithms/sb3."""
        module = import_module(f"{sb3.__name__}.{spec.name.rpartition('.')[2]}")
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Gives the module its own spec back: the import system has set that of the alias."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


sys.meta_path.append(_SameModule())
