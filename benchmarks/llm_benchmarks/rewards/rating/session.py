"""What each rater is asked next, and their answers. The page knows nothing of agents."""

from __future__ import annotations

import math
import random
import threading
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from llm_benchmarks.rewards.rating.items import Item
from llm_benchmarks.rewards.rating.judgements import JudgementFile, is_choice, judgement_of
from llm_envs.foreign import shown_lines

MAX_NAME = 40
MAX_RATERS = 1000
_LONGEST_SECONDS = 86_400.0


class BadAnswer(ValueError):
    """The page sent something that is no answer."""


class StaleAnswer(ValueError):
    """The answer is to another question than the rater's next one, for example from a second window."""


class Session:
    """The questions of one file of judgements, for several raters at a time.

    All raters get the items in one order, so that their first answers overlap. Which text stands on the left
    is drawn for each rater and item from the seed.

    Args:
        items: The items in the order in which they are asked.
        file: The file of judgements.
    """

    def __init__(self, items: Sequence[Item], file: JudgementFile) -> None:
        self._items = list(items)
        self._file = file
        self._lock = threading.Lock()

    def raters(self) -> list[str]:
        """Returns the names of all raters so far."""
        return sorted(self._file.said.judgements)

    def question(self, rater: object) -> dict[str, Any]:
        """Returns a rater's next question, or that there is none, as JSON values for the page.

        Raises:
            BadAnswer: The name is none.
        """
        with self._lock:
            return self._question(self._name(rater))

    def answer(self, rater: object, item: object, choice: object, seconds: object) -> dict[str, Any]:
        """Stores the answer to a rater's next question and returns the following one.

        Args:
            rater: The rater's name.
            item: The id of the question.
            choice: "left", "right", "tie" or "skip"; or 1 to 5 or "skip".
            seconds: Time from showing to answer.

        Raises:
            BadAnswer: A value is none that the page sends.
            StaleAnswer: The question is not the rater's next one. Nothing is stored.
            OSError: The disk refused. Nothing is stored.
        """
        with self._lock:
            name = self._name(rater)
            asked = self._next(name)
            if asked is None or item != asked.id:
                raise StaleAnswer("this text has been judged already, perhaps in another window")
            left = self._left(name, asked)
            choice = _chosen(choice, left)
            if not is_choice(choice, self._file.said.asked.scale) or not isinstance(choice, str | int):
                raise BadAnswer("choice is none of the scale's")
            time = float(seconds) if type(seconds) in (int, float) else math.nan  # type: ignore[arg-type]
            if not 0.0 <= time <= _LONGEST_SECONDS:
                time = _LONGEST_SECONDS
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._file.add(judgement_of(asked, name, choice, left, round(time, 2), now))
            return self._question(name)

    def undo(self, rater: object) -> dict[str, Any]:
        """Takes a rater's last answer back and asks that question again.

        Raises:
            BadAnswer: The name is none.
            OSError: The disk refused. The answer stands.
        """
        with self._lock:
            name = self._name(rater)
            self._file.undo(name)
            return self._question(name)

    def _name(self, rater: object) -> str:
        name = unicodedata.normalize("NFC", rater).strip() if isinstance(rater, str) else ""
        if not name or len(name) > MAX_NAME or not name.isprintable():
            raise BadAnswer(f"a name has 1 to {MAX_NAME} characters that can be printed")
        known = self._file.said.judgements
        if name not in known and len(known) >= MAX_RATERS:
            raise BadAnswer(f"there are {MAX_RATERS} raters already")
        return name

    def _next(self, rater: str) -> Item | None:
        done = self._file.said.judgements.get(rater, {})
        return next((item for item in self._items if item.id not in done), None)

    def _left(self, rater: str, item: Item) -> str:
        if len(item.texts) == 1:
            return ""
        seed = self._file.said.asked.seed
        return random.Random(f"{seed}|{rater}|{item.id}").choice("ab")

    def _question(self, rater: str) -> dict[str, Any]:
        done = len(self._file.said.judgements.get(rater, {}))
        state = {"rater": rater, "done": done, "total": len(self._items), "can_undo": done > 0}
        item = self._next(rater)
        if item is None:
            return {**state, "item": None}
        texts = item.texts[::-1] if self._left(rater, item) == "b" else item.texts
        return {
            **state,
            "item": item.id,
            "prompt": shown_lines(item.prompt),
            "texts": [shown_lines(text) for text in texts],
        }


def _chosen(choice: object, left: str) -> object:
    """Returns "a" or "b" for the side that was chosen; other answers as they are."""
    if left and choice in ("left", "right"):
        return left if choice == "left" else "ba"["ab".index(left)]
    return None if choice in ("a", "b") else choice
