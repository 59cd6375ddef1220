"""Runs the cells of a notebook without Jupyter, and compares or writes their outputs.

`python tests/support/notebooks.py NOTEBOOK` runs a notebook and writes its outputs into it.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def run_notebook(path: Path) -> list[list[dict[str, Any]]]:
    """Runs a notebook's code cells in an empty folder.

    A cell with the tag "needs-NAME" is left out where the module NAME is not installed; its outputs are then
    the stored ones.

    Returns:
        The outputs of each code cell, as notebooks hold them.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    outputs, cells = [], code_cells(path)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for cell in cells:
            needed = [tag.removeprefix("needs-") for tag in cell["metadata"].get("tags", ())]
            runs = all(find_spec(name) for name in needed)
            outputs.append(_run("".join(cell["source"]), namespace) if runs else cell["outputs"])
    return outputs


def code_cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of a notebook, in order."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def _run(source: str, namespace: dict[str, Any]) -> list[dict[str, Any]]:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), namespace)
        value = (
            None if last is None else eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
        )
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())})
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data = {"text/html": _lines(value._repr_html_()), "text/plain": [f"<{type(value).__name__}>"]}
        outputs.append(
            {"data": data, "execution_count": None, "metadata": {}, "output_type": "execute_result"}
        )
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def write_outputs(path: Path) -> None:
    """Runs a notebook and stores the outputs in it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell, outputs in zip(cells, run_notebook(path), strict=True):
        cell["outputs"] = outputs
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_outputs(Path(sys.argv[1]).resolve())
