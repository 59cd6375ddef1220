"""Pages that show a file or a folder of the repository."""

from __future__ import annotations

import ast
from pathlib import Path

from repository import shown_files

_LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json", ".yml": "yaml"}
_HEAD = "---\nsearch:\n  exclude: true\n---\n\n"


def source_page(root: Path, path: str) -> str:
    """Returns the page of a file as a code block, or of a folder as a list of its files."""
    where = root / path
    return _HEAD + f"# {path}\n\n" + (_folder(where) if where.is_dir() else _file(where)) + "\n"


def _file(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    fence = "````"
    while fence in text:
        fence += "`"
    return f"{fence}{_LANGUAGES.get(path.suffix, 'text')}\n{text}\n{fence}"


def _folder(folder: Path) -> str:
    rows = [f"- [`{name}`]({name}.md) {_summary(folder / name)}".rstrip() for name in shown_files(folder)]
    others = len([p for p in folder.iterdir() if p.is_file()]) - len(rows)
    if others:
        rows.append(f"- {others} other {'file' if others == 1 else 'files'}")
    return "\n".join(rows)


def _summary(path: Path) -> str:
    """Returns the first line of a module's documentation, or of the comment that a file begins with."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return text.partition("\n")[0].lstrip("# ") if text.startswith("#") else ""
