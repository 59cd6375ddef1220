"""Reward functions of TRL's trainers."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llm_envs.episode import Episode
from llm_envs.foreign import load_code
from llm_envs.rewards.signatures import option_text

_GIVEN = ("prompts", "completions", "completion_ids")
_PARTS = ("source", "reference", "references")


class TrlReward:
    """A reward function of TRL, `reward="trl:module:name"`: lists of prompts and completions to numbers.

    It is called as `GRPOTrainer` calls it, with `prompts`, `completions`, `completion_ids` and one list for
    each column. Columns are the entries of the example's metadata, and those of `columns`. Texts that end
    together are scored in one call. A None, with which TRL leaves a text out, is an error here. Range,
    direction and cost are the function's. It is code: files that name it need `--allow-code`.

    Args:
        function: What follows "trl:", "package.module:name".
        columns: Column -> where its values come from: "source", "reference" (the first), "references", or a
            key of the metadata.
        factory: Arguments with which `function` is called first, to make the reward function.
        conversational: True if prompts and completions are lists of messages, as many of TRL's own functions
            take them.

    Raises:
        ValueError: The function does not exist or takes other arguments, or an example lacks a column.
    """

    def __init__(
        self,
        *,
        function: str,
        columns: Mapping[str, str] | None = None,
        factory: Mapping[str, Any] | None = None,
        conversational: bool = False,
    ) -> None:
        self._name, self._factory = function, factory
        self._columns = dict(columns or {})
        self._conversational = conversational
        for column in self._columns:
            if column in _GIVEN:
                raise ValueError(f"columns: {column!r} is given by the episodes; drop it")
        self._function = self._load()
        self.needs_references = any(part in _PARTS[1:] for part in self._columns.values())
        options = {
            "columns": dict(sorted(self._columns.items())),
            "conversational": conversational,
            **({} if factory is None else {"factory": dict(factory)}),
        }
        version = getattr(self._function, "version", 1)
        self.signature = "|".join(
            [f"trl:{function}", *(f"{k}:{option_text(options[k])}" for k in sorted(options)), f"v{version}"]
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_function": None}  # it may not pickle; the name does

    def __call__(self, episode: Episode) -> float:
        """Returns the score of one text."""
        return self.score_batch([episode])[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[float]:
        """Returns the scores of many texts, from one call."""
        if not episodes:
            return []
        if self._function is None:
            self._function = self._load()
        given = {
            "prompts": [self._prompt(e.source) for e in episodes],
            "completions": [self._completion(e.text) for e in episodes],
            "completion_ids": [list(e.action_ids) for e in episodes],
            **self._values(episodes),
        }
        scores = self._function(**_accepted(self._function, given))
        if inspect.isawaitable(scores):
            scores = asyncio.run(_awaited(scores))
        scores = list(scores)
        if len(scores) != len(episodes):
            raise ValueError(f"{self._name} returned {len(scores)} scores for {len(episodes)} completions")
        for score in scores:
            if score is None:
                raise ValueError(
                    f"{self._name} returned None, which leaves a completion out in TRL; a reward here scores "
                    "every text: return a number"
                )
        return scores

    def _load(self) -> Callable[..., Any]:
        function: Callable[..., Any] = load_code(self._name, "reward function of TRL")
        if self._factory is not None:
            try:
                function = function(**self._factory)
            except TypeError as error:
                raise ValueError(f"{self._name} with factory={dict(self._factory)!r}: {error}") from error
            if not callable(function):
                raise ValueError(f"{self._name} with factory={dict(self._factory)!r} gives no function")
        parameters = inspect.signature(function).parameters
        if not {"completions", "completion_ids"} & set(parameters) and not _takes_any(parameters):
            raise ValueError(
                f"{self._name}{inspect.signature(function)} is no reward function of TRL: it takes neither "
                "completions nor completion_ids. A function that makes one is called with factory={...}; a "
                f"function of one Episode is named without 'trl:', as {self._name!r}"
            )
        return function

    def _prompt(self, source: str) -> Any:
        return [{"role": "user", "content": source}] if self._conversational else source

    def _completion(self, text: str) -> Any:
        return [{"role": "assistant", "content": text}] if self._conversational else text

    def _values(self, episodes: Sequence[Episode]) -> dict[str, list[Any]]:
        """Returns the columns: of the metadata, then those that were asked for."""
        shared = set.intersection(*(set(e.example.metadata) for e in episodes))
        columns = {key: [e.example.metadata[key] for e in episodes] for key in sorted(shared - set(_GIVEN))}
        for column, part in self._columns.items():
            columns[column] = [_part(episode, column, part) for episode in episodes]
        return columns


def _part(episode: Episode, column: str, part: str) -> Any:
    if part == "source":
        return episode.source
    if part in _PARTS:
        if not episode.references:
            raise ValueError(f"column {column!r} needs references, and this example has none")
        return episode.references[0] if part == "reference" else list(episode.references)
    metadata = episode.example.metadata
    if part not in metadata:
        raise ValueError(
            f"column {column!r}: this example has no {part!r}; it has {', '.join(_PARTS)} and "
            f"{json.dumps(sorted(metadata))} in its metadata"
        )
    return metadata[part]


def _accepted(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    return dict(given) if _takes_any(parameters) else {k: v for k, v in given.items() if k in parameters}


def _takes_any(parameters: Mapping[str, inspect.Parameter]) -> bool:
    return any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


async def _awaited(scores: Any) -> Any:
    return await scores
