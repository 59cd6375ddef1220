"""The extras of this distribution, and the error for a library of an extra that is not installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

_TRANSFORMERS = ("transformers", "huggingface_hub")
_AGENTS = ("torch", "stable_baselines3", "safetensors", *_TRANSFORMERS, "tensorboard", "tqdm", "rich")

EXTRAS: dict[str, tuple[str, ...]] = {
    "render": ("PIL",),
    "video": ("moviepy", "PIL"),
    "formats": ("jsonschema", "referencing", "pronouncing"),
    "toxicity": ("profanity_check",),
    "parquet": ("pyarrow",),
    "hub": ("datasets", *_TRANSFORMERS),
    "evaluate": ("evaluate",),
    "agents": _AGENTS,
    "llm": (*_AGENTS, "peft", "gguf", "accelerate"),
    "benchmarks": (
        *_AGENTS,
        "evaluate",
        "typer",
        "scipy",
        "jsonschema",
        "psutil",
        "matplotlib",
        "jinja2",
        "markupsafe",
        "pandas",
    ),
    "ray": ("ray",),
    "slurm": ("submitit",),
    "keras": ("keras",),
    "trl": ("trl", "torch", "peft", "datasets", *_TRANSFORMERS),
    "verifiers": ("verifiers", "datasets"),
    "minari": ("minari", "h5py"),
    "docs": ("material", "mkdocstrings", "mkdocs_awesome_nav", "latex2mathml"),
}
"""extra -> the modules that are imported from what it installs, beyond what `pip install llm-envs` does."""


class MissingExtra(ModuleNotFoundError):
    """A library is not installed. The message names the extra that installs it."""


def missing(error: ImportError, extra: str | None = None, what: str = "") -> MissingExtra | None:
    """Returns the error that names an extra.

    Args:
        error: Raised by an import.
        extra: The extra to name if it installs the module. Otherwise the first such extra is named.
        what: What the module is needed for, as a subject: "a picture of an episode".

    Returns:
        The error to raise, or None if no extra installs the module.
    """
    if not isinstance(error, ModuleNotFoundError):
        return None
    module = (error.name or "").partition(".")[0]
    bringing = [name for name, modules in EXTRAS.items() if module in modules]
    if isinstance(error, MissingExtra) and extra not in bringing:
        return error
    if not bringing:
        return None
    named = extra if extra in bringing else bringing[0]
    needed = f"{what} needs {module}, which is not installed" if what else f"{module} is not installed"
    return MissingExtra(f"{needed}: pip install 'llm-envs[{named}]'", name=error.name)


@contextmanager
def needs(extra: str, what: str = "") -> Iterator[None]:
    """Imports inside the block raise an error that names the extra of a missing library.

    Args:
        extra: See EXTRAS.
        what: What is needed, as a subject.

    Raises:
        MissingExtra: A library is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        named = missing(error, extra, what)
        if named is None or named is error:
            raise
        raise named from error


def require(extra: str, modules: tuple[str, ...], what: str) -> None:
    """Checks that modules are installed, before any of them is imported.

    Args:
        extra: The extra that installs them.
        modules: Their names.
        what: What needs them, as a subject.

    Raises:
        MissingExtra: A module is not installed.
    """
    with needs(extra, what):
        for module in modules:
            if importlib.util.find_spec(module) is None:
                raise ModuleNotFoundError(f"No module named {module!r}", name=module)
