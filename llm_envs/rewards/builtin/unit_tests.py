"""Whether a program that a model wrote passes its tests."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from llm_envs.episode import Episode
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.sandbox.runner import Limits, SandboxError, check_sandbox, run_tests, syntax_faults
from llm_envs.rewards.signatures import number_text

_KEPT = 4096
_DEFINED = re.compile(r"^(?:async )?def\s+(\w+)", re.MULTILINE)


class UnitTests:
    """Runs Python against the example's tests: 1 if all pass, else 0 (pass@1 of Chen et al. 2021).

    The text runs in a process of its own without files, network, other processes or the user's environment,
    with limits of time, memory and output. Its tests run in another one (`llm_envs/rewards/sandbox`). Only
    plain values cross between them: numbers, texts, lists, tuples, sets and dictionaries. A text may import
    most of the standard library. It costs some 10 ms a text, and the time limit at most. The share of tests
    that pass is recorded as "unit_tests/share". Linux only. Files that name it need
    `--allow-code unit_tests`.

    Args:
        score: "all", or "share". A text that always returns the same value passes some tests of many
            functions, so a share is easier to earn without skill.
        given: "source" if the text continues the source, such as a body after its signature; "nothing" if the
            text is the whole program.
        key: The entry of `example.metadata` with the tests: statements that call the function. Statements
            that call nothing prepare the others and do not count.
        timeout: Seconds of computation.
        memory_mb: Megabytes, beyond the interpreter's.
        context: Says which lists examples have.

    Raises:
        ValueError: An option is out of range, or examples have no such list. When it scores: this machine has
            no sandbox, or the tests are no Python, call nothing, or pass on what is no plain value.
    """

    lazy = True  # other systems can make the environment, and choose another reward

    def __init__(
        self,
        *,
        score: str = "all",
        given: str = "source",
        key: str = "tests",
        timeout: float = 2.0,
        memory_mb: int = 256,
        context: RewardContext | None = None,
    ) -> None:
        if score not in ("all", "share"):
            raise ValueError(f"unknown score={score!r}; 'all' or 'share'")
        if given not in ("source", "nothing"):
            raise ValueError(f"unknown given={given!r}; 'source' or 'nothing'")
        if not 0.01 <= timeout <= 600.0:
            raise ValueError(f"timeout is in seconds, from 0.01 to 600, got {timeout!r}")
        if not 16 <= memory_mb <= 65536:
            raise ValueError(f"memory_mb is a whole number from 16 to 65536, got {memory_mb!r}")
        if context is not None:
            context.require_list(key)
        self._all, self._continues, self._key = score == "all", given == "source", key
        self._known: OrderedDict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[float, float]] = (
            OrderedDict()
        )
        self._limits = Limits(cpu_seconds=float(timeout), memory=memory_mb << 20)
        self.signature = (
            f"unit_tests|score:{score}|given:{given}|key:{key}|timeout:{number_text(timeout)}|"
            f"memory_mb:{memory_mb}|v1"
        )

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_parts(episode)[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[tuple[float, dict[str, float]]]:
        """Returns the scores of many episodes. Texts that are no Python are found in one go."""
        try:
            check_sandbox()
            faults = syntax_faults([self._program(episode) for episode in episodes], self._limits)
        except SandboxError as error:
            raise ValueError(f"{error}; another reward for code is 'bleu'") from error
        return [
            (0.0, {"share": 0.0}) if fault and self._tests(episode) else self.score_parts(episode)
            for fault, episode in zip(faults, episodes, strict=True)
        ]

    def score_parts(self, episode: Episode) -> tuple[float, dict[str, float]]:
        """Returns the score, and beside it "share", the share of tests that pass."""
        tests, names, program = self._tests(episode), self._names(episode), self._program(episode)
        key = (program, tuple(tests), tuple(names))
        if key not in self._known:
            self._known[key] = self._scored(program, tests, names)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        score, share = self._known[key]
        return score, {"share": share}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": OrderedDict()}

    def _program(self, episode: Episode) -> str:
        return episode.source + episode.text if self._continues else episode.text

    def _scored(self, program: str, tests: Sequence[str], names: Sequence[str]) -> tuple[float, float]:
        """Returns the score and the share."""
        try:
            check_sandbox()
        except SandboxError as error:
            raise ValueError(f"{error}; another reward for code is 'bleu'") from error
        try:
            outcomes = run_tests(program, tests, names, self._limits)
        except SandboxError as error:
            raise ValueError(f"unit_tests: {error}") from error
        counted = [outcome.passed for outcome in outcomes if outcome.calls]
        if not counted:
            raise ValueError(f"unit_tests: no test calls {' or '.join(names)}, so none can tell")
        share = sum(counted) / len(counted)
        passes = float(all(outcome.passed for outcome in outcomes))
        return passes if self._all else share, share

    def _tests(self, episode: Episode) -> Sequence[str]:
        tests = episode.example.metadata.get(self._key)
        if not isinstance(tests, list | tuple) or not tests or not all(isinstance(t, str) for t in tests):
            raise ValueError(
                f"unit_tests needs a list of Python statements in the example's metadata[{self._key!r}], got "
                f"{tests!r}"
            )
        return tests

    def _names(self, episode: Episode) -> list[str]:
        """Returns the functions that tests may call: the request's, and none that only the text defines."""
        name = episode.example.metadata.get("name")
        names = [name] if isinstance(name, str) and name.isidentifier() else []
        if self._continues:
            names += [found for found in _DEFINED.findall(episode.source) if found not in names]
        if not names:
            raise ValueError(
                "unit_tests: which function do the tests call? Give it as the example's metadata['name']"
            )
        return names
