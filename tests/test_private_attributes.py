"""A private attribute is written by its own class alone: in the packages, and in the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("llm_envs", "agents", "benchmarks", "tests")
ALLOWED = {
    # Stable-Baselines3 keeps these counters private, and a resumed run sets them back.
    ("agents/llm_baselines/algorithms/sb3/checkpoint.py", "_n_updates"),
    ("agents/llm_baselines/algorithms/sb3/checkpoint.py", "_episode_num"),
    ("agents/llm_baselines/algorithms/sb3/checkpoint.py", "_n_calls"),
}


def private_writes(source: str) -> Iterator[tuple[str, int]]:
    """(name, line) of every private attribute that is assigned or deleted outside of its class."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store | ast.Del):
            continue
        own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        if node.attr.startswith("_") and not node.attr.startswith("__") and not own:
            yield node.attr, node.lineno


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_private_attribute_is_written_from_outside_its_class(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in private_writes(path.read_text(encoding="utf-8"))
        if (path.relative_to(ROOT).as_posix(), name) not in ALLOWED
    ]
    assert not found, found


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("agent._rates = []", ["_rates"]),
        ("agent.part._rates += [1]", ["_rates"]),
        ("first, agent._rates = pair", ["_rates"]),
        ("del agent._rates", ["_rates"]),
        ("self._rates = agent._rates", []),
        ("error.__cause__ = other", []),
        ("agent.rates = []", []),
    ],
)
def test_a_write_from_outside_is_recognised(source: str, names: list[str]) -> None:
    assert [name for name, _ in private_writes(source)] == names
