"""What a person sees who plays: plain lines in a pipe, panels and completion in a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TextIO

from llm_envs.envs.token_env import TokenEnv
from llm_envs.episode import Outcome
from llm_envs.foreign import shown, shown_lines

Completes = Callable[[str, str], list[str]]
"""(the line before the word, what the word begins with) -> words to complete it to."""

_BAR = 20


class Screen(Protocol):
    """Where a game is shown, and where its lines come from."""

    def say(self, text: str) -> None:
        """Shows a message; its characters are escaped."""
        ...

    def show(self, title: str, env: TokenEnv, running_turn: str, hints: list[str]) -> None:
        """Shows the state of the episode.

        Args:
            title: Id and example.
            env: The environment, made with render_mode="ansi".
            running_turn: In a dialogue, what the person has written of the current turn.
            hints: Words that may come next.
        """
        ...

    def ask(self) -> str:
        """Returns the next line with its line break, "" at the end of the input."""
        ...


def screen_for(lines: TextIO, out: TextIO, completes: Completes) -> Screen:
    """Returns the screen for an input and an output: panels if both are a terminal with rich installed."""
    if lines.isatty() and out.isatty():
        with contextlib.suppress(ModuleNotFoundError):
            return PanelScreen(lines, out, completes)
    return PlainScreen(lines, out)


class PlainScreen:
    """Lines of text, which programs read too."""

    def __init__(self, lines: TextIO, out: TextIO) -> None:
        self._lines, self._out = lines, out

    def say(self, text: str) -> None:
        """Writes the message on a line."""
        self._out.write(shown_lines(text) + "\n")
        self._out.flush()

    def show(self, title: str, env: TokenEnv, running_turn: str, hints: list[str]) -> None:
        """Writes what the environment renders."""
        self.say(f"{env.render()}\n")

    def ask(self) -> str:
        """Reads a line; a person gets a prompt."""
        if self._lines.isatty():
            self._out.write("> ")
            self._out.flush()
        return self._lines.readline()


class PanelScreen:
    """Panels with the request, the text and the score; the Tab key completes words.

    Args:
        lines: The terminal's input. Lines are edited and completed if it is the process's own.
        out: The terminal's output.
        completes: Finds the words for the Tab key.
        console: A rich console instead of one for `out`.
    """

    def __init__(self, lines: TextIO, out: TextIO, completes: Completes, console: Any = None) -> None:
        from rich.console import Console

        self._lines, self._completes = lines, completes
        self._console = Console(file=out, highlight=False) if console is None else console

    def say(self, text: str) -> None:
        """Writes the message, dimmed."""
        from rich.text import Text

        self._console.print(Text(shown_lines(text), style="dim"))

    def show(self, title: str, env: TokenEnv, running_turn: str, hints: list[str]) -> None:
        """Writes a panel with the episode, and at its end one with the score."""
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        episode, outcome = env.episode, env.outcome
        parts: list[Any] = [Text.assemble(("request  ", "dim"), shown_lines(episode.source, " " * 9)), Text()]
        for turn in episode.turns:
            style = "bold" if turn.speaker == "agent" else "cyan"
            parts.append(Text.assemble((f"{shown(turn.speaker):<9}", "dim"), (_inside(turn.text), style)))
        if not episode.turns:
            parts.append(Text.assemble((_inside(episode.text) or "…", "bold")))
        elif outcome is None:
            parts.append(Text.assemble((f"{'you':<9}", "dim"), (_inside(running_turn) or "…", "bold")))
        if outcome is None:
            total, components = env.task.reward.score(episode)
            parts += [Text(), _scores(total, components, "so far")]
            if hints:
                words = " · ".join(shown(word) for word in hints)
                parts.append(Text.assemble(("often next  ", "dim"), (words, "green")))
        self._console.print(Panel(Group(*parts), title=Text(shown(title)), title_align="left"))
        if outcome is not None:
            self._console.print(
                Panel(_ending(outcome), title="score", title_align="left", border_style="green")
            )

    def ask(self) -> str:
        """Reads a line. In the process's own terminal it can be edited and completed."""
        import sys

        if self._lines is not sys.stdin:
            return self._lines.readline()
        with completing(self._completes):
            try:
                return input("> ") + "\n"
            except EOFError:
                return ""


@contextlib.contextmanager
def completing(completes: Completes) -> Iterator[None]:
    """Lets the Tab key complete words while a line is read, where the readline library is there."""
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    before = readline.get_completer(), readline.get_completer_delims()

    def complete(prefix: str, number: int) -> str | None:
        line = readline.get_line_buffer()[: readline.get_begidx()]
        found = [word for word in completes(line, prefix) if shown(word, None) == word]
        return f"{found[number]} " if number < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n")
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        readline.set_completer(before[0])
        readline.set_completer_delims(before[1])


def _inside(text: str) -> str:
    return shown_lines(text, "")


def _scores(total: float, components: Mapping[str, float], label: str) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    named = dict(components)
    whole = [name for name in named if "/" not in name]
    if len(whole) == 1 and named[whole[0]] == total:  # the only reward: its parts say more than itself
        label = f"{label} ({whole[0]})"
        named = {
            name.removeprefix(f"{whole[0]}/"): value for name, value in named.items() if name != whole[0]
        }
    rows = [(label, total, "bold"), *((name, value, "") for name, value in named.items())]
    for name, value, style in rows:
        full = round(_BAR * min(1.0, max(0.0, value)))
        bar = Text.assemble(("█" * full, "blue"), ("░" * (_BAR - full), "dim"))
        table.add_row(Text(shown(name), style=style), Text(f"{value:.3f}", style=style), bar)
    return table


def _ending(outcome: Outcome) -> Any:
    from rich.console import Group
    from rich.text import Text

    parts = [_scores(outcome.reward, outcome.reward_components, "reward")]
    if outcome.metrics:
        listed = ", ".join(f"{shown(name)} {value:.3f}" for name, value in outcome.metrics.items())
        parts.append(Text.assemble(("metrics  ", "dim"), listed))
    if outcome.references:
        parts.append(Text.assemble(("a good text  ", "dim"), shown_lines(outcome.references[0], " " * 13)))
    parts.append(Text.assemble(("ended by  ", "dim"), str(outcome.finish_reason)))
    parts.append(Text("/new for the next, /quit to stop", style="dim"))
    return Group(*parts)
