"""TextGen-Tiny-v0: a token MDP small enough to solve exactly. For learning, and for testing learners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import permutations
from typing import Any

import numpy as np

from llm_envs.checks.arguments import short
from llm_envs.data import Corpus
from llm_envs.data.splitting import split_examples
from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.envs.vector_env import TokenVectorEnv
from llm_envs.episode import Episode, Example, FinishReason
from llm_envs.tokenizers import Tokenizer, WordTokenizer

LETTERS = "abcdef"


@lru_cache(maxsize=1)
def _corpus() -> Corpus:
    """Three different letters to spell backwards: 120 sources."""
    examples = [Example(" ".join(word), (" ".join(word[::-1]),)) for word in permutations(LETTERS, 3)]
    return Corpus.from_examples(
        "tiny",
        "en",
        split_examples(examples, (0.6, 0.15, 0.25)),
        license="CC0-1.0",
        description="three letters, to be spelled backwards",
    )


def spelled(episode: Episode) -> float:
    """Returns the length of the right beginning over the length of the longer text: 0 to 1."""
    text, reference = episode.text.split(), episode.references[0].split()
    right = 0
    while right < min(len(text), len(reference)) and text[right] == reference[right]:
        right += 1
    return right / max(len(text), len(reference))


class Tiny(Task):
    """Spell three letters backwards, then stop."""

    kind = "tiny"
    default_dataset = "tiny"
    default_max_prompt_tokens = 4
    default_max_new_tokens = 5

    def default_reward(self) -> Any:
        """See `spelled`."""
        return "llm_envs.envs.tiny:spelled"

    def load(self, dataset: str, columns: Mapping[str, str | list[str]] | None) -> Corpus:
        """Returns the only corpus of this task."""
        if dataset != "tiny":
            raise ValueError(f"TextGen-Tiny-v0 has one data set, 'tiny'; got dataset={short(dataset)}")
        if columns is not None:
            raise ValueError(f"TextGen-Tiny-v0 has no columns to choose; got columns={short(columns)}")
        return _corpus()

    def _make_tokenizer(self, spec: str | Mapping[str, Any] | Tokenizer) -> Tokenizer:
        if spec != "word":
            raise ValueError(f"TextGen-Tiny-v0 has one tokenizer, 'word'; got tokenizer={short(spec)}")
        return WordTokenizer(LETTERS, closed=True)


class TinyEnv(TokenEnv):
    """TextGen-Tiny-v0: spell three letters backwards. 8 tokens, 5 steps, and an exact optimal Q.

    Observation: `Box(-1, 7, (9,), int32)`: three letters, a separator, the text so far.

    Action: `Discrete(8)`: the end token, the separator (which spells nothing), the letters a to f.

    Reward: at the end, the length of the right beginning over the length of the longer of text and answer:
    1 for the answer, 2/3 for its first two letters, 0 if the first letter is wrong.

    Terminated: at the end token or after 5 tokens. Truncated: never.

    Info: `example` and `source` at reset, `outcome` at the end (see TokenEnv).

    Version history: v0, first release.
    """

    task_class = Tiny

    def optimal_q(self, example: int | None = None, gamma: float = 1.0) -> dict[tuple[int, ...], np.ndarray]:
        """Returns the optimal action values of one example's MDP, by backward induction over all texts.

        Q*(s, a) = r(s, a) + gamma * max_a' Q*(s', a'), with nothing after the end
        (Sutton and Barto 2018, eq. 3.20).

        Args:
            example: Index of the example. None takes that of the current episode.
            gamma: Discount.

        Returns:
            Tokens written so far -> float64 (8,), for all 2,801 texts that can go on.
        """
        index = self._session.index if example is None else example
        if index < 0:
            raise ValueError("no episode yet: call reset() first, or name an example")
        task = self.task
        chosen = task.examples[index]
        ends = self._ends

        def score(ids: tuple[int, ...], final: bool) -> float:
            reason: FinishReason | None = ("stop" if ids[-1] in ends else "length") if final else None
            return task.reward(Episode(chosen, task.tokenizer.decode(ids), ids, reason))

        values: dict[tuple[int, ...], np.ndarray] = {}

        def solve(ids: tuple[int, ...], before: float) -> float:
            q = np.empty(task.vocabulary_size)
            for action in range(task.vocabulary_size):
                after_ids = (*ids, action)
                final = action in ends or len(after_ids) == task.max_new_tokens
                after = score(after_ids, final) if final or task.timing.needs_prefixes else 0.0
                q[action] = task.timing.pay(before, after, finished=final)
                if not final:
                    q[action] += gamma * solve(after_ids, after)
            values[ids] = q
            return float(q.max())

        solve((), 0.0)
        return values

    def written(self, observation: Sequence[int] | np.ndarray) -> tuple[int, ...]:
        """Returns the tokens written so far in an observation: the key into `optimal_q()`."""
        answer = np.asarray(observation)[self.task.max_prompt_tokens :]
        return tuple(answer[answer >= 0].tolist())


class TinyVectorEnv(TokenVectorEnv):
    """Many TinyEnv that step together."""

    task_class = Tiny
