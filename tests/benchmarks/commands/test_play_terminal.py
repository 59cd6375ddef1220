"""`play` in a terminal: panels, hints, completion, the score at the end."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import select
import subprocess
import sys

import pytest
from rich.console import Console

from llm_benchmarks.commands.play import COMMANDS, Player
from llm_benchmarks.commands.play_screen import PanelScreen, PlainScreen, screen_for
from llm_benchmarks.commands.play_suggestions import Suggestions


def panels(env_id: str, typed: str, width: int = 90, **arguments: object) -> str:
    out = io.StringIO()
    player = Player(env_id, example=0, **arguments)  # type: ignore[arg-type]
    lines = io.StringIO(typed)
    console = Console(file=out, width=width, force_terminal=False, highlight=False)
    player.play(lines, out, PanelScreen(lines, out, player.complete, console))
    return out.getvalue()


def test_a_game_shows_request_text_hints_score_and_a_good_text() -> None:
    reference = Player("TextGen-Tiny-v0", example=0)
    plain = io.StringIO()
    reference.play(io.StringIO("/reference\n/quit\n"), plain)
    good = plain.getvalue().splitlines()[-1]
    said = panels("TextGen-Tiny-v0", f"{good.split()[0]}\n/end\n/new\n{good}\n")
    assert "TextGen-Tiny-v0 · example 0" in said
    for part in ("request", "often next", "so far", "score", "reward", "a good text", "ended by", "/new for"):
        assert part in said, part
    assert f"a good text  {good}" in said
    assert "█" in said


def test_dialogues_show_both_sides_and_the_turn_that_is_being_written() -> None:
    said = panels("Dialogue-v0", "/token query\n/token :\n/end\nwhat area ?\n/quit\n")
    assert "user" in said
    assert "you      query" in said
    assert "agent    query:" in said
    assert "so far (product)" in said
    assert "brevity" in said


@pytest.mark.parametrize("width", [40, 200])
def test_markup_and_control_characters_of_a_text_are_only_shown(width: int) -> None:
    said = panels("Translation-v0", "[red]x[/] \x1b[2J\n", width, tokenizer="byte", max_prompt_tokens=80)
    assert "[red]x[/]" in said
    assert "\x1b" not in said
    assert max(map(len, said.splitlines())) <= width


def test_only_a_terminal_gets_panels() -> None:
    assert isinstance(screen_for(io.StringIO(), io.StringIO(), lambda line, word: []), PlainScreen)


def test_words_that_follow_in_train_texts_are_suggested_first() -> None:
    words = Suggestions(["the cat sat", "the cat ran", "the dog ran", "a mat"])
    assert words.next_words("") == ["the", "a"]
    assert words.next_words("the") == ["cat", "dog"]
    assert words.next_words("the", "d") == ["dog"]
    assert words.next_words("the", "m") == ["mat"]
    assert words.next_words("mat", most=2) == ["the", "cat"]
    assert Suggestions([]).next_words("a") == []


def test_commands_and_words_are_completed() -> None:
    player = Player("Dialogue-v0", example=0)
    assert player.complete("", "/re") == ["/reference"]
    assert set(player.complete("", "/")) == set(COMMANDS)
    assert "restaurant" in player.complete("query : type ", "rest")
    out = io.StringIO()
    player.play(io.StringIO("/next que\n/quit\n"), out)
    assert "query" in out.getvalue().splitlines()[-1]


def test_a_real_terminal_shows_panels_and_completes_with_tab() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "llm_envs", "play", "TextGen-Tiny-v0", "--example", "0"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        said = read_until(ours, "> ")
        os.write(ours, b"/refe\t\n")
        said += read_until(ours, "> ")
        os.write(ours, b"a b\n\n")
        said += read_until(ours, "score")
        os.write(ours, b"/quit\n")
        with contextlib.suppress(OSError):  # the terminal is gone once the program ends
            read_until(ours, "never")
        assert process.wait(timeout=60) == 0
    os.close(ours)
    assert "/reference" in said
    assert "╭" in said
    assert "often next" in said


def read_until(terminal: int, words: str) -> str:
    """Reads from a terminal until it says something; raises after a minute of silence."""
    said = b""
    while words.encode() not in said:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, said.decode(errors="replace")
        said += os.read(terminal, 65536)
    return said.decode(errors="replace")
