"""Candidates: the k best next tokens of a reference language model, as an agent observes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from llm_envs.checks.types import as_index
from llm_envs.lm.scorer import Scorer, make_scorer

LOWEST = -100.0
"""The least log-probability shown, in nats. Less likely, forbidden and missing tokens have it too."""

Observation = dict[str, np.ndarray]


class Candidates:
    """The k best next tokens of every row, as an agent observes them.

    Args:
        scorer: Returns the log-probabilities of every next token.
        vocabulary_size: Number of tokens V.
        k: Number of candidates.
        end_token_ids: If none of these is among the k best, the likeliest of them takes the last place.
        mask: The environment's `action_mask`, bool (n, V) from observations. A forbidden token is a candidate
            only if there are too few others.

    Attributes:
        ids: int32 (n, k), the current candidates; -1 in a row that is over.
    """

    def __init__(
        self,
        scorer: Scorer,
        vocabulary_size: int,
        k: int,
        end_token_ids: Sequence[int],
        mask: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self._scorer, self._size, self.k, self._mask = scorer, vocabulary_size, k, mask
        self._ends = np.array(sorted(set(end_token_ids)), np.int64)
        self._read = np.empty((0, 0), np.int32)
        self.ids = np.empty((0, k), np.int32)

    def observe(self, tokens: np.ndarray, over: np.ndarray | None = None) -> Observation:
        """Returns what an agent sees for observations int32 (n, L).

        Rows that are over, bool (n,), are not scored.
        """
        over = np.zeros(len(tokens), dtype=bool) if over is None else over
        self.ids = np.full((len(tokens), self.k), -1, np.int32)
        log_probs = np.full((len(tokens), self.k), LOWEST, np.float32)
        if not over.all():
            if self._read.shape != tokens.shape:
                # A row that has not begun has no text, so it borrows another's.
                self._read = np.where(over[:, None], tokens[~over][:1], tokens)
            self._read = np.where(over[:, None], self._read, tokens)
            scores = self._scored(self._read)
            for row in np.flatnonzero(~over).tolist():
                best = self._best(scores[row])
                self.ids[row] = best
                log_probs[row] = np.clip(scores[row, best], LOWEST, 0.0)
        return {"candidates": self.ids.copy(), "log_probs": log_probs, "tokens": tokens}

    def tokens(self, actions: np.ndarray) -> np.ndarray:
        """Returns the token ids int64 (n,) of actions (n,).

        0 in a row that is over, where actions have no effect.
        """
        picked = np.take_along_axis(self.ids, np.asarray(actions, np.int64)[:, None], axis=1)[:, 0]
        return picked.clip(min=0).astype(np.int64)

    def _scored(self, tokens: np.ndarray) -> np.ndarray:
        scores = np.asarray(self._scorer(tokens))
        wanted = (len(tokens), self._size)
        if scores.shape != wanted:
            raise ValueError(
                f"the scorer gave shape {scores.shape} for observations {tokens.shape}; log-probabilities of "
                f"the environment's {self._size} tokens have shape {wanted}"
            )
        if np.isnan(scores).any() or scores.max() > 1e-3:
            raise ValueError(
                f"the scorer gave {scores.max()}, and log-probabilities are numbers of at most 0: take the "
                "log-softmax of logits"
            )
        return scores if self._mask is None else np.where(self._mask(tokens), scores, -np.inf)

    def _best(self, scores: np.ndarray) -> np.ndarray:
        """The k best of scores (V,), the likeliest first, the lower id first where they are equal."""
        least = np.partition(scores, self._size - self.k)[self._size - self.k]
        (found,) = (scores >= least).nonzero()
        best = found[np.argsort(-scores[found], kind="stable")][: self.k]
        if len(self._ends) and not np.isin(self._ends, best).any():
            likeliest = self._ends[scores[self._ends].argmax()]
            if scores[likeliest] > -np.inf:
                best[-1] = likeliest
        return best


class CandidateRule:
    """The checked arguments of both wrappers, turned into spaces and candidates.

    Args: as for `llm_envs.wrappers.top_k.TopKActions`, with the spaces of one row.
    """

    def __init__(
        self,
        env: Any,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
        *,
        lm: Any,
        k: int,
        end_token_ids: Sequence[int] | None,
        device: str,
        dtype: str,
    ) -> None:
        size, length = _check_spaces(observation_space, action_space)
        try:
            number = as_index(k)
        except TypeError:
            number = 0
        if not 2 <= number <= size:
            raise ValueError(f"k={k!r} must be a whole number from 2 to V={size}, the size of the vocabulary")
        tokenizer = getattr(env.unwrapped, "tokenizer", None)
        if end_token_ids is None:
            if tokenizer is None:
                raise ValueError(
                    f"{env.unwrapped!r} has no tokenizer that names its end tokens: give "
                    "end_token_ids=[...], or [] where none has to stay among the candidates"
                )
            end_token_ids = tokenizer.end_token_ids
        try:
            self.ends = tuple(map(as_index, end_token_ids))
        except TypeError:
            raise ValueError(f"end_token_ids={end_token_ids!r}: give token ids, such as [0]") from None
        if wrong := [i for i in self.ends if not 0 <= i < size]:
            raise ValueError(
                f"end_token_ids={list(self.ends)}: {wrong[0]} is not a token id, 0 to {size - 1}"
            )
        self.k, self.size = number, size
        self._mask = _action_mask(env)
        self._lm = lm
        self._scorer_options: dict[str, Any] = {
            "vocabulary_size": size,
            "context_length": length,
            "tokenizer": tokenizer,
            "device": device,
            "dtype": dtype,
        }
        self.observation_space = spaces.Dict(
            {
                "tokens": observation_space,
                "candidates": spaces.Box(-1, size - 1, (number,), np.int32),
                "log_probs": spaces.Box(LOWEST, 0.0, (number,), np.float32),
            }
        )
        self.action_space = spaces.Discrete(number)

    def candidates(self) -> Candidates:
        """Returns candidates that have read nothing yet."""
        scorer = make_scorer(self._lm, **self._scorer_options)
        return Candidates(scorer, self.size, self.k, self.ends, self._mask)


def _action_mask(env: Any) -> Callable[[np.ndarray], np.ndarray] | None:
    """Returns the `action_mask` of an environment or of a wrapper around it, None if there is none."""
    if isinstance(env, gym.Env) and env.has_wrapper_attr("action_mask"):
        return env.get_wrapper_attr("action_mask")
    return getattr(env.unwrapped, "action_mask", None)


def _check_spaces(observation: gym.Space[Any], action: gym.Space[Any]) -> tuple[int, int]:
    """Returns V and L of a token environment's spaces."""
    if not isinstance(action, spaces.Discrete) or action.start != 0:
        raise ValueError(f"TopKActions chooses tokens: the action space must be Discrete(V), got {action}")
    if (
        not isinstance(observation, spaces.Box)
        or len(observation.shape) != 1
        or observation.dtype != np.int32
        or (observation.low != -1).any()
        or (observation.high != action.n - 1).any()
    ):
        raise ValueError(
            "TopKActions reads tokens: the observation space must be Box(-1, V-1, (L,), int32) with "
            f"V={action.n}, got {observation}"
        )
    return int(action.n), observation.shape[0]
