"""The index of the environment pages: each id with what it asks for, its reward and what to expect."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import gymnasium as gym

import llm_envs
from llm_benchmarks.console.report import figure
from llm_benchmarks.leaderboard.baselines import shipped
from llm_envs.envs.ids import bare_id
from llm_envs.envs.task import Task

_ANCHORS = ("random", "constant", "reference")
_INTRODUCTION = """\
# Environments

What each id asks for, and what scores to expect."""
_EXPECTED = """\
## What to expect

Scores on the test split, under the default reward. They come with the package
(`llm-envs leaderboard baselines`) and are of this version of each environment. Empty: no record."""
_NOTES = """\
`random` plays tokens at random. The best constant text was found by search on the train split. `reference`
plays the references of the data, or the rule-based expert; agents can be above it. "Best agent" is the best
row of a trained agent, with its number of seeds; it is empty if none is above random play.

Made by `llm-envs pages`."""


def index() -> str:
    """Returns the index of all ids as Markdown."""
    asked, expected = zip(*map(_rows, llm_envs.list_envs()), strict=True)
    tasks = _table(("id", "task", "data", "default reward", "vocabulary; tokens of prompt, answer"), asked)
    scores = _table(("id", "random", "best constant text", "best agent", "reference"), expected)
    return "\n\n".join((_INTRODUCTION, tasks, _EXPECTED, scores, _NOTES)) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _rows(env_id: str) -> tuple[Sequence[str], Sequence[str]]:
    """Returns what an environment asks for, and its scores."""
    env = gym.make(env_id, split="test")
    task: Task = env.unwrapped.task  # type: ignore[attr-defined]
    name = bare_id(env_id)
    scores = _scores(name, task.signature)
    least = max((row["score"] for row in scores if row["agent"] == "random"), default=0.0)
    trained = [r for r in scores if r["agent"] not in (*_ANCHORS, "unigram") and r["score"] > least]
    best = max(trained, key=lambda row: row["score"], default=None)
    shown = {agent: _score(scores, agent) for agent in _ANCHORS}
    link = f"[{name}]({name}.md)"
    sizes = f"{task.vocabulary_size:,}; {task.max_prompt_tokens}, {task.max_new_tokens}"
    asked = (link, _what(type(env.unwrapped), name), task.corpus.description, _reward(task), sizes)
    best_agent = "" if best is None else f"{figure(best['score'])} (`{best['agent']}`, {best['seeds']})"
    return asked, (link, shown["random"], shown["constant"], best_agent, shown["reference"])


def _scores(env_id: str, signature: str) -> list[Mapping[str, Any]]:
    """Returns the shipped rows of this version of an environment."""
    return [
        row
        for table in shipped()["tables"]
        if table["env"] == env_id and table["signature"] == signature
        for row in table["rows"]
    ]


def _score(scores: Sequence[Mapping[str, Any]], agent: str) -> str:
    return next((figure(row["score"]) for row in scores if row["agent"] == agent), "")


def _what(env_class: type, env_id: str) -> str:
    """Returns the first sentence of a class's documentation, without the id that it begins with."""
    line = inspect.cleandoc(env_class.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return re.split(r"\.(?: |$)", line.partition(": ")[2] or line)[0]


def _reward(task: Task) -> str:
    """Returns the names of the rewards that the default reward is made of."""
    signature = task.reward.signature
    parts = re.findall(r"([\d.]+)\*(\w+)", signature) or [
        ("1", re.split(r"[|]", signature)[0].rpartition(":")[2])
    ]
    return " × ".join(f"`{name}`" + f"^{weight}" * (weight != "1") for weight, name in parts)
