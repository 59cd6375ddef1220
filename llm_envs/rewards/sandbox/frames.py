"""Messages between processes: four bytes of length, then bytes. Reads are bounded."""

from __future__ import annotations

import os

LONGEST = 16 << 20


class Closed(Exception):
    """The other side has closed the pipe, which may mean that it was killed."""


class TooLong(Exception):
    """A message is longer than allowed."""


def send(pipe: int, data: bytes) -> None:
    """Writes one message.

    Raises:
        Closed: Nobody reads any more.
    """
    left = memoryview(len(data).to_bytes(4, "big") + data)
    try:
        while left:
            left = left[os.write(pipe, left) :]
    except BrokenPipeError:
        raise Closed from None


def receive(pipe: int, longest: int = LONGEST) -> bytes:
    """Reads one message.

    Raises:
        Closed: The pipe ended.
        TooLong: The message is longer than `longest`.
    """
    length = int.from_bytes(_exactly(pipe, 4), "big")
    if length > longest:
        raise TooLong(f"{length:,} bytes; at most {longest:,}")
    return _exactly(pipe, length)


def _exactly(pipe: int, length: int) -> bytes:
    parts = []
    while length:
        part = os.read(pipe, min(length, 1 << 16))
        if not part:
            raise Closed
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
