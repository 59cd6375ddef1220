"""README.zh-CN.md: the code and the numbers of README.md, which tests/test_readme.py runs and compares."""

from __future__ import annotations

import ast
import re

from pages import blocks, read

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"


def python_code(page: str) -> list[str]:
    """The code of each block without its comments, which are translated."""
    return [ast.dump(ast.parse(code)) for language, code in blocks(page) if language == "python"]


def test_the_chinese_page_has_the_same_code():
    assert python_code(CHINESE) == python_code(ENGLISH)


def test_the_chinese_page_has_the_same_commands():
    def commands(page: str) -> list[str]:
        return re.findall(r"^make \w+|`(llm-envs [^`]*|pip install [^`]*)`", read(page), re.MULTILINE)

    assert commands(CHINESE) == commands(ENGLISH)


def test_the_chinese_page_has_the_same_scores():
    def scores(page: str) -> list[str]:
        return re.findall(r"^\| `\w+` (\| \d\.\d{3}.*)$", read(page), re.MULTILINE)

    assert len(scores(ENGLISH)) == 4
    assert scores(CHINESE) == scores(ENGLISH)


def test_the_chinese_page_names_the_same_environments_and_pages():
    def links(page: str) -> set[str]:
        return set(re.findall(r"\]\((docs/[^)]+|\w+\.md)\)", read(page)))

    missing = links(ENGLISH) - links(CHINESE) - {"README.zh-CN.md"}
    assert missing == set()


def test_the_chinese_page_has_every_section():
    assert read(CHINESE).count("\n## ") == read(ENGLISH).count("\n## ")
