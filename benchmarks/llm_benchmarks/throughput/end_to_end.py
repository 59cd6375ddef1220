"""End-to-end overhead: the seconds of a training against those of `generate` and supervised steps.

The denominator is what any learner with as many passes does: transformers' `generate` writes as many tokens
after the same prompts, and a supervised step is taken on every batch that was learned from.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from llm_baselines.algorithms.factories import PlayingAgentFactory
from llm_baselines.algorithms.optimizer import make_optimizer, prepare_step
from llm_baselines.algorithms.token_dqn import TokenDQN
from llm_baselines.algorithms.token_dqn.objective import UpdateResult
from llm_baselines.lm.adapters import with_lora
from llm_baselines.lm.teacher_forcing import token_losses
from llm_baselines.play.trajectory import Trajectory, micro_batches
from llm_baselines.training.trainer import TrainingRun
from llm_benchmarks.throughput import comparison_line
from llm_benchmarks.throughput.comparison_line import Comparison
from llm_benchmarks.throughput.works import generate_work, left_padded, seconds_of

AGAINST = "generate of the same tokens, and supervised steps on the same batches"
WARM_START = {"total_timesteps": 60_000, "eval_freq": 0}
"""Supervised training before: texts then have about the lengths that a policy writes."""


class ComparedTokenDQN(TokenDQN):
    """A TokenDQN that does the plain work after each of its rounds.

    Attributes:
        seconds: (its own, those of the plain work), of every round.
    """

    def _build(self) -> None:
        super()._build()
        self.seconds: list[tuple[float, float]] = []
        self._played: list[Trajectory] = []
        self._batches: list[list[Trajectory]] = []

    def learn_round(self, run: TrainingRun) -> None:
        """Runs a round, then the plain work of as many tokens."""
        self._batches.clear()
        ours = seconds_of(lambda: super(ComparedTokenDQN, self).learn_round(run))()
        generate = generate_texts(self.base if self.adapted else self.lm, self._played, self.config.n_envs)
        self.seconds.append((ours, generate + self._supervised_steps(run)))

    def act(self, run: TrainingRun) -> list[Trajectory]:
        """Plays a round, and notes its texts."""
        self._played = super().act(run)
        return self._played

    def update(
        self, trajectories: list[Trajectory], run: TrainingRun, *, unchanged: bool = False
    ) -> UpdateResult:
        """Takes an update, and notes its batch."""
        self._batches.append(trajectories)
        return super().update(trajectories, run, unchanged=unchanged)

    def _supervised_steps(self, run: TrainingRun) -> float:
        """Returns the seconds of a maximum-likelihood step on every batch of the round."""
        config = self.config
        plain = (
            with_lora(self.base, rank=config.lora_rank, alpha=config.lora_alpha)
            if self.adapted
            else copy.deepcopy(self.lm)
        )
        trained = [p for p in plain.parameters() if p.requires_grad]
        group = {"name": "policy", "params": trained, "lr": 1e-6, "initial_lr": 1e-6, "max_grad_norm": 1.0}
        optimizer = make_optimizer([group], config)

        def steps() -> None:
            for trajectories in self._batches:
                for _, batch in micro_batches(trajectories, config.micro_batch_tokens):
                    (token_losses(plain, batch.to(self.device), 0.0)[0] / len(trajectories)).backward()
                prepare_step(optimizer, 1.0, run.check_finite)
                optimizer.step()
                optimizer.zero_grad()

        return seconds_of(steps)()


def generate_texts(lm: Any, played: list[Trajectory], rows: int) -> float:
    """Returns the seconds in which `generate` samples texts of the same lengths after the same prompts.

    Args:
        lm: The language model.
        played: Texts of one turn.
        rows: Texts of one call, which computes every row until its longest text ends.
    """
    parts = [played[at : at + rows] for at in range(0, len(played), rows)]
    works = [
        generate_work(
            lm, left_padded([t.tokens[: t.actions[0]] for t in part]), np.array([len(t) for t in part])
        )
        for part in parts
    ]
    return sum(seconds_of(work)() for work in works)


def measure(name: str, env: Any, config: Mapping[str, Any], *, device: str = "auto") -> Comparison:
    """Trains for some rounds with the options of the id's table, each compared with its plain work.

    The first round warms up and is not counted.

    Args:
        name: What the line is called.
        env: A single environment of ours, in which a text is one turn.
        config: Options that differ from the table's.
        device: "auto" or a torch device.
    """
    make = PlayingAgentFactory(ComparedTokenDQN)
    agent = make(env, 0, device, **{**config, "eval_freq": 0, "keep_best": False, "guard_rounds": 0})
    while len(agent.seconds) <= comparison_line.ROUNDS:
        agent.learn(agent.num_timesteps + 1)
    return comparison_line.of_rounds(name, AGAINST, agent.seconds, "s")
