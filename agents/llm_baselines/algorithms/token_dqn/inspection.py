"""Inspects a TokenDQN: Q of the candidate tokens in a few prefixes, and the TD errors there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from llm_baselines.algorithms.token_dqn.token_dqn import TokenDQN
from llm_baselines.lm.teacher_forcing import state_features
from llm_baselines.play.exploration import top_k_support
from llm_baselines.play.rollout import play_episodes
from llm_baselines.play.trajectory import Trajectory, collate
from llm_baselines.training.demonstrations import train_examples


@dataclass(frozen=True)
class PrefixReport:
    """Q in one prefix of a text.

    Attributes:
        prefix: The last tokens of the prefix, as text.
        candidates: (token, Q) of the tokens with the highest Q, best first.
        taken: The token that was taken.
        q: Q of that token.
        target: The one-step target of q.
        td_error: q - target.
    """

    prefix: str
    candidates: tuple[tuple[str, float], ...]
    taken: str
    q: float
    target: float
    td_error: float


@torch.no_grad()
def play(agent: TokenDQN, *, texts: int = 2) -> list[Trajectory]:
    """Plays a few texts greedily.

    Args:
        agent: A TokenDQN on one of our ids; its weights and counters do not change.
        texts: Number of texts.

    Raises:
        ValueError: The environment is not one of ours.
    """
    if not agent.native:
        raise ValueError(f"prefixes are shown for environments made from our ids, not for {agent.env}")
    rows = agent.training_rows()
    try:
        return play_episodes(
            rows,
            _Greedy(agent),
            seeds=list(range(texts)),
            examples=train_examples(agent.task, 1.0)[:texts].tolist(),
            vocabulary_size=agent.vocabulary_size,
            rng=np.random.default_rng(0),
        )
    finally:
        rows.close()


@torch.no_grad()
def inspect(
    agent: TokenDQN, played: list[Trajectory] | None = None, *, candidates: int = 5
) -> list[PrefixReport]:
    """Reports on the first, middle and last prefix of a few texts, and on the token that follows.

    Args:
        agent: As for `play`.
        played: Episodes from an earlier call of `play`; by default it plays now.
        candidates: Number of allowed tokens shown for each prefix.

    Raises:
        ValueError: The environment is not one of ours.
    """
    played = play(agent) if played is None else played
    return [report for t in agent.objective.annotated(played) for report in _reports(agent, t, candidates)]


def _reports(agent: TokenDQN, trajectory: Trajectory, candidates: int) -> list[PrefixReport]:
    objective, token = agent.objective, agent.task.tokenizer.token
    batch = collate([trajectory]).to(agent.device)
    targets = objective.action_targets(batch)
    q = objective.q_values(state_features(agent.lm, batch), batch)[0]
    if k := agent.config.support_top_k:
        prior = agent.reference.log_probs(state_features(agent.reference, batch))[0]
        q = q.masked_fill(~top_k_support(prior, k), -torch.inf)
        candidates = min(candidates, k)
    reports = []
    for j in sorted({0, len(trajectory) // 2, len(trajectory) - 1}):
        best = q[j].topk(min(candidates, q.shape[1]))
        column = int(trajectory.actions[j])
        taken = int(trajectory.tokens[column])
        reports.append(
            PrefixReport(
                prefix=" ".join(token(int(i)) for i in trajectory.tokens[max(0, column - 12) : column]),
                candidates=tuple(
                    (token(int(i)), float(v)) for v, i in zip(best.values, best.indices, strict=True)
                ),
                taken=token(taken),
                q=float(q[j, taken]),
                target=float(targets[0, j]),
                td_error=float(q[j, taken] - targets[0, j]),
            )
        )
    return reports


class _Greedy:
    """The agent's deterministic policy, as a rollout needs it."""

    def __init__(self, agent: TokenDQN) -> None:
        self._agent = agent

    def act(self, observation: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        actions, _ = self._agent.predict(observation, deterministic=True)
        return actions, np.zeros(len(actions))

    def keep(self, rows: np.ndarray) -> None:
        """Does nothing: `predict` keeps no state between steps."""
