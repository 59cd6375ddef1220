"""Work of language models that the throughput report measures: updates, supervised steps, rollouts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from llm_benchmarks.throughput.comparison_line import Work
from llm_envs.envs.task import Task


def seconds_of(step: Callable[[], Any]) -> Work:
    """Returns a work that does a step and gives its seconds."""

    def work() -> float:
        started = time.perf_counter()
        step()
        return time.perf_counter() - started

    return work


def random_trajectories(episodes: int, prompt: int, answer: int, vocabulary: int) -> list[Any]:
    """Returns trajectories of random tokens, all of full length.

    Args:
        episodes: Number of trajectories.
        prompt: Tokens of a prompt.
        answer: Tokens of an answer.
        vocabulary: Number of token ids.
    """
    from llm_baselines.play.trajectory import Trajectory

    rng, length = np.random.default_rng(0), prompt + answer
    nothing = np.zeros(answer, np.float32)
    return [
        Trajectory(
            rng.integers(vocabulary, size=length).astype(np.int32),
            np.arange(prompt, length, dtype=np.int32),
            rng.random(answer).astype(np.float32),
            nothing,
            nothing,
            example=number // 4,
        )
        for number in range(episodes)
    ]


def dqn_update(objective: Any, batch: Any) -> Callable[[], None]:
    """Returns a TokenDQN update on a batch: targets, loss, optimizer step, target network."""
    groups = [{"params": group["params"]} for group in objective.parameter_groups()]
    optimizer = torch.optim.AdamW(groups, lr=1e-6)

    def update() -> None:
        objective.begin_update(10**6).part(batch, None).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        objective.refresh_target(0.05)

    return update


def supervised_step(lm: Any, batch: Any) -> Callable[[], None]:
    """Returns a maximum-likelihood step on a batch, over all trainable parameters."""
    from llm_baselines.lm.teacher_forcing import token_losses

    optimizer = torch.optim.AdamW([p for p in lm.parameters() if p.requires_grad], lr=1e-6)

    def step() -> None:
        token_losses(lm, batch, 0.0)[0].backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def left_padded(prompts: Sequence[np.ndarray]) -> np.ndarray:
    """Returns prompts of different lengths as one array (n, p), with -1 on the left."""
    padded = np.full((len(prompts), max(map(len, prompts))), -1, np.int64)
    for row, prompt in zip(padded, prompts, strict=True):
        row[len(row) - len(prompt) :] = prompt
    return padded


def rollout_work(lm: Any, reference: Any, prompts: np.ndarray, lengths: np.ndarray) -> Work:
    """Returns a work that gives tokens per second of rollouts, including the reference's pass.

    Args:
        lm: The model that samples.
        reference: The reference model.
        prompts: Token ids, (n, p).
        lengths: Tokens of each text, (n,).
    """
    from llm_baselines.lm.teacher_forcing import with_reference
    from llm_baselines.play.exploration import draw
    from llm_baselines.play.rollout import play_episodes
    from llm_envs.lm.reader import Reader

    class Sampler:
        def __init__(self) -> None:
            self.reader = Reader(lm)

        def act(self, observation: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
            scores = lm.log_probs(self.reader.read(observation))
            actions = draw(scores.exp(), rng.random(len(observation)))
            return actions, scores.gather(1, torch.as_tensor(actions)[:, None])[:, 0].numpy()

        def keep(self, rows: np.ndarray) -> None:
            self.reader.keep(rows)

    def work() -> float:
        started = time.perf_counter()
        with torch.no_grad():
            played = play_episodes(
                _KnownLengths(prompts, lengths),
                Sampler(),
                seeds=[0] * len(prompts),
                examples=None,
                vocabulary_size=lm.vocabulary_size,
                rng=np.random.default_rng(0),
            )
            with_reference(reference, played, 4096)
        return sum(map(len, played)) / (time.perf_counter() - started)

    return work


def generate_work(lm: Any, prompts: np.ndarray, lengths: np.ndarray) -> Work:
    """Returns a work that gives tokens per second of `generate` with sampling.

    Args:
        lm: The model that samples.
        prompts: Token ids, (n, p); -1 on the left of a shorter one.
        lengths: Tokens of each text, (n,); all rows are computed until the longest ends.
    """
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Ends(StoppingCriteria):
        def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
            return torch.as_tensor(input_ids.shape[1] - prompts.shape[1] >= lengths, device=input_ids.device)

    inputs = torch.as_tensor(prompts, dtype=torch.int64, device=lm.device)
    present = (inputs >= 0).long()

    def work() -> float:
        started = time.perf_counter()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            lm.model.generate(
                input_ids=inputs.clamp(min=0),
                attention_mask=present,
                do_sample=True,
                top_k=0,
                max_new_tokens=int(lengths.max()),
                pad_token_id=0,
                eos_token_id=None,
                stopping_criteria=StoppingCriteriaList([Ends()]),
            )
        return float(lengths.sum() / (time.perf_counter() - started))

    return work


class _KnownLengths:
    """Rows that end after given numbers of tokens, so that both sides write as many."""

    refills = False
    task: Task | None = None

    def __init__(self, prompts: np.ndarray, lengths: np.ndarray) -> None:
        self.num_envs = len(prompts)
        self._prompts = prompts
        self._ends = prompts.shape[1] + lengths

    def reset(self, seeds: Any, examples: Any) -> np.ndarray:
        rows, self._column = self._prompts.shape
        self._tokens = np.full((rows, self._ends.max()), -1, np.int32)
        self._tokens[:, : self._column] = self._prompts
        return self._tokens.copy()

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        raise NotImplementedError

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        self._tokens[rows, self._column] = actions
        self._column += 1
        over = self._column >= self._ends[rows]
        return self._tokens[rows].copy(), np.zeros(len(rows)), over, np.zeros(len(rows), bool)

    def outcome(self, row: int) -> None:
        """Nothing is scored."""

    def close(self) -> None:
        """Nothing to close."""
