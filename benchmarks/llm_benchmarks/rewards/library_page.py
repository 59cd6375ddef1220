"""The library of rewards as rows, and as the page docs/rewards/library.md."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from llm_envs.rewards.cards import CARDS
from llm_envs.rewards.registry import find_reward
from llm_envs.rewards.schemes import SCHEMES
from llm_envs.rewards.signatures import option_text

_INTRODUCTION = """\
# The library of rewards

Each row is a file of [`llm_envs/rewards/builtin/`](../../llm_envs/rewards/builtin/__init__.py), or a scheme
of ids. "Lower" marks a penalty, which gets a negative weight. The cost is that of a text of 50 words on one
core. The last column has the options with their defaults. The docstring of each file has the definition, what
it misses and the errors.

"Dense" is what a token costs with `reward_timing="dense"`: "constant"; "reference", which grows with the
reference; "text", where each prefix is scored from scratch; or that of its parts. See
[dense rewards](compose.md#dense-rewards).

`llm-envs rewards list` prints the same. [Add a reward](../extend/reward.md) says how to write one.
"""
_TRUST = """\
A file of somebody else may name these only with `--allow-code`; see
[other people's files](../other_peoples_files.md).
"""
_NOTES = """\
`self_bleu` is no reward, because it compares the texts of an evaluation. The divergence from a reference
model is a term of the learner.

Made by `llm-envs rewards list --page docs/rewards/library.md`.
"""


def rows() -> list[dict[str, Any]]:
    """Returns one table for each reward: its card, its first line of documentation and its options."""
    return [
        {"id": name, "does": _first_line(name), "options": _options(name), **asdict(CARDS[name])}
        for name in CARDS
    ]


def page() -> str:
    """Returns the page as Markdown."""
    head = ("id", "what it does", "range", "better", "cost", "dense", "reads", "needs", "source", "options")
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(row)) + " |" for row in rows()]
    trust = [f"- `{name}`: {card.trust}" for name, card in CARDS.items() if card.trust]
    parts = (_INTRODUCTION, "\n".join(lines), _TRUST, "\n".join(trust), _NOTES)
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _cells(row: Mapping[str, Any]) -> Sequence[str]:
    options = ", ".join(
        f"`{name}`" if value is None else f"`{name}={value}`" for name, value in row["options"].items()
    )
    needs = f"`llm-envs[{row['extra']}]`" if row["extra"] else ""
    names = ("range", "direction", "cost", "dense", "reads")
    return (f"`{row['id']}`", row["does"], *(row[name] for name in names), needs, row["source"], options)


def _code(name: str) -> Any:
    return find_reward(name if ":" not in name else f"{name.partition(':')[0]}:a:b")


def _first_line(name: str) -> str:
    """Returns what the documentation of a reward says first, without the source, which has a column."""
    text = (inspect.getdoc(_code(name)) or "").split("\n\n")[0].replace("\n", " ")
    text = re.sub(r" \([^()]*\d{4}[^()]*\)", "", text)
    sentence = re.split(r"\.(?: |$)", text)[0]
    returns = sentence.removeprefix("Returns ")
    return sentence if returns == sentence else returns[:1].upper() + returns[1:]


def _options(name: str) -> dict[str, str | None]:
    """Returns option -> its default as text; None for one that must be given."""
    scheme = SCHEMES.get(name.partition(":")[0]) if ":" in name else None
    hidden = ("context", "episode", *([scheme.option] if scheme else ()))
    parameters = inspect.signature(_code(name)).parameters.values()
    shown = {
        p.name: None if p.default is p.empty else option_text(p.default)
        for p in parameters
        if p.name not in hidden and p.kind is not p.VAR_KEYWORD
    }
    return {name: value if value is None else _short(value) for name, value in shown.items()}


def _short(value: str) -> str:
    value = value if value.isprintable() else json.dumps(value)
    return "..." if len(value) > 30 else value
