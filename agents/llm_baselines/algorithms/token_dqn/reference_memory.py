"""ReferenceMemory: log pi_ref over all actions, read once for every text and kept while it is replayed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from llm_baselines.algorithms.token_dqn.episode_replay import EpisodeReplay
from llm_baselines.lm.teacher_forcing import Allowed, acting_logits, state_features
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch, micro_batches
from llm_envs.lm.model import LanguageModel

CAPACITY = 2**28
"""Bytes. What does not fit is read again in every update."""

_Key = tuple[bytes, bytes]


@dataclass(frozen=True)
class _Round:
    """A round of texts; log pi_ref float32 (m, V) of each."""

    trajectories: Sequence[Trajectory]
    log_probs: dict[_Key, Tensor]

    @property
    def nbytes(self) -> int:
        return sum(values.nbytes for values in self.log_probs.values())


class ReferenceMemory:
    """The reference's log-probabilities in the states of the latest rounds.

    A checkpoint holds the texts alone, and reads them again in the same batches. So a resumed training has
    the same numbers to the bit.

    Args:
        reference: pi_ref.
        tokens: Padded tokens of a pass.
        rounds: Rounds that are kept; 0 keeps as many as fit.
        allowed: Returns the actions that the environment allows; None allows all.
    """

    def __init__(
        self, reference: LanguageModel, tokens: int, rounds: int, allowed: Allowed | None = None
    ) -> None:
        self._reference, self._tokens, self._allowed = reference, tokens, allowed
        self._rounds: deque[_Round] = deque(maxlen=rounds or None)

    @torch.no_grad()
    def add(self, played: Sequence[Trajectory]) -> list[Trajectory]:
        """Reads the texts of a round.

        Returns:
            The texts with log pi_ref of their actions.
        """
        annotated, log_probs = list(played), dict[_Key, Tensor]()
        for part, batch in micro_batches(played, self._tokens):
            batch = batch.to(self._reference.device)
            values = self._read(batch)
            taken = values.gather(1, batch.actions[batch.mask][:, None])[:, 0].cpu().numpy()
            ends = np.cumsum([len(played[i]) for i in part])
            for index, rows, own in zip(
                part, np.split(np.arange(len(values)), ends[:-1]), np.split(taken, ends[:-1]), strict=True
            ):
                annotated[index] = replace(played[index], reference_log_probs=own)
                log_probs[_key_of(played[index])] = values[rows[0] : rows[-1] + 1]
        self._keep(_Round(played, log_probs))
        return annotated

    @torch.no_grad()
    def log_probs(self, batch: TrajectoryBatch) -> Tensor:
        """Returns log pi_ref in the states of a batch's k actions, row by row: float32 (k, V)."""
        known = {key: values for one in self._rounds for key, values in one.log_probs.items()}
        found = [known.get(key) for key in _keys(batch)]
        missing = torch.tensor([i for i, values in enumerate(found) if values is None], dtype=torch.int64)
        if len(missing):
            rows = missing.to(batch.tokens.device)
            part = replace(batch, **{f.name: getattr(batch, f.name)[rows] for f in fields(batch)})
            lengths = batch.lengths[rows].tolist()
            for index, values in zip(missing.tolist(), self._read(part).split(lengths), strict=True):
                found[index] = values
        return torch.cat([values for values in found if values is not None])

    def save(self, path: Path) -> None:
        """Writes the texts of the rounds."""
        texts = [t for one in self._rounds for t in one.trajectories]
        replay = EpisodeReplay(max(1, sum(len(t.tokens) for t in texts)))
        replay.add(texts)
        replay.save(path)

    def load(self, path: Path) -> None:
        """Reads the texts that `save` wrote, and what the reference says of them.

        Raises:
            ValueError: The arrays in the file do not fit together.
        """
        self._rounds.clear()
        texts = EpisodeReplay.load(path, 2**62).newest(2**62)
        for _, played in groupby(texts, key=lambda t: t.round):
            self.add(list(played))

    def _read(self, batch: TrajectoryBatch) -> Tensor:
        logits = acting_logits(self._reference, state_features(self._reference, batch), batch, self._allowed)
        return torch.log_softmax(logits, dim=1)

    def _keep(self, one: _Round) -> None:
        self._rounds.append(one)
        while self._rounds and sum(r.nbytes for r in self._rounds) > CAPACITY:
            self._rounds.popleft()


def _key_of(trajectory: Trajectory) -> _Key:
    return trajectory.tokens.astype(np.int32).tobytes(), trajectory.actions.astype(np.int32).tobytes()


def _keys(batch: TrajectoryBatch) -> list[_Key]:
    tokens, columns = (
        values.cpu().numpy().astype(np.int32) for values in (batch.tokens, batch.states[:, :-1] + 1)
    )
    mask = batch.mask.cpu().numpy()
    return [(tokens[i][tokens[i] >= 0].tobytes(), columns[i][mask[i]].tobytes()) for i in range(len(tokens))]
