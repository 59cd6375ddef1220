"""Dialogues that a TRL trainer's model plays: a `rollout_func` for GRPOTrainer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from llm_envs.envs.token_env import TokenEnv


def play_dialogues(env: TokenEnv, prompts: Sequence[Any], trainer: Any) -> dict[str, Any]:
    """Plays one dialogue for each prompt with the trainer's model, all rows turn by turn.

    Args:
        env: The environment; each dialogue has a copy of it.
        prompts: Prompts of the adapter's data set: their last message has `example` and `seed`.
        trainer: The trainer. Its model samples each turn with `trainer.generation_config`.

    Returns:
        What TRL expects: `prompt_ids`, `completion_ids` (both sides' tokens after the prompt), `logprobs`
        (None: the trainer computes them) and `env_mask` (1 for the model's tokens, 0 for the other side's);
        and `dialogue_reward`, which the trainer hands to the reward function.
    """
    dialogues = [_Dialogue(env, prompt[-1]) for prompt in prompts]
    while running := [one for one in dialogues if one.reward is None]:
        turns = _sample_turns(trainer, env, [one.tokens for one in running])
        for one, turn in zip(running, turns, strict=True):
            one.take_turn(turn)
    return {
        "prompt_ids": [one.tokens[: one.begin] for one in dialogues],
        "completion_ids": [one.tokens[one.begin :] for one in dialogues],
        "logprobs": None,
        "env_mask": [one.mask for one in dialogues],
        "dialogue_reward": [one.reward for one in dialogues],
    }


class _Dialogue:
    """One running dialogue: its tokens so far, and which of those after the prompt are the model's."""

    def __init__(self, env: TokenEnv, place: dict[str, Any]) -> None:
        self._env = type(env)(**env.arguments)
        self._limit = env.task.max_new_tokens
        self._ends = set(env.tokenizer.end_token_ids)
        observation, _ = self._env.reset(seed=int(place["seed"]), options={"example": int(place["example"])})
        self.tokens = _present(observation)
        self.begin = len(self.tokens)
        self.mask: list[int] = []
        self.reward: float | None = None

    def take_turn(self, turn: Sequence[int]) -> None:
        """Steps through the tokens of a turn, up to its end token or its budget, and hears the answer."""
        for token in turn[: self._limit]:
            observation, reward, terminated, _, _ = self._env.step(token)
            self.tokens = _present(observation)
            self.mask.append(1)
            if terminated:
                self.reward = float(reward)
            if terminated or token in self._ends:
                break
        self.mask += [0] * (len(self.tokens) - self.begin - len(self.mask))


def _present(observation: np.ndarray) -> list[int]:
    tokens: list[int] = observation[observation >= 0].tolist()
    return tokens


def _sample_turns(trainer: Any, env: TokenEnv, rows: Sequence[list[int]]) -> list[list[int]]:
    """Returns the tokens that the trainer's model writes after each row, up to the budget of one turn."""
    import torch
    from trl.models import unwrap_model_for_generation

    device, longest = trainer.accelerator.device, max(map(len, rows))
    ids = torch.zeros(len(rows), longest, dtype=torch.int64, device=device)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(rows):
        ids[row, longest - len(tokens) :] = torch.tensor(tokens, device=device)
        mask[row, longest - len(tokens) :] = 1
    ends = list(env.tokenizer.end_token_ids)
    with unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator) as model, torch.no_grad():
        width = model.get_output_embeddings().weight.shape[0]
        sampling = copy.deepcopy(trainer.generation_config)
        sampling.max_new_tokens = env.task.max_new_tokens
        sampling.eos_token_id, sampling.pad_token_id = ends, ends[0]
        sampling.suppress_tokens = list(range(env.task.vocabulary_size, width)) or None
        written = model.generate(input_ids=ids, attention_mask=mask, generation_config=sampling)
    turns: list[list[int]] = written[:, longest:].tolist()
    return turns
