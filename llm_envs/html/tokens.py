"""Where the tokens of a text stand in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol


class Decoder(Protocol):
    """What is needed of a tokenizer here."""

    @property
    def end_token_ids(self) -> Collection[int]:
        """Ids that end the agent's turn."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of token ids."""
        ...


def token_spans(
    tokenizer: Decoder, text: str, action_ids: Sequence[int], turn_limit: int | None = None
) -> list[tuple[int, int]]:
    """Returns where each token begins and ends in a text, in characters.

    Args:
        tokenizer: The tokenizer that wrote the text.
        text: The agent's text. The turns of a dialogue are its lines.
        action_ids: The agent's tokens.
        turn_limit: The most tokens of a turn, after which the next begins. None: only end tokens end turns.

    Returns:
        One pair for each token. A token without characters, such as an end token, is empty.
    """
    start = end = 0
    spans: list[tuple[int, int]] = []
    turn: list[int] = []
    for token in action_ids:
        turn.append(token)
        begin = max(start, end)
        end = max(end, start + _shared(tokenizer.decode(turn), text[start:]))
        spans.append((min(begin, end), end))
        if token in tokenizer.end_token_ids or len(turn) == turn_limit:
            line_end = text.find("\n", end)
            start, turn = (len(text) if line_end < 0 else line_end + 1), []
    return spans


def _shared(a: str, b: str) -> int:
    """Returns how many characters two texts share at their beginning."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))
