"""Texts that another library wrote, as episodes of ours: the same tokens, text and score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym

from llm_envs.envs.ids import env_class, find_spec, own_argument
from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.episode import Episode


def make_env(env_id: str, arguments: dict[str, Any], library: str) -> TokenEnv:
    """Makes the environment of an id for another library.

    Args:
        env_id: A registered id. "module:Id-v0" imports the module first.
        arguments: Arguments of the environment.
        library: Who asks, for errors.

    Raises:
        ValueError: The id is not an environment of this package.
        gymnasium.error.Error: The id is unknown.
    """
    spec = find_spec(env_id)
    if spec is not None and env_class(spec) is None:
        raise ValueError(f"{env_id!r} is not an environment of this package, so {library} cannot use it here")
    own = {"reward": own_argument(env_id, "reward", arguments.get("reward", "default"))}
    env = gym.make(env_id, **{**arguments, **own}).unwrapped
    assert isinstance(env, TokenEnv)  # env_class says so
    return env


def episode_of_tokens(task: Task, index: int, ids: Sequence[int]) -> Episode:
    """Returns the episode in which the agent takes these tokens, as the environment would end it.

    Tokens after the first end token and beyond `max_new_tokens` are dropped.

    Args:
        task: A task of one turn.
        index: Index of the example.
        ids: The agent's tokens. Without an end token the text ends by "length".

    Raises:
        ValueError: A token is not in the vocabulary.
    """
    taken: list[int] = []
    stopped = False
    for token in ids:
        if not 0 <= token < task.vocabulary_size:
            raise ValueError(
                f"token {token} is outside the vocabulary, 0 to {task.vocabulary_size - 1}: the trainer must "
                "use the environment's tokenizer (pass it the adapter's processing_class)"
            )
        taken.append(int(token))
        stopped = bool(task.is_end[token])
        if stopped or len(taken) == task.max_new_tokens:
            break
    text = task.tokenizer.decode(taken)
    return Episode(task.examples[index], text, tuple(taken), "stop" if stopped else "length")


def tokens_of_text(task: Task, text: str) -> list[int]:
    """Returns the tokens of a text and the end token, cut at `max_new_tokens`."""
    return [*task.tokenizer.encode(text), task.tokenizer.end_token_ids[0]][: task.max_new_tokens]


def say(env: TokenEnv, text: str) -> list[str]:
    """Steps through the tokens of one turn of the agent, up to its end token or its budget.

    Args:
        env: An environment in the middle of an episode.
        text: What the agent says. In an environment of one turn, this is the whole text.

    Returns:
        What the other side answers. `env.outcome` tells whether the episode is over.
    """
    before = len(env.episode.turns)
    for token in [*env.tokenizer.encode(text), env.tokenizer.end_token_ids[0]]:
        env.step(token)
        if env.outcome is not None or len(env.episode.turns) > before:
            break
    return [turn.text for turn in env.episode.turns[before + 1 :]]


def score_so_far(env: TokenEnv) -> tuple[float, Mapping[str, float]]:
    """Returns the reward of an episode and its components, as if it ended now if it has not."""
    if env.outcome is None:
        return env.task.reward.score(env.episode)
    return env.outcome.reward, env.outcome.reward_components
