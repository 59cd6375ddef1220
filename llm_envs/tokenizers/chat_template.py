"""Chat templates as markers: what a template puts around turns, found by rendering it.

Environments append tokens and never render earlier turns again. So each turn must add the same tokens to
what is before it. This is checked here, on the strings and on their tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

# Templates that print the date print this one. Today's date would change the environment every day.
_ONE_DAY = "{% macro strftime_now(format) %}01 Jan 2025{% endmacro %}"
_SAID = ("alpha", "bravo", "charlie", "delta", "echo")


class ChatTemplateError(ValueError):
    """A chat template is not append-only: turns cannot be written one after the other."""


def template_markers(
    tokenizer: Any, end: str, encode: Callable[[str], Sequence[int]]
) -> dict[str, tuple[int, ...]]:
    """Returns the markers of a dialogue in a tokenizer's own chat template.

    Args:
        tokenizer: A transformers tokenizer with a chat template.
        end: The token that ends the agent's turn, as text.
        encode: Converts text, special tokens included, to ids.

    Returns:
        Ids by name. "start" and "user" are together everything before the words of the first turn. "opening"
        is the same in one, if a turn in the middle begins differently. "agent" leads from the end of a user's
        words to the start of the agent's. "database" is a user turn that says so. "separator" equals "agent".

    Raises:
        ChatTemplateError: The template is not append-only, or does not end a turn with `end`.
    """
    template = _ONE_DAY + tokenizer.get_chat_template()

    def render(turns: int) -> str:
        roles = ("user", "assistant")
        messages = [{"role": roles[i % 2], "content": _SAID[i]} for i in range(turns)]
        text: str = tokenizer.apply_chat_template(
            messages, chat_template=template, tokenize=False, add_generation_prompt=True
        )
        return text

    def refuse(why: str) -> ChatTemplateError:
        return ChatTemplateError(
            f"the chat template of {getattr(tokenizer, 'name_or_path', tokenizer)!r} {why}; pass "
            "tokenizer={'id': 'hf:...', 'chat_template': false} for plain role markers"
        )

    try:
        texts = [render(turns) for turns in (1, 3, 5)]
    except Exception as error:  # a template is a program and may raise anything
        raise refuse(f"cannot be rendered ({type(error).__name__}: {error})") from error
    if any(text.count(said) != 1 for text, n in zip(texts, (1, 3, 5), strict=True) for said in _SAID[:n]):
        raise refuse("does not say every turn once")
    opening, agent = texts[0].split(_SAID[0])
    between = texts[1].split(_SAID[1])[1].split(_SAID[2])[0]
    if not between.startswith(end):
        raise refuse(f"ends the agent's turn with {between[:20]!r}, and the end token is {end!r}")
    user = between.removeprefix(end)
    for text, turns in zip(texts, (1, 3, 5), strict=True):
        wanted = opening + _SAID[0] + agent
        for turn in range(1, turns, 2):
            wanted += _SAID[turn] + end + user + _SAID[turn + 1] + agent
        if text != wanted:
            raise refuse("is not append-only: a later turn changes what stands before it")
        pieces = [encode(opening), encode(_SAID[0]), encode(agent)]
        for turn in range(1, turns, 2):
            pieces += [encode(_SAID[turn]), encode(end), encode(user), encode(_SAID[turn + 1]), encode(agent)]
        if [i for piece in pieces for i in piece] != list(encode(text)):
            raise refuse("has markers whose tokens depend on the words beside them")
    return {
        "start": tuple(encode(opening.removesuffix(user))) if opening.endswith(user) else (),
        "opening": tuple(encode(opening)),
        "user": tuple(encode(user)),
        "database": tuple(encode(user + "database: ")),
        "agent": tuple(encode(agent)),
        "separator": tuple(encode(agent)),
    }
