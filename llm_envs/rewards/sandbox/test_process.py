"""The process of the tests: runs them with stand-ins that call the functions of the text."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from llm_envs.rewards.sandbox import frames, values

_NEVER_RAISED = ("SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException")


class TextEnded(Exception):
    """The process of the text has ended: it exited, was killed, or broke a limit."""


class Outcome(NamedTuple):
    """The result of one test.

    Attributes:
        passed: True if it raised nothing.
        calls: How often it called a function of the text.
        reason: What it raised.
    """

    passed: bool
    calls: int
    reason: str


class Text:
    """The functions of the text, as tests call them.

    Args:
        requests: The pipe that takes calls.
        replies: The pipe that brings values.
        longest: Bytes of an answer.
    """

    def __init__(self, requests: int, replies: int, longest: int) -> None:
        self._requests, self._replies, self._longest = requests, replies, longest
        self._broken = ""
        self.calls = 0
        self.fault = ""

    def function(self, name: str) -> Callable[..., Any]:
        """Returns the stand-in of a function."""

        def call(*arguments: Any, **options: Any) -> Any:
            return self._call(name, arguments, options)

        call.__name__ = call.__qualname__ = name
        return call

    def _call(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self.calls += 1
        if self._broken:
            raise TextEnded(self._broken)
        try:
            given = {"arguments": values.encode(list(arguments)), "options": values.encode(options)}
        except values.NotPlain as error:
            self.fault = f"a test gives {name} {error}"
            raise
        request = {"name": name, **given}
        try:
            frames.send(self._requests, json.dumps(request).encode())
            reply = self._reply()
        except (frames.Closed, TextEnded) as error:
            self._broken = str(error) or "the text ended its process"
            raise TextEnded(self._broken) from None
        raised = reply.get("raised") if isinstance(reply, dict) else ["NotPlain", "sent a damaged message"]
        if raised is not None:
            _raise(raised)
        changed = values.decode(reply.get("arguments"))
        if isinstance(changed, list) and len(changed) == len(arguments):
            for own, now in zip(arguments, changed, strict=True):
                _update(own, now)
        return values.decode(reply.get("value"))

    def _reply(self) -> Any:
        try:
            return json.loads(frames.receive(self._replies, self._longest + 1000))
        except frames.Closed:
            raise TextEnded("the text ended its process, or broke a limit") from None
        except frames.TooLong as error:
            raise TextEnded(f"the text returned {error}") from None
        except (ValueError, RecursionError):
            raise TextEnded("the text sent a damaged message") from None


def run(text: Text, names: Sequence[str], tests: Sequence[str]) -> dict[str, Any]:
    """Runs tests in order, all in one namespace.

    Args:
        text: The functions of the text.
        names: The functions that tests may call.
        tests: Python statements.

    Returns:
        {"outcomes": [[passed, calls, reason], ...]}, or {"fault": what is wrong with the tests}.
    """
    namespace: dict[str, Any] = {"__name__": "tests", **{name: text.function(name) for name in names}}
    try:
        codes = [compile(test, "<test>", "exec") for test in tests]
    except (SyntaxError, ValueError) as error:
        return {"fault": f"a test is not valid Python: {error}"}
    outcomes = []
    for code in codes:
        before = text.calls
        try:
            exec(code, namespace)
            reason = ""
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}"[:300].rstrip(": ")
        if text.fault:
            return {"fault": text.fault}
        outcomes.append(Outcome(not reason, text.calls - before, reason))
    return {"outcomes": outcomes}


def _raise(raised: Any) -> NoReturn:
    """Raises what the text raised. Only builtin exceptions have their own class."""
    name, message = raised if isinstance(raised, list) and len(raised) == 2 else ("Exception", "")
    kind = getattr(builtins, str(name), None)
    if name == "NotPlain":
        raise values.NotPlain(str(message))
    if not isinstance(kind, type) or not issubclass(kind, Exception) or name in _NEVER_RAISED:
        raise TextEnded(f"the text raised {name}")
    try:
        error = kind(str(message))
    except TypeError:  # UnicodeDecodeError takes five arguments
        error = Exception(str(message))
    raise error


def _update(own: Any, now: Any) -> None:
    """Changes an argument in place as the text has changed it."""
    if type(own) is not type(now):
        return
    if isinstance(own, list | bytearray):
        own[:] = now
    elif isinstance(own, dict | set):
        own.clear()
        own.update(now)
