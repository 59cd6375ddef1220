"""The reward of each token of a recorded text, from playing its actions again.

A record holds the reward of a whole text. The environment pays the same reward along the text with
`reward_timing="dense"`: each token gets what it adds to the score of the text before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

import llm_envs
from llm_benchmarks.records.record import Record
from llm_envs.html import token_spans

_TOLERANCE = 1e-6
_DIGITS = 4


@dataclass(frozen=True)
class TokenRewards:
    """The tokens of one text.

    Attributes:
        ends: Where each token ends in the text, in characters. A token without characters, such as an end
            token, ends where the one before it ends.
        rewards: The reward of each token. Their sum is the reward of the text.
    """

    ends: tuple[int, ...]
    rewards: tuple[float, ...]


class TokenReplay:
    """Plays recorded episodes of one environment again.

    Args:
        record: One of the records. Only environments of this package with their own data and reward are
            made: a store is other people's data, and must not choose what is read or run.
    """

    def __init__(self, record: Record) -> None:
        environment, evaluation = record.spec.environment, record.evaluation
        self._env: gym.Env[Any, Any] | None = None
        plain = not environment.module and not environment.kwargs and evaluation.reward.spec == "default"
        if plain and environment.id in llm_envs.list_envs():
            env = gym.make(environment.id, split=evaluation.split, reward_timing="dense")
            if env.unwrapped.task.signature == environment.signature:  # type: ignore[attr-defined]
                self._env = env

    def of(self, episode: Mapping[str, Any]) -> TokenRewards | None:
        """Returns the rewards of an episode's tokens.

        Args:
            episode: A row of the evaluation.

        Returns:
            The rewards; None if the environment cannot be made, or does not repeat the episode.
        """
        env = self._env
        if env is None or not episode["action_ids"]:
            return None
        try:
            env.reset(seed=episode["seed"], options={"example": episode["example"]})
            rewards, info = [], dict[str, Any]()
            for action in episode["action_ids"]:
                _, reward, terminated, _, info = env.step(action)
                rewards.append(float(reward))
                if terminated:
                    break
        except (IndexError, gym.error.Error):  # another data set, or a token that it does not have
            return None
        repeated = len(rewards) == len(episode["action_ids"]) and "outcome" in info
        if not repeated or info["outcome"]["text"] != episode["text"]:
            return None
        if not math.isclose(math.fsum(rewards), episode["reward"], rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
            return None
        tokenizer = env.unwrapped.tokenizer  # type: ignore[attr-defined]
        spans = token_spans(tokenizer, episode["text"], episode["action_ids"])
        ends = tuple(end for _, end in spans)
        return TokenRewards(ends, tuple(round(reward, _DIGITS) for reward in rewards))
