"""Modules of Hugging Face's `evaluate`: found, identified by their content, and loaded."""

from __future__ import annotations

import ast
import hashlib
import os
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from llm_envs.checks.extras import needs, require

_ADVICE = (
    "a script imports one module a line, says `import evaluate` (not `from evaluate import ...`), and has "
    "one class that inherits from evaluate.Metric"
)


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """Names a module. It can be pickled; the loaded module stays in its process.

    A local script is read at once, and run when it is first needed. A module on the hub is loaded at once,
    because its content is known only then.

    Attributes:
        name: A name on the hub, a folder that holds a script of the same name, or a script.
        config_name: The module's configuration, as `evaluate.load` takes it.
        revision: The hub's revision. None takes the one that fits the installed `evaluate`.
        script: The local script; None for a module on the hub.
        identity: 16 hexadecimal digits over the content of the script or of the module on the hub.

    Raises:
        ValueError: The script or module does not exist.
        MissingExtra: `evaluate` is not installed.
    """

    name: str
    config_name: str | None = None
    revision: str | None = None
    script: Path | None = field(init=False)
    identity: str = field(init=False, default="")

    def __post_init__(self) -> None:
        require("evaluate", ("evaluate",), f"module {self.name!r}")
        object.__setattr__(self, "script", _script(self.name))
        if self.script is not None:
            if self.revision is not None:
                raise ValueError(f"{self.name!r} is a local script, which has no revision={self.revision!r}")
            object.__setattr__(self, "identity", _content(self.script))
        else:
            module = next((m for source, m in _loaded.items() if source._asks == self._asks), None)
            module = self._fresh() if module is None else module
            object.__setattr__(self, "identity", _identity(module))
            _loaded[self] = module

    @property
    def _asks(self) -> tuple[str, str | None, str | None, Path | None]:
        return self.name, self.config_name, self.revision, self.script

    @property
    def short_name(self) -> str:
        """The name without the folders around a local script."""
        return self.name if self.script is None else self.script.stem

    @property
    def version(self) -> str:
        """The version of `evaluate`."""
        return metadata.version("evaluate")

    def load(self) -> Any:
        """Returns the module. Loads it when it is first needed.

        Raises:
            ValueError: It cannot be loaded, or its content has changed.
        """
        if self not in _loaded:
            now = None if self.script is None else _content(self.script)
            module = None if now not in (None, self.identity) else self._fresh()
            now = _identity(module) if now is None else now
            if now != self.identity:
                raise ValueError(
                    f"module {self.name!r} has changed since it was named here (content {now}, then "
                    f"{self.identity}); make the reward again"
                )
            _loaded[self] = module
        return _loaded[self]

    def forget(self) -> None:
        """Makes the next `load` load the module again: after an error it keeps texts of the failed call."""
        _loaded.pop(self, None)

    def _fresh(self) -> Any:
        with needs("evaluate", f"module {self.name!r}"):
            import evaluate
        try:
            return evaluate.load(
                self.name if self.script is None else str(self.script),
                config_name=self.config_name,
                revision=self.revision,
                keep_in_memory=True,
                seed=0,
            )
        except Exception as error:  # the module may raise anything
            reason = f"{type(error).__name__}: {str(error).strip() or 'without a word'}"
            if self.script is None:
                raise ValueError(
                    f"no folder or script {self.name!r} exists, and it cannot be loaded from the hub "
                    f"({reason})"
                ) from error
            raise ValueError(f"'{self.script}' cannot be loaded ({reason}); {_ADVICE}") from error


_loaded: dict[ModuleSource, Any] = {}


def _script(name: str) -> Path | None:
    """Returns the local script of a name, as `evaluate.load` finds it.

    None if it can be a name on the hub.
    """
    place = Path(os.path.abspath(os.path.expanduser(name)))
    script = place if place.suffix == ".py" else place / f"{place.name}.py"
    if script.is_file():
        return script
    if place.suffix == ".py":
        raise ValueError(f"there is no script '{place}'")
    if name.startswith((".", "~", os.sep)) or name.count("/") > 1:
        if place.is_dir():
            raise ValueError(
                f"the folder {name!r} has no '{script.name}': a module's script has the name of its folder"
            )
        raise ValueError(f"there is no folder {name!r}")
    return None


def _content(script: Path) -> str:
    """Returns the hash of a script and of the files beside it that it imports with `from .x`."""
    digest = hashlib.sha256()
    try:
        data = script.read_bytes()
        tree = ast.parse(data, str(script))
        relative = (n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level)
        names = sorted({module.partition(".")[0] for module in relative if module})
        files = [path for path in (script.with_name(f"{name}.py") for name in names) if path.is_file()]
        for content in (data, *(path.read_bytes() for path in files)):
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)
    except SyntaxError as error:
        raise ValueError(f"'{script}' is not valid Python: {error.msg} in line {error.lineno}") from error
    except OSError as error:
        raise ValueError(f"'{script}' cannot be read: {error.strerror}") from error
    return digest.hexdigest()[:16]


def _identity(module: Any) -> str:
    """Returns the hash that `evaluate` gives the content of a loaded module."""
    return str(module._hash)[:16]
