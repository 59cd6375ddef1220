"""ValueObjective: path consistency with a value head."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from stable_baselines3.common.utils import explained_variance
from torch import Tensor

from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.logits import FreshTexts, LogitsObjective
from llm_baselines.algorithms.token_dqn.logits_network import ValueNetwork, ValuePrediction
from llm_baselines.algorithms.token_dqn.objective import Loop, PartResult
from llm_baselines.play.trajectory import TrajectoryBatch, micro_batches
from llm_baselines.training.trainer import TrainingRun


class ValueObjective(LogitsObjective[ValueNetwork]):
    """Learns path consistency with V as a scalar head (Nachum et al. 2017); see ValueNetwork."""

    def begin_update(self, updates: int) -> _ValueUpdate:
        """Begins an update; the first `value_warmup` updates train V alone."""
        value_alone = updates < self._config.value_warmup
        return _ValueUpdate(self.network, self._config.gamma, value_alone=value_alone)

    def divisor(self, batch_size: int, tokens_per_episode: float) -> float:
        """Returns the batch's usual number of tokens: every state has an error of its own."""
        return batch_size * tokens_per_episode

    def after_updates(self, loop: Loop, run: TrainingRun) -> None:
        """Trains V alone for `value_steps` steps on the replay's episodes.

        The language model reads the episodes once, so a step costs only a pass of the head. The steps follow
        the updates, so that V has not yet learned the outcomes of fresh episodes when they are used.
        """
        config, network = self._config, self.network
        if not config.value_steps or not len(loop.replay):
            return
        assert loop.tokens_per_episode is not None
        rng = run.generator(2)
        episodes, _ = loop.replay.sample(len(loop.replay), rng)
        parts: list[tuple[TrajectoryBatch, ValuePrediction]] = []
        for _, batch in micro_batches(episodes, config.micro_batch_tokens, config.micro_batch_size):
            batch = batch.to(loop.device)
            with torch.no_grad():
                parts.append((batch, network.predict(batch)))
        for step in range(config.value_steps):
            if step % len(parts) == 0:
                order = rng.permutation(len(parts))
            batch, read_prediction = parts[order[step % len(parts)]]
            predicted = network.with_current_values(read_prediction)
            loss, _ = network.loss(batch, predicted, network.targets(batch, predicted))
            run.check_finite(float(loss.detach()), "the loss of V")
            (loss / (len(batch) * loop.tokens_per_episode)).backward()
            loop.optimizer_step(run, frozen=("policy",), counted=False)
            loop.refresh_target(step + 1)

    def refresh_target(self, tau: float) -> None:
        """Moves the target of the value head."""
        self.network.refresh_target(tau)

    def action_targets(self, batch: TrajectoryBatch) -> Tensor:
        """Returns r + gamma V(s'): float (n, m)."""
        network = self.network
        next_values = network.targets(batch, network.predict(batch))
        targets = t.one_step_targets(
            network.rewards(batch), next_values, batch.mask, batch.terminated, self._config.gamma
        )
        return network.scale.value * targets


class _ValueUpdate:
    """One consistency step; it also measures how well V predicted the returns of fresh episodes."""

    def __init__(self, network: ValueNetwork, gamma: float, *, value_alone: bool) -> None:
        self.frozen: Collection[str] = ("policy",) if value_alone else ()
        self._network = network
        self._gamma = gamma
        self._value_alone = value_alone
        self._fresh = FreshTexts()
        self._predicted_values: list[Tensor] = []
        self._returns: list[Tensor] = []

    def part(self, batch: TrajectoryBatch, fresh: np.ndarray | None) -> PartResult:
        """Returns the loss of a part; its priorities are 0, because nothing uses them."""
        network = self._network
        predicted = network.read(batch) if self._value_alone else network.predict(batch)
        loss, sums = network.loss(batch, predicted, network.targets(batch, predicted))
        if fresh is not None and fresh.any():
            self._fresh.add(batch, predicted.log_probs, fresh)
            self._measure_values(batch, predicted, torch.as_tensor(fresh))
        return PartResult(loss, sums, np.zeros(len(batch)), network.distances(batch, predicted.log_probs))

    def _measure_values(self, batch: TrajectoryBatch, predicted: ValuePrediction, fresh: Tensor) -> None:
        """Notes V beside the returns of fresh texts, before the weights move."""
        returns = t.returns(self._network.rewards(batch), batch.mask, self._gamma)
        self._predicted_values.append(predicted.values[:, :-1].detach()[fresh][batch.mask[fresh]])
        self._returns.append(returns[fresh][batch.mask[fresh]])

    def diagnostics(self) -> dict[str, float]:
        """Returns the KL from acting to learning weights, and the explained variance of V."""
        logged = self._fresh.diagnostics()
        if not logged:
            return {}
        values, returns = (torch.cat(p).cpu().numpy() for p in (self._predicted_values, self._returns))
        if np.ptp(returns):
            logged["explained_variance"] = float(explained_variance(values, returns))
        return logged
