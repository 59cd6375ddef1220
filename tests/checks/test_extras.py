"""Without an extra: one line that names it, wherever its libraries are first needed."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import gymnasium as gym
import pytest

import llm_envs
from llm_envs.checks.extras import EXTRAS, MissingExtra, missing, needs

ROOT = Path(__file__).parents[2]
MODULES = {
    "pillow": ["PIL"],
    "alt-profanity-check": ["profanity_check"],
    "stable-baselines3": ["stable_baselines3"],
    "transformers": ["transformers", "huggingface_hub"],
    "mkdocs-material": ["material"],
    "mkdocstrings[python]": ["mkdocstrings"],
    "mkdocs-awesome-nav": ["mkdocs_awesome_nav"],
    "minari[hdf5]": ["minari", "h5py"],
}
BASE = {
    *("numpy", "gymnasium", "tokenizers", "sacrebleu", "vaderSentiment", "py3langid", "yaml"),
    *("chatterbot_corpus", "filelock", "regex"),
}
EXAMPLES = {
    "examples",
    "sb3-contrib",
    "torchrl",
    "rllib",
    "tianshou",
}  # no module of the packages imports them
EVERY = sorted({module for modules in EXTRAS.values() for module in modules})
BLOCKED = """
import sys
from importlib.abc import MetaPathFinder

class Blocking(MetaPathFinder):
    names = set({names!r})
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

blocking = Blocking()
sys.meta_path.insert(0, blocking)
"""


def without(names, code, *arguments):
    """Runs code in a process in which modules are not installed."""
    words = [sys.executable, "-c", BLOCKED.format(names=list(names)) + code, *arguments]
    return subprocess.run(words, capture_output=True, text=True)


def test_the_table_is_what_pyproject_installs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]

    def modules(extra):
        found = set()
        for requirement in extras[extra]:
            name = requirement.partition(">")[0].strip()
            if name.startswith("llm-envs["):
                for inner in name.removeprefix("llm-envs[").rstrip("]").split(","):
                    found |= modules(inner)
            else:
                found.update(MODULES.get(name, [name]))
        return found

    for extra in set(extras) - EXAMPLES - {"all", "dev", "ray", "slurm"}:
        assert set(EXTRAS[extra]) == modules(extra), extra
    assert set(EXTRAS) | EXAMPLES | {"all", "dev"} == set(extras)


def test_every_import_is_of_the_base_or_of_an_extra():
    for package in ("llm_envs", "agents/llm_baselines", "benchmarks/llm_benchmarks"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                for name in names:
                    top = name.partition(".")[0]
                    known = top in sys.stdlib_module_names or top.startswith("llm_") or top in BASE
                    assert known or top in EVERY, f"{path}: {name}"


def test_the_environments_need_no_extra():
    code = """
import gymnasium as gym, llm_envs
for env_id in ("TextGen-Tiny-v0", "Translation-v0"):
    envs = gym.make_vec(env_id, num_envs=2, reward={"id": "novelty"} if "Tiny" in env_id else "default")
    envs.reset(seed=0)
print(len(llm_envs.list_envs()))
"""
    done = without(EVERY, code)
    assert done.stdout.strip() == str(len(llm_envs.list_envs())), done.stderr


@pytest.mark.parametrize("module", ["llm_envs", "llm_benchmarks"])
def test_the_command_line_names_what_it_needs(module):
    code = f"import runpy; runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    done = without(EVERY, code, "list")
    assert done.returncode == 2
    assert done.stderr == "llm-envs: typer is not installed: pip install 'llm-envs[benchmarks]'\n"
    done = without(EVERY, code, "--version")
    assert (done.returncode, done.stdout) == (0, f"llm-envs {llm_envs.__version__}\n")


def test_every_library_of_the_command_line_is_named():
    code = """
from llm_benchmarks.__main__ import main
commands = {
    "matplotlib": ["leaderboard", "curves", "--store", ".", "--env", "x", "--out", "x.svg"],
    "jinja2": ["leaderboard", "html", "--store", ".", "--out", "x.html"],
    "psutil": ["evaluate", "--env", "TextGen-Tiny-v0", "--agent", "random", "--store", "never"],
    "torch": ["list"],
}
mine = ("llm_benchmarks", "llm_baselines", "typer", "rich", "scipy", "jsonschema", "psutil", "torch")
for name in ("typer", "rich", "scipy", "jsonschema", "psutil", "matplotlib", "jinja2", "torch"):
    blocking.names = {name}
    for known in [m for m in sys.modules if m.partition(".")[0] in mine and m != "llm_benchmarks.__main__"]:
        ours = known.startswith("llm_b") or known.partition(".")[0] == name
        if ours and name not in ("matplotlib", "jinja2"):
            del sys.modules[known]
    print(main(commands.get(name, ["leaderboard", "show", "--store", "."])), file=sys.stderr)
"""
    done = without([], code)
    lines = done.stderr.splitlines()
    for name, told, status in zip(
        ("typer", "rich", "scipy", "jsonschema", "psutil", "matplotlib", "jinja2", "torch"),
        lines[::2],
        lines[1::2],
        strict=True,
    ):
        assert told == f"llm-envs: {name} is not installed: pip install 'llm-envs[benchmarks]'"
        assert status == "2"


def test_the_agents_name_what_they_need():
    code = """
for name in ("torch", "stable_baselines3", "safetensors", "transformers", "tqdm"):
    blocking.names = {name}
    for statement in ("from llm_baselines import TokenDQN", "import llm_baselines.registry"):
        try:
            exec(statement)
        except ImportError as error:
            print(error)
"""
    done = without([], code)
    names = ("torch", "stable_baselines3", "safetensors", "transformers", "tqdm")
    line = "llm_baselines needs {}, which is not installed: pip install 'llm-envs[agents]'"
    assert done.stdout.splitlines() == [line.format(name) for name in names for _ in range(2)], done.stderr


@pytest.mark.parametrize(
    ("modules", "kwargs", "extra"),
    [
        (["datasets"], {"dataset": "hub:none"}, "hub"),
        (["pyarrow", "pyarrow.parquet"], {"dataset": "file:rows.parquet"}, "parquet"),
        (["transformers"], {"tokenizer": "hf:folder"}, "hub"),
        (["evaluate"], {"reward": "evaluate:folder"}, "evaluate"),
        (["evaluate"], {"metrics": ["evaluate:some/metric"]}, "evaluate"),
        (["torch"], {"reward": {"id": "lm_fluency", "lm": "folder"}}, "agents"),
        (["transformers"], {"reward": {"id": "classifier", "model": "folder", "label": "x"}}, "agents"),
    ],
)
def test_arguments_name_what_they_need(modules, kwargs, extra, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    (tmp_path / "folder").mkdir()
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises((ValueError, ImportError), match=rf"pip install 'llm-envs\[{extra}\]'"):
        gym.make("Translation-v0", **kwargs)


def test_lora_names_what_it_needs(monkeypatch):
    from llm_baselines.lm.adapters import with_lora

    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match=r"adapter='lora' needs peft.*'llm-envs\[llm\]'"):
        with_lora(None, rank=1, alpha=1)


def test_other_errors_of_imports_stay_as_they_are():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), needs("agents"):
        import no_such_module  # noqa: F401
    assert missing(ImportError("cannot import name 'x' from 'torch'", name="torch")) is None
