"""The ground of an audit: the prompts, and how a text becomes the episode that a reward sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from random import Random
from typing import Any

import gymnasium as gym
import numpy as np

from llm_baselines.anchors.reference import ScriptedAgent, has_demonstrations
from llm_envs.data.corpus import SPLITS
from llm_envs.envs.conversation import Speaker
from llm_envs.envs.ids import make_vec
from llm_envs.envs.playing import Planned, Policy, play_vector
from llm_envs.envs.task import Task
from llm_envs.episode import Episode, Example
from llm_envs.evaluation import episode_seed

MakeSpeaker = Callable[[np.random.Generator], Speaker]
"""Makes the agent's side of one dialogue."""
_ROWS = 32
_HALVED_FROM, _MOST_TEXTS = 40, 20_000


class Ground:
    """An environment's prompts, and the episodes of texts that answer them.

    Args:
        env_id: A registered id.
        spec: The reward to audit.
        prompts: How many prompts of the test split are used; of the split that there is, if a data set has no
            test split.
        seed: Chooses the prompts.
        arguments: Arguments of the environment, such as `dataset`.

    Raises:
        ValueError: The environment or the reward cannot be made, or there are no references and no expert.
    """

    def __init__(
        self, env_id: str, spec: Any, *, prompts: int, seed: int, arguments: Mapping[str, Any] | None = None
    ) -> None:
        self.env_id, self.seed = env_id, seed
        self.arguments = dict(arguments or {})
        self.env = self._make(spec)
        self.task: Task = self.env.unwrapped.task  # type: ignore[attr-defined]
        self.split = self.task.split
        if not has_demonstrations(self.task):
            raise ValueError(
                f"an audit compares texts with references, and data set {self.task.corpus.name!r} has none "
                "and no expert; give the data a references column"
            )
        chosen = np.random.default_rng([seed, 1]).permutation(len(self.task.examples))[:prompts]
        self.indices = sorted(int(i) for i in chosen)
        self.examples = [self.task.examples[i] for i in self.indices]
        self.talks = self.task.max_turns > 1
        self._end = int(self.task.tokenizer.end_token_ids[0])
        self._recorder = Recorder()

    def _make(self, spec: Any) -> gym.Env[Any, Any]:
        error: ValueError | None = None
        for split in reversed(SPLITS):
            try:
                return gym.make(self.env_id, split=split, reward=spec, **self.arguments)
            except ValueError as raised:
                if "no examples in split" not in str(raised):
                    raise
                error = error or raised
        assert error is not None
        raise error

    def rng(self, *names: object) -> Random:
        """Returns the generator of one part of the audit; its name decides its numbers, with the seed."""
        return Random(f"{self.seed} {' '.join(map(str, names))}")

    @cached_property
    def train_texts(self) -> Sequence[str]:
        """The texts that attacks are made from: half of the train split, in dialogues half of the turns."""
        return self._half(0)

    @cached_property
    def judge_texts(self) -> Sequence[str]:
        """The other half, which held-out metrics are fitted on: no attack is made from what a judge knows."""
        return self._half(1)

    def _half(self, which: int) -> list[str]:
        texts = self.task.train_texts()
        if len(texts) < _HALVED_FROM:
            return list(texts)
        step = max(2, 2 * round(len(texts) / _MOST_TEXTS))  # even, so that the halves share no text
        return [texts[i] for i in range(which, len(texts), step)]

    @cached_property
    def vocabulary(self) -> list[str]:
        """The words of the train texts, the commonest first."""
        from collections import Counter

        from llm_benchmarks.rewards.audit.pieces import words_in

        counts = Counter(word for text in self.train_texts for word in words_in(text))
        return [word for word, _ in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))]

    @cached_property
    def references(self) -> list[Episode]:
        """The episodes of the first references, or the expert's dialogues: the texts that must win."""
        if self.talks:
            return self.dialogues(self.task.expert, "references")
        return self.texts(lambda example: example.references[0])

    def ids_of(self, text: str) -> list[int]:
        """Returns the tokens of a text, without words that the tokenizer does not know."""
        encode = self.task.tokenizer.encode
        try:
            return list(encode(text))
        except ValueError:
            from llm_benchmarks.rewards.audit.pieces import pieces_of

            ids: list[int] = []
            for piece in pieces_of(text):
                try:
                    ids += encode(piece.space + piece.word)
                except ValueError:
                    continue
            return ids

    def episode(self, example: Example, text: str) -> Episode:
        """Returns the episode of a text: as long as the budget allows, and as the tokenizer writes it."""
        return self.episode_of_ids(example, self.ids_of(text))

    def episode_of_ids(self, example: Example, ids: Sequence[int]) -> Episode:
        """Returns the episode of tokens without an end token."""
        budget = self.task.max_new_tokens
        if len(ids) >= budget:
            cut = tuple(ids[:budget])
            return Episode(example, self.task.tokenizer.decode(cut), cut, "length")
        whole = (*ids, self._end)
        return Episode(example, self.task.tokenizer.decode(whole), whole, "stop")

    def texts(self, write: Callable[[Example], str]) -> list[Episode]:
        """Returns the episodes of what a function writes for every prompt."""
        return [self.episode(example, write(example)) for example in self.examples]

    def dialogues(self, speaker: MakeSpeaker, name: str) -> list[Episode]:
        """Plays a speaker on every prompt.

        Args:
            speaker: Makes the agent's side of a dialogue.
            name: Decides the numbers of the speaker's generators, with the seed.
        """
        seed = self.rng(name).randrange(2**31)
        agent = ScriptedAgent(self.env, seed, write=lambda example: "", speaker=speaker)
        return self.played(agent, 1, deterministic=True)

    def played(self, policy: Policy, times: int, *, deterministic: bool) -> list[Episode]:
        """Plays a policy on every prompt.

        Returns:
            The episodes, `times` in a row for each prompt.
        """
        plan = [
            Planned(k, index, episode_seed(self.seed, k))
            for k, index in enumerate(i for i in self.indices for _ in range(times))
        ]
        rows = min(_ROWS, len(plan))
        arguments = {**self.arguments, "reward": self._recorder, "reward_timing": "terminal", "metrics": ()}
        envs = make_vec(self.env_id, rows, split=self.split, autoreset_mode="Disabled", **arguments)
        episodes: list[Episode | None] = [None] * len(plan)
        try:
            for planned, outcome in play_vector(policy, envs, plan, deterministic):
                episodes[planned.index] = self._recorder.episodes[int(outcome.reward)]
        finally:
            envs.close()
            self._recorder.episodes.clear()
        return [episode for episode in episodes if episode is not None]


class Recorder:
    """A reward that keeps the episodes it is given. Its value is the number of the episode."""

    def __init__(self) -> None:
        self.episodes: list[Episode] = []

    def __call__(self, episode: Episode) -> float:
        """Keeps an episode; returns its number."""
        self.episodes.append(episode)
        return float(len(self.episodes) - 1)
