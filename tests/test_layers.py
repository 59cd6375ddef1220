"""No file imports itself through others. import-linter holds the order of the rooms."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import llm_baselines
import llm_benchmarks
import llm_envs

PACKAGES = {
    package.__name__: Path(str(package.__file__)).parent
    for package in (llm_envs, llm_baselines, llm_benchmarks)
}


def modules_of(package, folder):
    """Module name -> file."""
    names = {path: path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py")}
    return {".".join([package, *parts]).removesuffix(".__init__"): path for path, parts in names.items()}


def imports_of(path, known):
    """The modules that a file imports, also inside functions, but not for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                name = submodule if submodule in known else node.module
                if name in known:
                    yield name


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_imports_itself_through_others(package):
    modules = modules_of(package, PACKAGES[package])
    assert len(modules) > 50
    imports = {name: set(imports_of(path, modules)) - {name} for name, path in modules.items()}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"cycle of imports: {' <- '.join(error.args[1])}")


def test_a_cycle_inside_functions_would_be_found(tmp_path):
    (tmp_path / "a.py").write_text("def f():\n    from p.b import g\n")
    (tmp_path / "b.py").write_text("from p import a\n")
    modules = modules_of("p", tmp_path)
    imports = {name: set(imports_of(path, modules)) for name, path in modules.items()}
    assert imports == {"p.a": {"p.b"}, "p.b": {"p.a"}}
    with pytest.raises(CycleError):
        TopologicalSorter(imports).prepare()
