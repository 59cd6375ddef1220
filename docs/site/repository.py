"""Which page of the site stands for a file of the repository, and links between them.

Links in Markdown are those that work in the repository. Many leave docs: to README.md, to a package's README,
to code. The site has a page for each file that is linked, so that every link stays inside of it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

DOCS = "docs"
SOURCE = "source"  # the pages that show code
NAMED = {
    "README.md": "start.md",
    "README.zh-CN.md": "start.zh-CN.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "agents/README.md": "agents/index.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""Pages outside of docs that have a place in the navigation."""

_LINK = re.compile(r"(?P<code>^```.*?^```|``[^\n]*?``|`[^`\n]*`)|\]\((?P<target>[^)\s]+)\)", re.M | re.S)


class Repository:
    """The files of the repository that the site shows.

    Args:
        root: The repository.
        made: Path -> URI of the page that is made from this file.
    """

    def __init__(self, root: Path, made: Mapping[str, str]) -> None:
        self._root = root
        self._named = {path: uri for path, uri in NAMED.items() if (root / path).exists()} | dict(made)
        self._pages = dict(self._named)

    def linked_from_outside(self) -> dict[str, str]:
        """Returns path -> URI of each page to add: all that docs link, and what those pages link."""
        waiting = [f"{DOCS}/{p.relative_to(self._root / DOCS).as_posix()}" for p in self._docs()]
        waiting += [path for path in self._named if path.endswith(".md")]
        while waiting:
            for target in self._targets(waiting.pop()):
                if self._in_docs(target) or target in self._pages or not (self._root / target).exists():
                    continue
                self._pages[target] = self._uri(target)
                if target.endswith(".md") or (self._root / target).is_dir():
                    waiting.append(target)
        return dict(self._pages)

    def is_source(self, path: str) -> bool:
        """Returns whether a page shows a file or folder as it is."""
        return path not in self._named and not path.endswith(".md")

    def relinked(self, markdown: str, uri: str) -> str:
        """Returns the Markdown of a page with links to pages of the site in place of files."""
        path = self._path(uri)
        if path is None:
            return markdown

        def replace(match: re.Match[str]) -> str:
            if match["code"] or _is_elsewhere(match["target"]):
                return match[0]
            target, hash_, anchor = match["target"].partition("#")
            linked = _joined(path, target) if target else ""
            here = not linked or (self._in_docs(linked) and path.startswith(f"{DOCS}/"))
            if here or not (self._root / linked).exists():
                return match[0]  # MkDocs checks it
            page = linked.removeprefix(f"{DOCS}/") if self._in_docs(linked) else self._pages[linked]
            return f"]({posixpath.relpath(page, posixpath.dirname(uri) or '.')}{hash_}{anchor})"

        return _LINK.sub(replace, markdown)

    def _docs(self) -> list[Path]:
        return sorted((self._root / DOCS).rglob("*.md"))

    def _path(self, uri: str) -> str | None:
        for path, page in self._pages.items():
            if page == uri:
                return path if path.endswith(".md") else None
        return f"{DOCS}/{uri}" if (self._root / DOCS / uri).exists() else None

    def _in_docs(self, path: str) -> bool:
        """Whether MkDocs itself shows or copies this file."""
        return path.startswith(f"{DOCS}/") and Path(path).suffix in (".md", ".svg", ".png")

    def _uri(self, path: str) -> str:
        if (self._root / path).is_dir():
            return f"{SOURCE}/{path}/index.md"
        if path.endswith(".md"):
            return f"{SOURCE}/{path.removesuffix('README.md')}{'index.md' * path.endswith('README.md')}"
        return f"{SOURCE}/{path}.md"

    def _targets(self, path: str) -> Iterator[str]:
        """Yields what a file links, as paths from the root; for a folder, its files that are shown."""
        where = self._root / path
        if where.is_dir():
            yield from (f"{path}/{name}" for name in shown_files(where))
            return
        for match in _LINK.finditer(where.read_text(encoding="utf-8")):
            target = (match["target"] or "").partition("#")[0]
            if target and not _is_elsewhere(target):
                yield _joined(path, target)


def shown_files(folder: Path) -> list[str]:
    """Returns the names of the files of a folder that have a page."""
    return sorted(p.name for p in folder.iterdir() if p.suffix in (".py", ".toml") and p.is_file())


def _is_elsewhere(target: str) -> bool:
    return "://" in target or target.startswith("mailto:")


def _joined(page: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
