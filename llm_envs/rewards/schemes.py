"""Ids that name their own subject: "evaluate:NAME", "trl:module:name", "http:URL", "preference:FOLDER"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import urlsplit

from llm_envs.foreign import is_evaluate_module


@dataclass(frozen=True, slots=True)
class Scheme:
    """One kind of such ids.

    Attributes:
        entry: The class behind it, "module:name".
        option: The option of the class that receives what follows the colon.
        short: Returns the name in tables, from what follows the colon.
    """

    entry: str
    option: str
    short: Callable[[str], str]


def _last_part(path: str) -> str:
    return PurePath(path).stem or path


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:  # the reward itself says what is wrong
        return url


SCHEMES: dict[str, Scheme] = {
    "evaluate": Scheme("llm_envs.rewards.evaluate.module:EvaluateModule", "module", _last_part),
    "trl": Scheme(
        "llm_envs.rewards.adapters.trl:TrlReward", "function", lambda name: name.rpartition(":")[2]
    ),
    "http": Scheme("llm_envs.rewards.adapters.http:HttpReward", "url", _host),
    "classifier": Scheme("llm_envs.rewards.builtin.classifier:Classifier", "model", _last_part),
    "preference": Scheme("llm_envs.rewards.builtin.preference:Preference", "model", _last_part),
}
"""What stands before the colon -> what it means."""


def split_scheme(reward_id: str) -> tuple[str, str] | None:
    """Returns the scheme and what it names, or None for another id."""
    name, _, rest = reward_id.partition(":")
    if not rest or name not in SCHEMES or (name == "evaluate" and not is_evaluate_module(reward_id)):
        return None
    return name, rest
