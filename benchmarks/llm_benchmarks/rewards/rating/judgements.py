"""The file of what people said: JSON lines that are only added, each on the disk before the page goes on.

The first line says what was asked. Every other line is a judgement with its texts, so the file is enough for
a report and for a reward; or it takes a judgement back. A last line that a crash has cut is no judgement.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from llm_baselines.storage.locks import try_flock
from llm_benchmarks.rewards.rating.items import SCALES, Item, Scale
from llm_envs.foreign import ForeignDataError, parse_json

KIND = "llm-envs judgements"
MAX_BYTES = 256 << 20
SCORES = (1, 2, 3, 4, 5)
CHOICES = ("a", "b", "tie", "skip")


@dataclass(frozen=True)
class Asked:
    """What the people of a file were asked.

    Attributes:
        scale: Pairs, or single texts.
        question: The question.
        seed: Seed of the order and of the sides.
        items: How many items.
        items_hash: Which items, in which order.
    """

    scale: Scale
    question: str
    seed: int
    items: int
    items_hash: str


@dataclass(frozen=True)
class Judgement:
    """What one person said of one item.

    Attributes:
        item: The item's id.
        rater: The person.
        choice: "a", "b", "tie", "skip", or 1 to 5.
        left: The text that stood on the left, "a" or "b"; "" for a single text.
        seconds: Time from showing to answer.
        at: When, UTC, in ISO 8601.
        prompt: The prompt.
        texts: The texts, "a" first.
        agents: Who wrote them.
    """

    item: str
    rater: str
    choice: str | int
    left: str
    seconds: float
    at: str
    prompt: str
    texts: tuple[str, ...]
    agents: tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """What a file holds.

    Attributes:
        asked: Its first line.
        judgements: Rater -> item -> the judgement that stands, in the order in which they were given.
        end: Bytes up to the last whole line.
        size: Bytes of the file. More than `end` if a crash has cut the last line.
    """

    asked: Asked
    judgements: dict[str, dict[str, Judgement]]
    end: int
    size: int

    def all(self) -> list[Judgement]:
        """Returns all judgements that stand, those of one rater together."""
        return [one for by_item in self.judgements.values() for one in by_item.values()]


def is_judgements(file: Path) -> bool:
    """Returns True if a file begins as `llm-envs rate` begins its files."""
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            return False
        with open(file, "rb") as opened:
            return f'"kind": "{KIND}"'.encode() in opened.readline(4096)
    except OSError:
        return False


def read_judgements(file: Path) -> Said:
    """Reads a file of judgements. It may be somebody else's.

    Raises:
        ForeignDataError: A line is no judgement; the error names it.
        OSError: The file cannot be read.
    """
    status = os.stat(file)
    size = status.st_size
    if not stat.S_ISREG(status.st_mode):
        raise ForeignDataError(f"'{file}' is not a regular file")
    if size > MAX_BYTES:
        raise ForeignDataError(f"'{file}' has {size:,} bytes; at most {MAX_BYTES:,} are read")
    said: Said | None = None
    end = 0
    data = file.read_bytes()
    for number, (line, whole) in enumerate(_lines(data), 1):
        place = f"'{file}': line {number}"
        try:
            value = parse_json(line, place)
        except ForeignDataError:
            if whole:
                raise
            break  # cut by a crash: its answer was never confirmed
        end += len(line) + 1
        if said is None:
            said = Said(_asked(value, place), {}, 0, 0)
        else:
            _add(said, value, place)
    if said is None:
        raise ForeignDataError(f"'{file}' holds no judgements; `llm-envs rate` writes such a file")
    return Said(said.asked, said.judgements, min(end, len(data)), len(data))


def _lines(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yields each line and whether its end is there."""
    lines = data.split(b"\n")
    yield from ((line, True) for line in lines[:-1])
    if lines[-1]:
        yield lines[-1], False


def _asked(value: Any, place: str) -> Asked:
    if not isinstance(value, dict) or value.get("kind") != KIND or value.get("format") != 1:
        raise ForeignDataError(f"{place}: this is no file of {KIND}, format 1; `llm-envs rate` writes one")
    try:
        asked = Asked(**{field.name: value[field.name] for field in fields(Asked)})
    except KeyError as error:
        raise ForeignDataError(f"{place}: has no {error.args[0]!r}") from None
    numbers = type(asked.seed) is int and type(asked.items) is int
    if asked.scale not in SCALES or not numbers or not isinstance(asked.question, str):
        raise ForeignDataError(f"{place}: scale is pairs or absolute, seed and items are whole numbers")
    return asked


