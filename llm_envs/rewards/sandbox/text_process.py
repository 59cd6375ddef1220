"""The process of a text: defines its functions, then answers calls. It is told no test."""

from __future__ import annotations

import json
import random
from typing import Any

from llm_envs.rewards.sandbox import frames, values

MESSAGE = 300
"""Characters of an error message that are passed on."""


def check_syntax(programs: list[str], report: int) -> None:
    """Reports for each program what is wrong with its syntax, "" if nothing is. Runs none of them.

    Args:
        programs: Python sources.
        report: The pipe that takes the list.
    """
    faults = []
    for program in programs:
        try:
            compile(program, "<text>", "exec")
            faults.append("")
        except BaseException as error:
            faults.append(": ".join(_described(error)))
    frames.send(report, json.dumps(faults).encode())


def serve(program: str, requests: int, replies: int, longest: int) -> None:
    """Runs a program and answers calls of its functions until the pipe ends.

    Args:
        program: Python source.
        requests: The pipe that brings calls.
        replies: The pipe that takes values.
        longest: Bytes of an answer.
    """
    namespace: dict[str, Any] = {"__name__": "text"}
    random.seed(0)
    try:
        exec(compile(program, "<text>", "exec"), namespace)
        broken = ""
    except BaseException as error:
        broken = ": ".join(_described(error))
    frames.send(replies, broken.encode("utf-8", "replace"))
    while not broken:
        call = json.loads(frames.receive(requests))
        frames.send(replies, _answer(namespace, call, longest))


def _answer(namespace: dict[str, Any], call: dict[str, Any], longest: int) -> bytes:
    """Returns {"value", "arguments"}, or {"raised"}. Arguments may have been changed in place."""
    try:
        arguments = values.decode(call["arguments"])
        options = values.decode(call["options"])
        if call["name"] not in namespace:
            raise NameError(f"name {call['name']!r} is not defined")
        value = namespace[call["name"]](*arguments, **options)
        answer = json.dumps({"value": values.encode(value), "arguments": values.encode(arguments)}).encode()
        if len(answer) > longest:
            raise values.NotPlain(f"{len(answer):,} bytes; at most {longest:,} are read")
    except values.NotPlain as error:
        return json.dumps({"raised": ["NotPlain", f"returned {error}"]}).encode()
    except BaseException as error:
        return json.dumps({"raised": _described(error)}).encode()
    return answer


def _described(error: BaseException) -> list[str]:
    """Returns the name of the nearest builtin class of an error, and its message."""
    try:
        message = str(error)[:MESSAGE]
    except BaseException:
        message = ""
    builtin = next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")
    return [builtin.__name__, message]
