"""Tables that fit the width of the console and never cut a cell, so that ids and numbers can be copied.

On a narrow console:

1. a long name moves to a line of its own above its row;
2. columns are left out, and a line below the table names them;
3. if the required columns do not fit either, every cell is printed on its own line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_GAP = 1
_LONG_NAME = 24  # cells; on a narrow console a longer name takes a line of its own
_CONTINUED = 4  # further indent of a continued line


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: The header. It is broken between words if the cells are narrower.
        right: Align the cells to the right.
        rank: Columns of the highest rank are left out first. Columns of rank 0 are never left out.
        least: The least width.
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
        below: Text on a line of its own below the cells.
        style: Style of the whole row.
    """

    cells: Sequence[Text]
    below: Text = field(default_factory=Text)
    style: str = ""


def print_table(
    console: Console, columns: Sequence[Column], rows: Sequence[Row], *, indent: int = 0, all_in: str = ""
) -> None:
    """Prints a table.

    Args:
        console: Its width is the limit.
        columns: The columns; the first one names a row.
        rows: The rows.
        indent: Spaces before every line.
        all_in: Where to see the columns that are left out, such as "--json has all".
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
        widths[0] = min(widths[0], max(columns[0].least, _LONG_NAME))
    while total() > room and any(columns[i].rank for i in kept):
        kept.remove(max(kept, key=lambda i: (columns[i].rank, i)))
    before = " " * indent
    if total() > room:
        for row in rows:
            _print_line(console, before, row.cells[0], row.style or "bold")
            for column, cell in list(zip(columns, row.cells, strict=True))[1:]:
                if cell.plain:
                    _print_line(console, f"{before}  ", Text(f"{column.name}: ").append_text(cell), row.style)
            _print_below(console, row, before, room)
        return
    headers = [list(wrapped(columns[i].name, widths[i])) for i in kept]
    for line in range(-max(map(len, headers)), 0):
        words = [Text(header[line] if len(header) >= -line else "") for header in headers]
        _print_line(console, before, _laid_out(words, kept, widths, columns), "bold")
    for row in rows:
        cells = [row.cells[i] for i in kept]
        if cells[0].cell_len > widths[0]:
            _print_line(console, before, cells[0], row.style)
            cells[0] = Text()
        _print_line(console, before, _laid_out(cells, kept, widths, columns), row.style)
        _print_below(console, row, before, room)
    left_out = [column.name for i, column in enumerate(columns) if i not in kept]
    if left_out:
        names = f"not shown for lack of width: {', '.join(left_out)}" + (f"; {all_in}" if all_in else "")
        print_wrapped(console, names, "dim", indent=indent)


def print_wrapped(console: Console, text: str, style: str = "", *, indent: int = 0) -> None:
    """Prints a text broken between words. A word longer than the width stays whole.

    Args:
        console: Its width is the limit.
        text: Text without control characters, see `llm_envs.foreign.shown`.
        style: A style of rich.
        indent: Spaces before the first line; the following lines are indented further.
    """
    room = console.width - indent - _CONTINUED
    for number, line in enumerate(wrapped(text, room, first=room + _CONTINUED)):
        _print_line(console, " " * (indent + _CONTINUED * bool(number)), Text(line), style)


def wrapped(text: str, width: int, *, first: int | None = None) -> Iterator[str]:
    """Yields the lines of a text that is broken only between words.

    Args:
        text: The text.
        width: Width of a line, in cells of a terminal.
        first: Width of the first line; `width` if omitted.
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
    lines = wrapped(row.below.plain, room - _CONTINUED, first=room) if row.below.plain else ()
    for number, line in enumerate(lines):
        _print_line(console, before + " " * _CONTINUED * bool(number), Text(line), style)


def _print_line(console: Console, before: str, line: Text, style: str) -> None:
    text = Text(before, style=style)
    text.append_text(line)
    console.print(text, soft_wrap=True)  # rich would break long words; the terminal wraps them
