"""Trajectory: one episode that stores every token once; TrajectoryBatch: several of them, padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from llm_envs.episode import Outcome


@dataclass(frozen=True, slots=True)
class Trajectory:
    """An episode of m actions.

    Attributes:
        tokens: int32 (L,), the last observation without padding: prompt, the agent's and the environment's
            tokens.
        actions: int32 (m,), the positions of the agent's tokens in `tokens`, in order.
        rewards: float32 (m,).
        behaviour_log_probs: float32 (m,), log-probabilities of the actions when they were taken.
        reference_log_probs: float32 (m,), log-probabilities under the reference model; 0 without one.
        terminated: True if the environment terminated the episode. False means that it was truncated, so the
            last state may be bootstrapped from.
        round: Number of the round in which it was played.
        start: Column of the first token in the observations; `observations_of` needs it.
        example: Index of the example it was played on; -1 in environments that take none.
        outcome: Text and reward components of a fresh episode; None in environments that tell none, and in
            episodes from a replay.
        components: float32 (k,), the values of the reward's components, where a learner recombines them.
    """

    tokens: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    behaviour_log_probs: np.ndarray
    reference_log_probs: np.ndarray
    terminated: bool = True
    round: int = 0
    start: int = 0
    example: int = -1
    outcome: Outcome | None = None
    components: np.ndarray | None = None

    @property
    def score(self) -> float:
        """The undiscounted sum of the rewards."""
        return float(self.rewards.sum())

    def __len__(self) -> int:
        return len(self.actions)


def demonstration(tokens: Sequence[int] | np.ndarray, actions: Sequence[int] | np.ndarray) -> Trajectory:
    """Returns a trajectory to imitate: its rewards and log-probabilities are 0."""
    columns = np.asarray(actions, np.int32)
    zeros = np.zeros(len(columns), np.float32)
    return Trajectory(np.asarray(tokens, np.int32), columns, zeros, zeros, zeros)


def of_observation(observation: np.ndarray, columns: np.ndarray) -> Trajectory:
    """Returns the trajectory of an episode's last observation; its rewards and log-probabilities are 0.

    Args:
        observation: int32 (context_length,).
        columns: The columns of the agent's tokens, in order.
    """
    present = np.flatnonzero(observation >= 0)
    start = int(present[0])
    trajectory = demonstration(observation[start : present[-1] + 1], np.asarray(columns) - start)
    return replace(trajectory, start=start)


@dataclass(frozen=True)
class TrajectoryBatch:
    """n trajectories as tensors, padded on the right to L tokens and m actions.

    State j of a trajectory is the prefix in which action j is taken. The state after the last action is the
    whole text.

    Attributes:
        tokens: int64 (n, L); -1 where there is no token.
        actions: int64 (n, m), the tokens taken; 0 where there is none.
        states: int64 (n, m + 1), the column of each state's last token.
        mask: bool (n, m), whether there is an action.
        lengths: int64 (n,), number of actions.
        rewards: float32 (n, m).
        behaviour_log_probs: float32 (n, m).
        reference_log_probs: float32 (n, m).
        turn_ends: bool (n, m), whether the environment added tokens between this action and the next.
        terminated: bool (n,).
        starts: int64 (n,), column of the first token in the observations.
        examples: int64 (n,), index of the example; -1 in environments that take none.
    """

    tokens: Tensor
    actions: Tensor
    states: Tensor
    mask: Tensor
    lengths: Tensor
    rewards: Tensor
    behaviour_log_probs: Tensor
    reference_log_probs: Tensor
    turn_ends: Tensor
    terminated: Tensor
    starts: Tensor
    examples: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def to(self, device: torch.device) -> TrajectoryBatch:
        """Returns the batch on a device."""
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def collate(trajectories: Sequence[Trajectory]) -> TrajectoryBatch:
    """Pads trajectories to a batch."""
    n = len(trajectories)
    length = max(len(t.tokens) for t in trajectories)
    m = max(len(t) for t in trajectories)
    tokens = np.full((n, length), -1, np.int64)
    states = np.zeros((n, m + 1), np.int64)
    actions = np.zeros((n, m), np.int64)
    mask = np.zeros((n, m), bool)
    turn_ends = np.zeros((n, m), bool)
    numbers = np.zeros((3, n, m), np.float32)
    for row, t in enumerate(trajectories):
        k = len(t)
        tokens[row, : len(t.tokens)] = t.tokens
        actions[row, :k] = t.tokens[t.actions]
        states[row, :k] = t.actions - 1
        states[row, k] = len(t.tokens) - 1
        mask[row, :k] = True
        turn_ends[row, : k - 1] = np.diff(t.actions) > 1
        numbers[0, row, :k] = t.rewards
        numbers[1, row, :k] = t.behaviour_log_probs
        numbers[2, row, :k] = t.reference_log_probs
    return TrajectoryBatch(
        tokens=torch.from_numpy(tokens),
        actions=torch.from_numpy(actions),
        states=torch.from_numpy(states),
        mask=torch.from_numpy(mask),
        lengths=torch.tensor([len(t) for t in trajectories]),
        rewards=torch.from_numpy(numbers[0]),
        behaviour_log_probs=torch.from_numpy(numbers[1]),
        reference_log_probs=torch.from_numpy(numbers[2]),
        turn_ends=torch.from_numpy(turn_ends),
        terminated=torch.tensor([t.terminated for t in trajectories]),
        starts=torch.tensor([t.start for t in trajectories]),
        examples=torch.tensor([t.example for t in trajectories]),
    )


def observations_of(batch: TrajectoryBatch, states: Tensor, context_length: int) -> np.ndarray:
    """Returns the observations in some states of a batch.

    Args:
        batch: The batch.
        states: bool (n, m + 1), True for the k states to return.
        context_length: Width of an observation.

    Returns:
        int32 (k, context_length), row by row.
    """
    rows, _ = torch.nonzero(states, as_tuple=True)
    columns = torch.arange(context_length, device=states.device) - batch.starts[rows, None]
    present = (columns >= 0) & (columns <= batch.states[states][:, None])
    tokens = batch.tokens[rows[:, None], columns.clamp(0, batch.tokens.shape[1] - 1)]
    observations: np.ndarray = torch.where(present, tokens, -1).to(torch.int32).cpu().numpy()
    return observations


def micro_batch_indices(
    trajectories: Sequence[Trajectory], tokens: int, episodes: int = 0, *, grouped: bool = False
) -> Iterator[list[int]]:
    """Splits a batch into parts of at most `tokens` padded tokens, with texts of similar length together.

    A longer trajectory, or group, is a part by itself. Sorting by length changes only the padding, because
    the batch itself is already chosen.

    Args:
        trajectories: The batch.
        tokens: Maximal number of padded tokens in a part.
        episodes: Maximal number of trajectories in a part; 0 sets no limit.
        grouped: True keeps the trajectories of an example in one part.

    Yields:
        Indices into `trajectories`; each index once.
    """
    lengths = [len(t.tokens) for t in trajectories]
    groups: dict[int, list[int]] = {}
    for index, trajectory in enumerate(trajectories):
        groups.setdefault(trajectory.example if grouped else index, []).append(index)
    width, part = 0, list[int]()
    for group in sorted(groups.values(), key=lambda group: -max(lengths[i] for i in group)):
        count = len(part) + len(group)
        if part and (width * count > tokens or (episodes and count > episodes)):
            yield part
            part = []
        width = width if part else max(lengths[i] for i in group)
        part.extend(group)
    if part:
        yield part


def micro_batches(
    trajectories: Sequence[Trajectory], tokens: int, episodes: int = 0, *, grouped: bool = False
) -> Iterator[tuple[list[int], TrajectoryBatch]]:
    """Yields the parts of `micro_batch_indices`, each with its padded trajectories."""
    for part in micro_batch_indices(trajectories, tokens, episodes, grouped=grouped):
        yield part, collate([trajectories[i] for i in part])
