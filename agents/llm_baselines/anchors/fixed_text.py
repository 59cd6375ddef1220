"""ConstantAgent: the best fixed text. A learner that scores lower shows no skill."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from llm_baselines.agent import Env, TrainingReport
from llm_baselines.anchors.unigram import check_has_texts
from llm_baselines.configuration.tables import AGENT_OPTIONS
from llm_baselines.spec import AgentSpec, RunSpec, TrainingSpec
from llm_envs import vectorize
from llm_envs.envs.task import Task
from llm_envs.evaluation import episode_seed


class ConstantAgent:
    """Writes the same text in every episode, and in every turn of a dialogue.

    Hill climbing finds the text. It starts from the text of the train split with the best mean score over a
    fixed sample of train examples. Then it edits the text until the budget is spent: it replaces, inserts and
    deletes tokens, and inserts pieces of other texts. An edit stays if the score does not fall.

    Args:
        env: The environment whose reward and train split are used.
        seed: Seed of the search.
        device: Unused.
        text: A text to write without a search.
        examples: Size of the sample of train examples.
    """

    def __init__(
        self, env: Env, seed: int, device: str = "auto", *, text: str | None = None, examples: int = 256
    ) -> None:
        self._env = env
        self._seed = seed
        self._task: Task = env.unwrapped.task  # type: ignore[attr-defined]
        self._end = self._task.tokenizer.end_token_ids[0]
        self._examples = examples
        self.report = TrainingReport()
        self.ids: list[int] = [self._end]
        if text is not None:
            try:
                self.ids = [*self._task.tokenizer.encode(text), self._end]
            except ValueError as error:
                raise ValueError(f"text={text!r}: {error}") from error

    @classmethod
    def suggested_timesteps(cls, env_id: str, size: str = "bench") -> int:
        """Returns the number of tokens that the search writes; see `OptionTables.timesteps`."""
        return AGENT_OPTIONS.timesteps("constant", env_id, size)

    @property
    def text(self) -> str:
        """The text it writes."""
        return self._task.tokenizer.decode(self.ids)

    def learn(
        self,
        total_timesteps: int,
        *,
        run_folder: Path | None = None,
        resume: bool = False,
        progress_bar: bool = False,
    ) -> ConstantAgent:
        """Searches until `total_timesteps` tokens have been written.

        Raises:
            ValueError: The train split has no texts.
        """
        check_has_texts("constant", self._task)
        started = time.perf_counter()
        rng = np.random.default_rng(self._seed)
        sample = _Sample(self._env, self._seed, self._examples)
        task = self._task
        longest = task.max_new_tokens
        counts = Counter(task.train_texts())
        frequent = [text for text, _ in counts.most_common(64)]
        distinct = list(counts)
        drawn = [distinct[int(i)] for i in rng.permutation(len(distinct))[:192]]
        starts = [
            [],
            *(task.tokenizer.encode(text)[: longest - 1] for text in dict.fromkeys(frequent + drawn)),
        ]
        tokens = np.array([i for text in distinct for i in task.tokenizer.encode(text)])
        best, best_score = [self._end], -np.inf
        for start in starts:
            if sample.tokens > total_timesteps // 3:
                break
            score = sample.score([*start, self._end])
            if score > best_score:
                best, best_score = [*start, self._end], score
        self._note(best, best_score, sample, started)
        while sample.tokens < total_timesteps:
            candidate = self._edit(best[:-1], tokens, rng)[: longest - 1]
            score = sample.score([*candidate, self._end])
            if score > best_score:
                self._note([*candidate, self._end], score, sample, started)
            if score >= best_score:
                best, best_score = [*candidate, self._end], score
        self._note(best, best_score, sample, started)
        return self

    def _note(self, ids: list[int], score: float, sample: _Sample, started: float) -> None:
        self.ids = ids
        report = self.report
        report.environment_steps = report.tokens = sample.tokens
        report.reward_calls = sample.texts
        report.seconds = time.perf_counter() - started
        report.parameters = len(ids)
        report.curve.append(
            {"timesteps": sample.tokens, "seconds": report.seconds, "train/mean_reward": float(score)}
        )

    def _edit(self, ids: list[int], tokens: np.ndarray, rng: np.random.Generator) -> list[int]:
        """Makes one to three random edits; the pieces come from the texts of the train split."""
        edited = list(ids)
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(len(edited) + 1))
            width = int(rng.choice([1, 1, 2, 3, 4]))
            piece_at = int(rng.integers(len(tokens)))
            piece = tokens[piece_at : piece_at + width].tolist()
            cut = int(rng.choice([0, 0, 1, width]))
            edited[at : at + cut] = piece if rng.random() < 0.75 else []
        return edited

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns the next token of the text for each row, (n,); the state counts tokens of the turn."""
        places = np.zeros(len(observation), np.int64) if state is None else np.array(state)
        if episode_start is not None:
            places[episode_start] = 0
        actions = np.array([self.ids[place] if place < len(self.ids) else self._end for place in places])
        return actions, np.where(actions == self._end, 0, places + 1)

    def save(self, folder: Path) -> None:
        """Writes an agent folder with the text and its token ids."""
        from llm_baselines.storage.agent_folder import write_agent_folder
        from llm_baselines.storage.training_spec import environment_spec

        steps = self.report.environment_steps
        write_agent_folder(
            folder,
            RunSpec(
                environment=environment_spec(self._env),
                agent=AgentSpec(name="constant", config={"examples": self._examples}, track="scratch"),
                training=TrainingSpec(total_timesteps=steps, seed=self._seed),
            ),
            {
                "tokenizer_hash": self._task.tokenizer.content_hash,
                "ids": [int(i) for i in self.ids],
                "text": self.text,
            },
        )

    @classmethod
    def load(cls, folder: Path, env: Env, *, seed: int = 0, device: str = "auto") -> ConstantAgent:
        """Loads the agent that `save` wrote.

        Raises:
            AgentFolderError: The folder is damaged, or its tokens are not the environment's.
        """
        from llm_baselines.storage.agent_folder import AgentFolderError, read_agent_folder_for

        agent = cls(env, seed, device)
        saved = read_agent_folder_for(folder, "constant", agent._task.tokenizer.content_hash, "ids")
        size = agent._task.vocabulary_size
        if not saved["ids"] or max(saved["ids"]) >= size:
            raise AgentFolderError(f"'{folder / 'agent.json'}': ids: are no tokens of a vocabulary of {size}")
        agent.ids = list(saved["ids"])
        return agent


