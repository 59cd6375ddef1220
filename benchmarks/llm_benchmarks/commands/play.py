"""Playing by hand, for `llm-envs play`: a person writes the text, line by line or token by token."""

from __future__ import annotations

import sys
from string import punctuation
from typing import Any, TextIO

import gymnasium as gym
import numpy as np

import llm_envs  # noqa: F401  registers the ids
from llm_benchmarks.commands.play_screen import PlainScreen, Screen, screen_for
from llm_benchmarks.commands.play_suggestions import Suggestions
from llm_envs.envs.ids import find_spec, own_argument
from llm_envs.envs.token_env import TokenEnv
from llm_envs.foreign import shown
from llm_envs.simulators.booking.expert import BookingExpert

HELP = """\
Type a line to add its tokens to the text; then you see the reward so far.
An empty line ends the text. In a dialogue every line is a turn.
  /token WORD_OR_ID ...   add single tokens
  /end                    end the text, or the turn
  /ids                    show the tokens so far, with their ids
  /next [PREFIX]          show words that often come next, as the Tab key does in a terminal
  /reference              show a good text; in a dialogue, the expert's next turn
  /new                    start the next example
  /help                   show this help
  /quit                   stop"""

COMMANDS = tuple(line.split()[0] for line in HELP.splitlines() if line.startswith("  /"))


