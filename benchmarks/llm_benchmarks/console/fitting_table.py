"""Tables that never cut what stands in them: what does not fit the width is named, or goes below.

Where the width does not do, a long name stands on a line of its own above its row, and columns are left out
as a whole, which a line below the table names. Where not even the columns that must be shown fit, every cell
is told on a line of its own. A cell is always printed whole, so that ids, names and numbers can be copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_GAP = 1
_LONG = 24  # a name that is longer takes a line of its own where the width does not do
_MORE = 4  # by how much a line that goes on is indented further


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: Its header, broken between words where its cells are narrower.
        right: Whether its cells end at the same place.
        rank: Of the columns that do not fit, those of the highest rank are left out first; 0 never is.
        least: Its least width.
    """

    name: str
    right: bool = False
    rank: int = 0
    least: int = 0


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        cells: One for each column.
        below: What stands on a line of its own below them, whole.
        style: Of all of it.
    """

    cells: Sequence[Text]
    below: Text = field(default_factory=Text)
    style: str = ""


def print_table(
    console: Console, columns: Sequence[Column], rows: Sequence[Row], *, indent: int = 0, all_in: str = ""
) -> None:
    """Prints a table.

    Args:
        console: Its width is what has to be held.
        columns: The columns; the first one names a row.
        rows: The rows.
        indent: Spaces before every line.
        all_in: Where the columns that are left out can be seen, such as "--json has all".
    """
    room = console.width - indent
    widths = [
        max(
            column.least,
            *(cell_len(word) for word in column.name.split() or [""]),
            *(row.cells[i].cell_len for row in rows),
        )
        for i, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))

    def total() -> int:
        return sum(widths[i] for i in kept) + _GAP * (len(kept) - 1)

    if total() > room:
        widths[0] = min(widths[0], max(columns[0].least, _LONG))
    while total() > room and any(columns[i].rank for i in kept):
        kept.remove(max(kept, key=lambda i: (columns[i].rank, i)))
    before = " " * indent
    if total() > room:
        for row in rows:
            _say(console, before, row.cells[0], row.style or "bold")
            for column, cell in list(zip(columns, row.cells, strict=True))[1:]:
                if cell.plain:
                    _say(console, f"{before}  ", Text(f"{column.name}: ").append_text(cell), row.style)
            _print_below(console, row, before, room)
        return
    headers = [list(wrapped(columns[i].name, widths[i])) for i in kept]
    for line in range(-max(map(len, headers)), 0):
        words = [Text(header[line] if len(header) >= -line else "") for header in headers]
        _say(console, before, _laid_out(words, kept, widths, columns), "bold")
    for row in rows:
        cells = [row.cells[i] for i in kept]
        if cells[0].cell_len > widths[0]:
            _say(console, before, cells[0], row.style)
            cells[0] = Text()
        _say(console, before, _laid_out(cells, kept, widths, columns), row.style)
        _print_below(console, row, before, room)
    left_out = [column.name for i, column in enumerate(columns) if i not in kept]
    if left_out:
        told = f"not shown for lack of width: {', '.join(left_out)}" + (f"; {all_in}" if all_in else "")
        print_wrapped(console, told, "dim", indent=indent)


def print_wrapped(console: Console, text: str, style: str = "", *, indent: int = 0) -> None:
    """Prints a text broken between its words; a longer word than the width stays whole.

    Args:
        console: Its width is what has to be held.
        text: Without control characters, see `llm_envs.foreign.shown`.
        style: A style of rich.
        indent: Spaces before its first line; those that follow are indented further.
    """
    room = console.width - indent - _MORE
    for number, line in enumerate(wrapped(text, room, first=room + _MORE)):
        _say(console, " " * (indent + _MORE * bool(number)), Text(line), style)


def wrapped(text: str, width: int, *, first: int | None = None) -> Iterator[str]:
    """The lines of a text that is broken between words alone.

    Args:
        text: The text.
        width: Of a line, in cells of a terminal.
        first: Of the first line, where that is another.
    """
    line, room = "", width if first is None else first
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and cell_len(longer) > room:
            yield line
            line, room = word, width
        else:
            line = longer
    yield line


def _laid_out(
    cells: Sequence[Text], kept: Sequence[int], widths: Sequence[int], columns: Sequence[Column]
) -> Text:
    line = Text()
    for place, (cell, i) in enumerate(zip(cells, kept, strict=True)):
        blank = " " * (widths[i] - cell.cell_len)
        line.append(" " * _GAP * bool(place))
        if columns[i].right:
            line.append(blank)
        line.append_text(cell)
        if not columns[i].right:
            line.append(blank)
    line.rstrip()
    return line


def _print_below(console: Console, row: Row, before: str, room: int) -> None:
    style = row.style or str(row.below.style)
    lines = wrapped(row.below.plain, room - _MORE, first=room) if row.below.plain else ()
    for number, line in enumerate(lines):
        _say(console, before + " " * _MORE * bool(number), Text(line), style)


def _say(console: Console, before: str, line: Text, style: str) -> None:
    told = Text(before, style=style)
    told.append_text(line)
    # Not wrapped by rich, which breaks words: a line that is too long is the terminal's to break.
    console.print(told, soft_wrap=True)
