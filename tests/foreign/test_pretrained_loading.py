"""transformers is asked to load in one place, which never runs code that comes with a model."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import llm_envs

ROOT = Path(llm_envs.__file__).parents[1]
LOADERS = {"from_pretrained", "from_config", "pipeline", "get_class_from_dynamic_module"}


def calls() -> list[tuple[Path, ast.Call]]:
    found = []
    for package in ("llm_envs", "agents/llm_baselines", "benchmarks/llm_benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in LOADERS:
                    found.append((path.relative_to(ROOT), node))
    return found


@pytest.mark.parametrize(("path", "call"), calls(), ids=lambda v: str(v) if isinstance(v, Path) else "")
def test_every_loader_of_transformers_refuses_code(path: Path, call: ast.Call) -> None:
    trust = {k.arg: getattr(k.value, "value", None) for k in call.keywords}
    assert trust.get("trust_remote_code") is False, f"{path}:{call.lineno}"