class _Sample:
    """A fixed sample of train episodes that candidate texts are played on."""

    def __init__(self, env: Env, seed: int, examples: int) -> None:
        self._envs = vectorize(
            env, examples, split="train", autoreset_mode="Disabled", reward_timing="terminal"
        )
        task = self._envs.unwrapped.task  # type: ignore[attr-defined]
        drawn = np.random.default_rng(seed).permutation(len(task.examples))
        self._indices = np.resize(drawn, examples)
        self._seeds = [episode_seed(seed, k) for k in range(examples)]
        self._multi_turn = task.max_turns > 1
        self._task = task
        self.tokens = 0
        self.texts = 0

    def score(self, ids: list[int]) -> float:
        """Returns the mean reward of a text over the sample."""
        self.texts += len(self._seeds)
        if not self._multi_turn:
            self.tokens += len(self._seeds) * len(ids)
            return self._score_texts(ids)
        envs = self._envs
        envs.reset(
            seed=self._seeds,  # type: ignore[arg-type]
            options={"example": self._indices},
        )
        places = np.zeros(len(self._seeds), np.int64)
        total, live = 0.0, np.ones(len(self._seeds), dtype=bool)
        actions = np.array(ids)
        while live.any():
            _, rewards, terminated, _, _ = envs.step(actions[places])
            self.tokens += int(live.sum())
            total += float(rewards[live].sum())
            live &= ~terminated
            places = (places + 1) % len(ids)
            if terminated.any():
                places[terminated] = 0
                envs.reset(options={"reset_mask": terminated, "example": self._indices})
        return total / len(self._seeds)

    def _score_texts(self, ids: list[int]) -> float:
        from llm_envs.episode import Episode

        text = self._task.tokenizer.decode(ids)
        reason = "stop" if len(ids) <= self._task.max_new_tokens else "length"
        episodes = [
            Episode(self._task.examples[int(i)], text, tuple(ids), reason)  # type: ignore[arg-type]
            for i in self._indices
        ]
        return float(np.mean(self._task.reward.score_batch(episodes)[0]))
