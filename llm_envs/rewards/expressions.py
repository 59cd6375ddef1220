"""Rewards in one line: "gate(bleu, language >= 0.5) - 0.2 * length_penalty(max=20)".

| written | means |
| --- | --- |
| `bleu`, `bleu(max_order=2)` | a reward, with options |
| `my_module:mine(limit=3)` | code of your own, as `module:name` |
| `"word-count"(limit=3)` | any other id that is no word stands in quotation marks |
| `0.5 * bleu - chrf` | a weighted sum |
| `fluency * novelty ** 2`, `(bleu + chrf) * fluency` | a product, with exponents |
| `clip(bleu, 0.2, 0.8)`, `clip(ter, high=1)` | bounds |
| `gate(bleu, language >= 0.5)`, `gate(bleu, language >= 0.5, otherwise=-1)` | a condition |

A person writes it: on the command line, in a suite, in Python through `parse_reward`. Records hold the
specification that it stands for. It is read as a syntax tree and never evaluated.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from llm_envs.rewards.schemes import split_scheme

_FORM = "write it like 'gate(bleu, language >= 0.5) - 0.2 * length_penalty(max=20)'"
_SIGNS = re.compile(r"[()*+]|\s-|^\s*-|>=")
_PIECES = re.compile(
    r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|([\[{])|([\]}])|([A-Za-z_][\w.]*(?::[A-Za-z_][\w.]*)+)"""
)
"""A text in quotation marks; brackets of lists and tables; "module:name"."""
_LONGEST = 10_000


def is_expression(text: str) -> bool:
    """Returns True if a text is no plain id: it has signs that no id has."""
    return split_scheme(text) is None and _SIGNS.search(text) is not None


def parse_reward(text: str) -> Any:
    """Returns the specification that a line stands for.

    Args:
        text: The line. A plain id is returned unchanged.

    Raises:
        ValueError: The line cannot be read. The message says which part.
    """
    if not is_expression(text):
        return text
    if len(text) > _LONGEST:
        raise ValueError(f"a reward in one line has at most {_LONGEST:,} characters, got {len(text):,}")
    try:
        tree = ast.parse(_quoted(text).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise ValueError(f"reward {text!r} cannot be read ({reason}); {_FORM}") from None
    try:
        return _summands(tree.body)
    except RecursionError:
        raise ValueError(f"reward {text!r} is nested too deep") from None


def _quoted(text: str) -> str:
    """Puts each "module:name" into quotation marks, outside of texts, lists and tables."""
    depth = 0

    def piece(found: re.Match[str]) -> str:
        nonlocal depth
        depth += (found[2] is not None) - (found[3] is not None)
        return f'"{found[4]}"' if found[4] is not None and depth == 0 else found[0]

    return _PIECES.sub(piece, text)


def _summands(node: ast.expr, sign: float = 1.0) -> list[dict[str, Any]]:
    """Returns the weighted entries of a sum."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        right = -sign if isinstance(node.op, ast.Sub) else sign
        return [*_summands(node.left, sign), *_summands(node.right, right)]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return _summands(node.operand, -sign if isinstance(node.op, ast.USub) else sign)
    weight, factors = _factors(node)
    if not factors:
        _refuse(node, "is a number and no reward")
    if len(factors) > 1 or factors[0]["weight"] != 1.0:
        factors = [{"id": "product", "weight": 1.0, "rewards": factors}]
    return [{**factors[0], "weight": sign * weight}]


def _factors(node: ast.expr) -> tuple[float, list[dict[str, Any]]]:
    """Returns the number before a product, and its factors, whose weights are exponents."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        first, left = _factors(node.left)
        second, right = _factors(node.right)
        return first * second, left + right
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return 1.0, [{**_one(node.left), "weight": _number(node.right)}]
    if isinstance(node, ast.BinOp | ast.UnaryOp) and not _is_number(node):
        if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Add | ast.Sub):
            _refuse(node, "has a sign that is none of + - * **")
        return 1.0, [_one(node)]
    if _is_number(node):
        return _number(node), []
    return 1.0, [_one(node)]


def _one(node: ast.expr) -> dict[str, Any]:
    """Returns one entry for a node: a reward, or several that are summed."""
    if isinstance(node, ast.Name):
        return {"id": node.id, "weight": 1.0}
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {"id": node.value, "weight": 1.0}
    if isinstance(node, ast.Call):
        return _call(node)
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        entries = _summands(node)
        return entries[0] if len(entries) == 1 and entries[0]["weight"] == 1.0 else _sum(entries)
    _refuse(node, "is no reward")


def _call(node: ast.Call) -> dict[str, Any]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "value", None)
    if not isinstance(name, str):
        _refuse(node, "is called, and only a reward's id takes options")
    options: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in ("id", "weight"):
            _refuse(node, "has an option that cannot be written here")
        options[keyword.arg] = _option(keyword.value)
    if name == "clip":
        _named(node, options, ("reward", "low", "high"))
    elif name == "gate":
        if len(node.args) == 2 and isinstance(node.args[1], ast.Compare):
            options |= _condition(node.args[1])
            del node.args[1]
        _named(node, options, ("reward", "condition", "least", "otherwise"))
    elif node.args:
        _refuse(node, "has an option without a name; write option=value")
    return {"id": name, "weight": 1.0, **options}


def _named(node: ast.Call, options: dict[str, Any], names: Sequence[str]) -> None:
    """Gives arguments without names theirs. The first is a reward."""
    if len(node.args) > len(names):
        _refuse(node, f"takes {', '.join(names)}")
    for name, argument in zip(names, node.args, strict=False):
        if name in options:
            _refuse(node, f"gets {name} twice")
        options[name] = _summands(argument) if name in ("reward", "condition") else _number(argument)


def _condition(node: ast.Compare) -> Mapping[str, Any]:
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.GtE):
        _refuse(node, "is no condition; write 'reward >= number'")
    return {"condition": _summands(node.left), "least": _number(node.comparators[0])}


def _sum(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "sum", "weight": 1.0, "rewards": entries}


def _option(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        _refuse(
            node,
            "is no plain value: a number, a text in quotation marks, True, False, None, a list or a table",
        )


def _is_number(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    value = inner.value if isinstance(inner, ast.Constant) else None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(node: ast.expr) -> float:
    if not _is_number(node):
        _refuse(node, "is no number")
    value = ast.literal_eval(node)
    return value if isinstance(value, int) else float(value)


def _refuse(node: ast.expr, what: str) -> NoReturn:
    raise ValueError(f"in the reward, {ast.unparse(node)[:100]!r} {what}; {_FORM}")
