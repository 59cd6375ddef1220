"""Hooks of MkDocs: pages from outside of docs or made from code, equations as MathML, names in one piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api_pages import api_pages
from equations import with_mathml
from names import with_whole_names
from record_schema import SCHEMA, SCHEMA_PAGE, schema_page
from repository import Repository
from source_pages import source_page

_repository: Repository | None = None


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that are not files in docs."""
    from mkdocs.structure.files import File, InclusionLevel

    global _repository
    root = Path(config.config_file_path).parent
    _repository = repository = Repository(root, {SCHEMA: SCHEMA_PAGE})
    made = {SCHEMA_PAGE: schema_page(root / SCHEMA), **api_pages()}
    for uri, text in made.items():
        files.append(File.generated(config, uri, content=text))
    for path, uri in repository.linked_from_outside().items():
        if uri in made:
            continue
        source = repository.is_source(path)
        text = source_page(root, path) if source else (root / path).read_text(encoding="utf-8")
        inclusion = InclusionLevel.NOT_IN_NAV if source else InclusionLevel.UNDEFINED
        files.append(File.generated(config, uri, content=text, inclusion=inclusion))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turns links that leave docs into links to their pages here."""
    assert _repository is not None
    return _repository.relinked(markdown, page.file.src_uri)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Turns equations into MathML, and marks short names that no line break may divide."""
    return with_whole_names(with_mathml(html))
