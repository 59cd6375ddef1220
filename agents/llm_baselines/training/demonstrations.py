"""Demonstrations: the references of a data set, or an expert's dialogues, as trajectories."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from llm_baselines.anchors.reference import ReferenceAgent
from llm_baselines.play.rollout import play_episodes
from llm_baselines.play.rows import make_rows
from llm_baselines.play.trajectory import Trajectory, demonstration
from llm_envs.data.bundled.requests import relabelled
from llm_envs.envs.task import Task
from llm_envs.episode import Example


def train_examples(task: Task, fraction: float) -> np.ndarray:
    """Returns the examples of a fraction of the split, int64.

    They do not depend on a seed, and a larger fraction includes every smaller one.
    """
    count = max(1, math.ceil(fraction * len(task.examples)))
    order = np.random.default_rng(len(task.examples)).permutation(len(task.examples))
    return np.sort(order[:count])


def demonstrations(
    env: Any, examples: np.ndarray, *, per_example: int = 1, relabel: int = 0, seed: int = 0
) -> list[Trajectory]:
    """Returns the demonstrations for some examples.

    Args:
        env: An environment made from one of our ids.
        examples: The indices of the examples.
        per_example: Dialogues the expert plays for each goal; a text has one demonstration per reference.
        relabel: Extra requests for each text, which ask for words it uses; see `requests.relabelled`.
        seed: Decides the wording of expert and user, and the requested words.
    """
    task: Task = env.unwrapped.task
    if not task.has_expert:
        rng = np.random.default_rng([seed, 8])
        chosen = [task.examples[index] for index in examples.tolist()]
        extra = [relabelled(example, rng) for example in chosen for _ in range(relabel)]
        chosen += [example for example in extra if example is not None]
        return [t for example in chosen for t in _references(task, example)]
    rows = make_rows(env, 32, reward="default", reward_timing="terminal", metrics=())
    try:
        played = np.tile(examples, per_example)
        return play_episodes(
            rows,
            _Expert(env, seed),
            seeds=np.random.SeedSequence([seed, 7]).generate_state(len(played)).tolist(),
            examples=played.tolist(),
            vocabulary_size=task.vocabulary_size,
            rng=np.random.default_rng(seed),
        )
    finally:
        rows.close()


def _references(task: Task, example: Example) -> list[Trajectory]:
    prompt = task.prompt_tokens(example)[-task.max_prompt_tokens :]
    trajectories = []
    for reference in example.references:
        answer = task.tokenizer.encode(reference)[: task.max_new_tokens - 1]
        ids = [*prompt, *answer, task.tokenizer.end_token_ids[0]]
        trajectories.append(demonstration(ids, range(len(prompt), len(ids))))
    return trajectories


class _Expert:
    """The reference agent, as a rollout's policy."""

    def __init__(self, env: Any, seed: int) -> None:
        self._agent = ReferenceAgent(env, seed)
        self._talks: list[Any] | None = None
        self._lengths = np.empty(0, np.int64)

    def act(self, observation: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        lengths = (observation >= 0).sum(axis=1)
        if self._talks is None or len(self._talks) != len(observation):
            self._talks, self._lengths = [None] * len(observation), lengths + 1
        starts = (
            lengths <= self._lengths
        )  # a dialogue only grows, so a row that has not grown began a new one
        actions, self._talks = self._agent.predict(observation, self._talks, starts)
        self._lengths = lengths
        return actions, np.zeros(len(actions))

    def keep(self, rows: np.ndarray) -> None:
        if self._talks is not None and len(rows):
            self._talks = [self._talks[i] for i in rows]
            self._lengths = self._lengths[rows]
        else:
            self._talks = None
