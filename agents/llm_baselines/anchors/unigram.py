"""UnigramAgent: draws tokens independently, with their frequencies in the train split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from llm_baselines.agent import Env, TrainingReport
from llm_baselines.play.sampling import uniforms
from llm_baselines.spec import AgentSpec, RunSpec, TrainingSpec
from llm_envs.envs.task import Task


def check_has_texts(agent: str, task: Task) -> None:
    """Raises if the train split has only prompts and no texts.

    Raises:
        ValueError: The train split has no texts.
    """
    if not task.train_texts():
        raise ValueError(
            f"the agent {agent!r} learns from the texts of the train split, and data set "
            f"{task.corpus.name!r} has prompts alone; take a data set with references"
        )


class UnigramAgent:
    """Draws each token by its frequency in the train split's texts, which include end tokens."""

    def __init__(self, env: Env, seed: int, device: str = "auto") -> None:
        self._env = env
        self._task: Task = env.unwrapped.task  # type: ignore[attr-defined]
        self._seed = seed
        self.report = TrainingReport()
        self._cumulative = np.linspace(0.0, 1.0, self._task.vocabulary_size + 1)[1:]

    @classmethod
    def suggested_timesteps(cls, env_id: str, size: str = "bench") -> int:
        """Returns 0: it counts tokens and takes no environment step."""
        return 0

    def learn(
        self,
        total_timesteps: int,
        *,
        run_folder: Path | None = None,
        resume: bool = False,
        progress_bar: bool = False,
    ) -> UnigramAgent:
        """Counts the tokens of the train split's texts; no environment step is taken.

        Raises:
            ValueError: The train split has no texts.
        """
        check_has_texts("unigram", self._task)
        counts = np.zeros(self._task.vocabulary_size)
        for text in self._task.train_texts():
            np.add.at(counts, self._task.tokenizer.encode(text), 1)
            counts[self._task.tokenizer.end_token_ids[0]] += 1
        self._set(counts)
        return self

    def _set(self, counts: np.ndarray) -> None:
        self._counts = counts
        self._cumulative = np.cumsum(counts / counts.sum())
        self.report.parameters = int((counts > 0).sum())

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns tokens (n,), a function of the seed and the observation."""
        drawn = np.searchsorted(self._cumulative, uniforms(self._seed, observation), side="right")
        return np.minimum(drawn, self._task.vocabulary_size - 1), state

    def save(self, folder: Path) -> None:
        """Writes an agent folder with the counts."""
        from llm_baselines.storage.agent_folder import write_agent_folder
        from llm_baselines.storage.training_spec import environment_spec

        steps = self.report.environment_steps
        write_agent_folder(
            folder,
            RunSpec(
                environment=environment_spec(self._env),
                agent=AgentSpec(name="unigram", track="demonstrations"),
                training=TrainingSpec(total_timesteps=steps, seed=self._seed),
            ),
            {
                "tokenizer_hash": self._task.tokenizer.content_hash,
                "counts": {str(i): int(n) for i, n in enumerate(self._counts) if n},
            },
        )

    @classmethod
    def load(cls, folder: Path, env: Env, *, seed: int = 0, device: str = "auto") -> UnigramAgent:
        """Loads the agent that `save` wrote.

        Raises:
            AgentFolderError: The folder is damaged, or its tokens are not the environment's.
        """
        from llm_baselines.storage.agent_folder import AgentFolderError, read_agent_folder_for

        agent = cls(env, seed, device)
        saved = read_agent_folder_for(folder, "unigram", agent._task.tokenizer.content_hash, "counts")
        counts = np.zeros(agent._task.vocabulary_size)
        for index, n in saved["counts"].items():
            if not (index.isascii() and index.isdigit() and int(index) < len(counts)):
                raise AgentFolderError(
                    f"'{folder / 'agent.json'}': counts: {index!r} is no token of {len(counts)}"
                )
            counts[int(index)] = n
        agent._set(counts)
        return agent
