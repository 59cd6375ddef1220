"""The classes of a growing text: those that later words can no longer change, and those that they can."""

from __future__ import annotations

from collections.abc import Sequence

from llm_envs.rewards.grammar.tagger import BEGIN, Best, Came, Tagger, trace

_MANY = 32  # undecided tokens from which on the best paths are compared

Tagged = list[tuple[str, str]]
"""Tokens, each with its class."""


class GrowingClasses:
    """Follows the likeliest classes of a growing text.

    A token whose word has one class decides all classes before it. Where none comes for long, the best paths
    are compared: what they have in common is decided too.

    Args:
        tagger: Gives the classes.
    """

    __slots__ = ("_best", "_compare_at", "_steps", "_tagger", "_tokens")

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        self._best: Best = BEGIN
        self._steps: list[Came] = []
        self._tokens: list[str] = []  # undecided
        self._compare_at = _MANY

    def read(self, tokens: Sequence[str]) -> Tagged:
        """Reads tokens that stay. Returns the tokens that are decided by them, with their classes."""
        decided: Tagged = []
        for token in tokens:
            self._best, came = self._tagger.step(self._best, token)
            self._steps.append(came)
            self._tokens.append(token)
            if len(self._best) == 1:
                decided += self._decide(len(self._tokens), trace(self._best, self._steps))
            elif len(self._tokens) >= self._compare_at:
                decided += self._decide(*self._common())
        return decided

    def behind(self, tokens: Sequence[str]) -> Tagged:
        """Returns the undecided tokens, and some behind them, with their classes if the text ended there."""
        best, steps = self._best, self._steps
        if tokens:
            steps = [*steps]
            for token in tokens:
                best, came = self._tagger.step(best, token)
                steps.append(came)
        if not steps:
            return []
        return list(zip([*self._tokens, *tokens], trace(best, steps), strict=True))

    def _decide(self, count: int, classes: Sequence[str]) -> Tagged:
        decided = list(zip(self._tokens[:count], classes[:count], strict=True))
        del self._tokens[:count], self._steps[:count]
        self._compare_at = len(self._tokens) + _MANY
        return decided

    def _common(self) -> tuple[int, list[str]]:
        """Returns how many tokens have the same class on every best path, and the classes of one path."""
        paths = set(range(len(self._best)))
        for at in range(len(self._steps) - 1, -1, -1):
            came = self._steps[at]
            if len(paths) == 1:  # all come through one class of this token
                (source,) = paths
                classes = []
                for step in reversed(self._steps[: at + 1]):
                    tag, source = step[source]
                    classes.append(tag)
                return at + 1, classes[::-1]
            paths = {came[path][1] for path in paths}
        return 0, []
