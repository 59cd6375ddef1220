"""Language models without training: greedy, sampling, and the best of n samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from llm_baselines.configuration.options import option
from llm_baselines.lm.policy import LanguagePolicy
from llm_baselines.lm.precision import DTYPES
from llm_baselines.play.exploration import Exploration, draw
from llm_baselines.play.played_examples import PlayedExamples
from llm_baselines.play.sampling import uniforms
from llm_envs.data.corpus import example_digest
from llm_envs.envs.task import Task
from llm_envs.episode import Episode, Example
from llm_envs.lm.reader import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModelConfig:
    """The options of a language model that is not trained."""

    dtype: str = option("auto", "number type: 'float32', 'bfloat16', or 'auto' for the faster one")
    temperature: float = option(1.0, "logits are divided by it before sampling", above=0, decoding=True)
    top_k: int = option(0, "sampling is from the k best tokens; 0: from all", at_least=0, decoding=True)
    top_p: float = option(1.0, "nucleus (Holtzman et al. 2020); 1: all", above=0, at_most=1, decoding=True)
    n: int = option(
        8, "samples of which lm_best_of_n takes the best (Stiennon et al. 2020)", at_least=1, decoding=True
    )

    def __post_init__(self) -> None:
        if self.dtype not in ("auto", *DTYPES):
            raise ValueError(f"unknown dtype={self.dtype!r}; there are auto, {', '.join(DTYPES)}")

    def make_sampling(self) -> Exploration:
        """Returns the sampling that these options describe."""
        return Exploration("sample", self.temperature, self.top_k, self.top_p)


class SamplingModel(LanguagePolicy):
    """Draws every token from the model, also with deterministic=True.

    The drawn token is a function of the seed and the observation.
    """

    name = "lm_sample"
    config_class = LanguageModelConfig
    greedy: ClassVar[bool] = False

    def _build(self) -> None:
        super()._build()
        self._sampling = self.config.make_sampling()

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns actions int64 (n,) for observations int32 (n, L)."""
        return super().predict(observation, state, episode_start, deterministic=self.greedy)

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """Returns the distribution with temperature, top_k and top_p: float32 (n, V)."""
        return self._sampling.probabilities(scores, support=scores > -torch.inf)


class GreedyModel(SamplingModel):
    """Takes the likeliest token."""

    name = "lm_greedy"
    greedy = True


class BestOfN(SamplingModel):
    """Draws n texts for each prompt, scores them with the environment's reward and writes the best.

    It reads the reward of the example during evaluation, which no other agent does. So its score is an upper
    bound on choosing among n samples, at n times the tokens.

    Attributes:
        tokens: Tokens drawn so far.

    Raises:
        ValueError: The environment is not one of ours, or has more than one turn.
    """

    name = "lm_best_of_n"

    def _build(self) -> None:
        super()._build()
        if not self.native or self.task.max_turns > 1:
            raise ValueError(
                f"lm_best_of_n writes one text to one prompt of our environments, not {self.env}"
            )
        self.tokens = 0
        self._best: dict[tuple[bytes, bytes], list[int]] = {}
        self._played = PlayedExamples(self.task, lambda example: example)

    def begin_episodes(self, rows: Sequence[int], examples: Sequence[Example], state: Any = None) -> Any:
        """Returns the state for `predict` in which these rows begin episodes on these examples."""
        return self._played.begin(rows, examples, state)

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns actions int64 (n,) for observations int32 (n, L): the next token of the best text."""
        observation = np.asarray(observation)
        rows = np.atleast_2d(observation)
        width = self.task.max_prompt_tokens
        examples, state = self._played.answers(rows, state, episode_start)
        actions = np.empty(len(rows), np.int64)
        for row, example in enumerate(examples):
            prompt = rows[row, :width].astype(np.int32)
            key = prompt.tobytes(), example_digest(example)
            if key not in self._best:
                self._best[key] = self.best_text(example, prompt)
            text, written = self._best[key], int((rows[row, width:] >= 0).sum())
            actions[row] = text[min(written, len(text) - 1)]
        return (actions if observation.ndim > 1 else actions[0]), state

    @torch.no_grad()
    def best_text(self, example: Example, prompt: np.ndarray) -> list[int]:
        """Returns the best of n texts, as token ids.

        Args:
            example: The example that the reward scores the texts on.
            prompt: int32 (max_prompt_tokens,).
        """
        task: Task = self.task
        texts: list[list[int]] = [[] for _ in range(self.config.n)]
        reader, going = Reader(self.acting_model()), np.arange(self.config.n)
        observation = np.full((self.config.n, task.context_length), -1, np.int32)
        observation[:, : len(prompt)] = prompt
        for column in range(len(prompt), task.context_length):
            scores = self.bounded_scores([reader.read(observation)], observation)
            numbers = [uniforms((self.seed, int(i)), observation[at]) for at, i in enumerate(going)]
            actions = draw(self.acting_probabilities(scores), np.array(numbers))
            observation[:, column] = actions
            for i, action in zip(going, actions.tolist(), strict=True):
                texts[i].append(action)
            self.tokens += len(going)
            stay = np.flatnonzero(~task.is_end[actions])
            if not len(stay):
                break
            if len(stay) < len(going):
                going, observation = going[stay], observation[stay]
                reader.keep(stay)
        episodes = [
            Episode(example, task.tokenizer.decode(t), tuple(t), "stop" if task.is_end[t[-1]] else "length")
            for t in texts
        ]
        return texts[int(np.argmax(task.reward.score_batch(episodes)[0]))]
