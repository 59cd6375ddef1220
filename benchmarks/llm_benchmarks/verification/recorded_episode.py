"""An episode of a dialogue as a record holds it: without its turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from llm_envs.episode import Episode


class NotRecorded(Exception):
    """A reward read a part of an episode that no record holds."""


@dataclass(frozen=True, slots=True)
class RecordedEpisode(Episode):
    """An episode whose turns are unknown. A reward that reads them gets an error, not an empty answer."""

    def __getattribute__(self, name: str) -> object:
        if name == "turns":
            _refuse()
        return object.__getattribute__(self, name)


def _refuse() -> NoReturn:
    raise NotRecorded("the turns of the dialogue")


def reads_more_than_recorded(error: BaseException) -> str:
    """Returns what a reward wanted to read, if that is why it failed; else ""."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NotRecorded):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return ""