class Player:
    """An environment and the text a person is writing in it.

    Args:
        env_id: Environment id.
        example: Index of the first example; random if omitted.
        seed: Seed for drawing examples.
        **arguments: Arguments of the environment.

    Raises:
        ValueError: The environment refuses an argument.
        TypeError: The environment has no argument of a name.
    """

    def __init__(self, env_id: str, *, example: int | None = None, seed: int = 0, **arguments: Any) -> None:
        find_spec(env_id)  # imports the module in "module:Id-v0", which registers the id and its reward
        with_defaults = {"metrics": "default", "reward": "default", **arguments}
        own = {name: own_argument(env_id, name, with_defaults[name]) for name in ("metrics", "reward")}
        self._env = gym.make(env_id, render_mode="ansi", **{**with_defaults, **own})
        inner = self._env.unwrapped
        assert isinstance(inner, TokenEnv)  # the command checks the id
        self._inner = inner
        self._task = inner.task
        self._dialogue = self._task.max_turns > 1
        self._id = env_id
        self._over = True
        self._lines: list[str] = []
        self._turn: list[int] = []
        self._suggestions = Suggestions(self._task.train_texts())
        self._screen: Screen = PlainScreen(sys.stdin, sys.stdout)
        self._begin(seed=seed, example=example)

    def play(self, lines: TextIO, out: TextIO, screen: Screen | None = None) -> None:
        """Plays until the input ends or says /quit; the end of the input also ends an unfinished text.

        Args:
            lines: What the person types.
            out: Where the answers go.
            screen: How they are shown. By default panels in a terminal, and plain lines elsewhere.
        """
        self._screen = screen_for(lines, out, self.complete) if screen is None else screen
        self._say(f"{self._id}: {self._task.vocabulary_size} tokens; /help lists the commands\n")
        self._show()
        while line := self._screen.ask():
            if line.strip() == "/quit":
                return
            self._take(line.rstrip("\r\n"))
        if not self._over and self._turn:
            self._end()

    def complete(self, before: str, prefix: str) -> list[str]:
        """Returns what a word of a line may be completed to.

        Args:
            before: The line before the word.
            prefix: What the word begins with.
        """
        if prefix.startswith("/") and not before.strip():
            return [command for command in COMMANDS if command.startswith(prefix)]
        return self._suggestions.next_words(f"{self._written()} {before}", prefix)

    def _take(self, line: str) -> None:
        command, _, rest = line.strip().partition(" ")
        if command == "/help":
            self._say(HELP)
        elif command == "/reference":
            self._say(self._reference().replace("\n", "\n  "))
        elif command == "/next":
            self._say(", ".join(self._suggestions.next_words(self._written(), rest.strip(), 20)) or "(none)")
        elif command == "/new":
            self._begin()
            self._show()
        elif command == "/ids":
            tokens = self._task.tokenizer
            self._say(" ".join(f"{shown(tokens.token(i), None)}={i}" for i in self._turn) or "(none yet)")
        elif self._over:
            self._say("this one is over: /new for the next, /quit to stop")
        elif command == "/end" or not line.strip():
            self._end()
        elif command == "/token":
            self._write_tokens(rest.split())
        elif command.startswith("/") and command[1:].isalpha():
            self._say(f"there is no {command}; /help lists the commands")
        else:
            self._write_line(line)

    def _write_line(self, line: str) -> None:
        encode = self._task.tokenizer.encode
        try:
            ids = encode("\n".join([*self._lines, line]))
            if self._dialogue or ids[: len(self._turn)] != self._turn:
                ids = encode(("\n" if self._lines else "") + line)
            else:
                ids = ids[len(self._turn) :]
        except ValueError as error:
            self._say(f"not written: {shown(error, None)}")
            return
        if unknown := self._unknown(line):
            self._say(
                f"not in the vocabulary: {', '.join(map(repr, unknown))}; written as '\ufffd', and the "
                "reward reads that. /new starts the next example"
            )
        self._lines.append(line)
        left = self._step(ids)
        if left:
            self._say(f"(the budget was spent {left} tokens before the end of the line)")
        if self._dialogue and not self._over and not left:
            self._end()
        else:
            self._show()

    def _unknown(self, line: str) -> list[str]:
        """Returns the words of a line that the tokenizer cannot write."""
        tokens = self._task.tokenizer
        words = dict.fromkeys(word.strip(punctuation) or word for word in line.split())
        written = {word: tokens.decode(tokens.encode(word)) for word in words}
        return [w for w, text in written.items() if not text or ("\ufffd" in text and "\ufffd" not in w)]

    def _reference(self) -> str:
        if self._dialogue:
            return "this one is over: /new for the next" if self._over else self._expert_turn()
        known = self._task.examples[self._example].references
        return known[0] if known else "this example has no reference"

    def _expert_turn(self) -> str:
        """Returns the booking expert's next turn, given all turns so far."""
        expert, text = BookingExpert(np.random.default_rng(self._example)), ""
        for turn in self._inner.episode.turns:
            if turn.speaker != "agent":
                text = expert.act(turn.speaker, turn.text)
            elif turn.text != text:
                expert.replaced(turn.text)
        return text

    def _write_tokens(self, words: list[str]) -> None:
        ids = []
        for word in words:
            token = self._id_of(word)
            if token is None:
                self._say(f"not written: {word!r} is no token and no id below {self._task.vocabulary_size}")
                return
            ids.append(token)
        self._step(ids)
        self._show()

    def _id_of(self, word: str) -> int | None:
        if word.isdigit() and int(word) < self._task.vocabulary_size:
            return int(word)
        tokenizer = self._task.tokenizer
        for index in range(self._task.vocabulary_size):
            if tokenizer.token(index) == word:
                return index
        return None

    def _end(self) -> None:
        self._step([self._task.tokenizer.end_token_ids[0]])
        self._show()

    def _step(self, ids: list[int]) -> int:
        """Steps with tokens until the episode or the turn ends; returns how many tokens are left."""
        ends = set(self._task.tokenizer.end_token_ids)
        for k, token in enumerate(ids, start=1):
            _, _, terminated, truncated, _ = self._env.step(token)
            self._turn.append(token)
            if terminated or truncated:
                self._over = True
                return len(ids) - k
            if token in ends or (self._dialogue and len(self._turn) >= self._task.max_new_tokens):
                self._turn, self._lines = [], []
                return len(ids) - k
        return 0

    def _begin(self, seed: int | None = None, example: int | None = None) -> None:
        options = None if example is None else {"example": example}
        _, info = self._env.reset(seed=seed, options=options)
        self._example = int(info["example"])
        self._turn, self._lines, self._over = [], [], False

    def _written(self) -> str:
        """Returns what the person has written of the text, or of the current turn."""
        return self._task.tokenizer.decode(self._turn)

    def _show(self) -> None:
        written = self._written()
        hints = [] if self._over else self._suggestions.next_words(written)
        self._screen.show(f"{self._id} · example {self._example}", self._inner, written, hints)

    def _say(self, text: str) -> None:
        self._screen.say(text)