def _add(said: Said, value: Any, place: str) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("rater"), str):
        raise ForeignDataError(f"{place}: a judgement is an object with a rater")
    by_item = said.judgements.setdefault(value["rater"], {})
    if "undo" in value:
        if by_item.pop(str(value["undo"]), None) is None:
            raise ForeignDataError(f"{place}: takes a judgement back that is not there")
        return
    judgement = _judgement(value, said.asked.scale, place)
    by_item.pop(judgement.item, None)
    by_item[judgement.item] = judgement


def _judgement(value: Mapping[str, Any], scale: Scale, place: str) -> Judgement:
    try:
        made = Judgement(**{field.name: value[field.name] for field in fields(Judgement)})
    except KeyError as error:
        raise ForeignDataError(f"{place}: a judgement needs {error.args[0]!r}") from None
    count = 2 if scale == "pairs" else 1
    lists = all(
        isinstance(part, list) and len(part) == count and all(isinstance(text, str) for text in part)
        for part in (made.texts, made.agents)
    )
    words = all(isinstance(part, str) for part in (made.item, made.at, made.prompt))
    seconds = type(made.seconds) in (int, float) and math.isfinite(made.seconds)
    if not (lists and words and seconds) or not is_choice(made.choice, scale):
        raise ForeignDataError(f"{place}: a judgement of the scale {scale} has other values")
    if made.left not in (("a", "b") if scale == "pairs" else ("",)):
        raise ForeignDataError(f"{place}: left is 'a' or 'b' for pairs")
    return Judgement(**{**vars(made), "texts": tuple(made.texts), "agents": tuple(made.agents)})


def is_choice(choice: object, scale: Scale) -> bool:
    """Returns True if a value is an answer on a scale."""
    if choice == "skip" or (scale == "pairs" and isinstance(choice, str)):
        return choice in CHOICES
    return scale == "absolute" and type(choice) is int and choice in SCORES


class JudgementFile:
    """A file that judgements are added to. One process at a time has it.

    Args:
        path: The file. A new one begins with what is asked; an old one must have been asked the same.
        asked: What is asked.

    Raises:
        ValueError: Another process has the file, it is of other items or another scale, or it is damaged.
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, asked: Asked) -> None:
        self.path = path
        if path.exists() and not path.is_file():
            raise ValueError(f"'{path}' is not a regular file; name one, such as judgements.jsonl")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            if try_flock(self._descriptor) is False:
                raise ValueError(f"'{path}' is in use by another `llm-envs rate`; end that first")
            self.said = self._begin(asked) if os.fstat(self._descriptor).st_size == 0 else self._resume(asked)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _begin(self, asked: Asked) -> Said:
        self._end = 0
        self._append({"kind": KIND, "format": 1, **asdict(asked)})
        with suppress(OSError):  # Windows opens no folders
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return Said(asked, {}, self._end, self._end)

    def _resume(self, asked: Asked) -> Said:
        said = read_judgements(self.path)
        if said.asked != asked:
            differ = [f.name for f in fields(Asked) if getattr(asked, f.name) != getattr(said.asked, f.name)]
            raise ValueError(
                f"'{self.path}' asks something else (different: {', '.join(differ)}); give the same "
                "options, or another file: --out"
            )
        os.ftruncate(self._descriptor, said.end)
        self._end = said.end
        os.lseek(self._descriptor, said.end - 1, os.SEEK_SET)
        if os.read(self._descriptor, 1) != b"\n":
            self._write(b"\n")
        return said

    def add(self, judgement: Judgement) -> None:
        """Stores a judgement. It is on the disk when this returns.

        Raises:
            OSError: The disk refused; the file is as before.
        """
        self._append(asdict(judgement))
        by_item = self.said.judgements.setdefault(judgement.rater, {})
        by_item.pop(judgement.item, None)
        by_item[judgement.item] = judgement

    def undo(self, rater: str) -> Judgement | None:
        """Takes a rater's last judgement back, also one of an earlier session. Returns it, or None.

        Raises:
            OSError: The disk refused; the file is as before.
        """
        by_item = self.said.judgements.get(rater, {})
        if not by_item:
            return None
        last = list(by_item.values())[-1]
        self._append({"undo": last.item, "rater": rater})
        del by_item[last.item]
        return last

    def close(self) -> None:
        """Closes the file and gives it free."""
        os.close(self._descriptor)

    def _append(self, row: Mapping[str, Any]) -> None:
        # `ensure_ascii` also keeps half a surrogate pair, which UTF-8 cannot hold.
        self._write(json.dumps(row).encode("ascii") + b"\n")

    def _write(self, data: bytes) -> None:
        try:
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
            rest = data
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._end)
            error.filename = str(self.path)
            raise
        self._end += len(data)


def judgement_of(item: Item, rater: str, choice: str | int, left: str, seconds: float, at: str) -> Judgement:
    """Returns the judgement of an item."""
    return Judgement(item.id, rater, choice, left, seconds, at, item.prompt, item.texts, item.agents)
