"""The distributions of this checkout, and fresh virtual environments that they are installed into."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = [match[1] for line in PROJECT["classifiers"] if (match := re.search(r"Python :: (3\.\d+)$", line))]
"""The supported versions of Python, as pyproject.toml lists them."""

_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
OURS = ("PYTHON", "PYTEST", "LLM_ENVS", "OMP_", "MKL_")
"""Variables of the calling process that a user's shell does not have."""


def clean_variables() -> dict[str, str]:
    """Returns the environment variables of a user who has set none of ours. Two threads suffice."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "OMP_NUM_THREADS": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_HTTP_TIMEOUT": "180"}


def run(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command with clean variables, and returns what it printed."""
    line = [str(word) for word in words]
    return subprocess.run(line, capture_output=True, text=True, env=clean_variables(), cwd=cwd)


def succeed(*words: str | Path, cwd: Path | None = None) -> str:
    """Runs a command that must succeed, and returns its standard output."""
    done = run(*words, cwd=cwd)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


def uv(*words: str | Path) -> str:
    """Runs uv, which builds and installs in a tenth of pip's time."""
    from uv import find_uv_bin

    return succeed(find_uv_bin(), *words)


@cache
def interpreter(version: str) -> str | None:
    """Returns the path of a Python of a version, such as "3.12", or None if this machine has none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        getattr(sys, "_base_executable", sys.executable),
        *(str(path) for path in sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)),
        shutil.which(f"python{version}") or "",
    ]
    for path in filter(None, candidates):
        done = run(path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
        if done.returncode == 0 and done.stdout.strip() == version:
            return path
    return None


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Args:
        folder: Its folder.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    def program(self, name: str) -> Path:
        """The path of an installed program."""
        return self.python.with_name(name + self.python.suffix)

    def versions(self) -> dict[str, str]:
        """Distribution -> its installed version."""
        lines = uv("pip", "freeze", "--python", self.python).splitlines()
        return dict(line.split("==", 1) for line in lines if "==" in line)


class Builder:
    """Builds the distributions once, and one environment for each combination that is asked for.

    Args:
        folder: An empty folder for all of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        uv("build", "--quiet", "--out-dir", folder / "dist", ROOT)  # the sdist, and the wheel from it
        (self.sdist,) = (folder / "dist").glob("*.tar.gz")
        (self.wheel,) = (folder / "dist").glob("*.whl")
        self._made: dict[str, Environment] = {}
        self._torch: list[str] | None = None

    def environment(
        self, extras: str = "", *, python: str = PYTHONS[0], oldest: bool = False, sdist: bool = False
    ) -> Environment:
        """Returns an environment with the package, and pytest for tests in it.

        Args:
            extras: "" or extras, separated by commas.
            python: The version of Python; this machine must have it.
            oldest: Direct dependencies have the lowest versions that pyproject.toml permits.
            sdist: The package is installed from the source distribution.
        """
        name = "-".join(filter(None, [python, extras, "oldest" if oldest else "", "sdist" if sdist else ""]))
        if name not in self._made:
            made = Environment(self.folder / name)
            uv("venv", "--quiet", "--python", interpreter(python) or python, made.folder)
            options = self._torch_options() if extras else []
            if oldest:
                options += ["--constraint", str(self._lowest(name, extras, made, options))]
            source = self.sdist if sdist else self.wheel
            what = f"llm-envs{f'[{extras}]' if extras else ''} @ {source.as_uri()}"
            dev = PROJECT["optional-dependencies"]["dev"]
            tests = [line for line in dev if line.startswith(("pytest>", "hypothesis>"))]
            uv("pip", "install", "--quiet", "--python", made.python, *options, what, *tests)
            self._made[name] = made
        return self._made[name]

    def _lowest(self, name: str, extras: str, made: Environment, options: list[str]) -> Path:
        """Writes the lowest permitted versions that fit together into a file, and returns its path."""
        pins = self.folder / f"{name}.txt"
        chosen = [word for extra in extras.split(",") if extra for word in ("--extra", extra)]
        lowest = ("--resolution", "lowest-direct", "--no-header", "--no-annotate")
        text = uv(
            *("pip", "compile", "--quiet", ROOT / "pyproject.toml", *chosen, *lowest, *options),
            *("--python", made.python),
        )
        pins.write_text(text, encoding="utf-8")
        return pins

    def _torch_options(self) -> list[str]:
        """Returns options with which uv takes the CPU build of torch that constraints.txt names.

        PyPI's build for Linux brings several GB of CUDA libraries. Where pip gets no CPU build, uv chooses.
        """
        if self._torch is None:
            constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
            pinned = re.search(r"^torch==(\S+)$", constraints, re.MULTILINE)
            assert pinned
            build, wheels = f"torch=={pinned[1]}+cpu", self.folder / "wheels"
            pip = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, build)
            index = ("--retries", "0", "--timeout", "20", "--extra-index-url", _TORCH_INDEX)
            self._torch = []
            if run(*pip).returncode == 0 or run(*pip, *index).returncode == 0:
                override = self.folder / "torch.txt"
                override.write_text(f"{build}\n", encoding="utf-8")
                self._torch = ["--find-links", str(wheels), "--override", str(override)]
        return list(self._torch)
