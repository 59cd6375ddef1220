"""LogitsObjective: the language model's own logits are the advantage, and V is a scalar head."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.utils import explained_variance
from torch import Tensor

from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, LogitsNetwork, LogitsPrediction
from llm_baselines.algorithms.token_dqn.objective import Loop, PartResult
from llm_baselines.lm.teacher_forcing import Allowed, with_reference
from llm_baselines.play.exploration import Exploration
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch, micro_batches
from llm_baselines.training.player import log_ratios
from llm_baselines.training.trainer import TrainingRun
from llm_envs.lm.model import LanguageModel

_LARGEST_ERROR, _ADAPTATION = 0.2, 0.1  # Ziegler et al. 2019, section 2.2


class LogitsObjective:
    """Learns path consistency with Q = V + tau (log pi - log pi_ref) (Nachum et al. 2017).

    LogitsNetwork computes the loss.

    Args:
        lm: The language model that is trained.
        make_reference: Makes pi_ref, the frozen language model it starts from.
        config: The configuration.
        from_prior: Has no effect: Q always starts at the language model.
        allowed: Returns the actions that the environment allows; None allows all.
    """

    priority_exponent = 0.0

    def __init__(
        self,
        lm: LanguageModel,
        make_reference: Callable[[], LanguageModel],
        config: LogitsConfig,
        *,
        from_prior: bool,
        allowed: Allowed | None,
    ) -> None:
        self.network = LogitsNetwork(lm, make_reference(), config)
        self.network.allowed = allowed
        self.max_distance = config.max_distance
        self._config = config

    @property
    def reference(self) -> LanguageModel:
        """pi_ref, frozen."""
        return self.network.reference

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns two groups, "policy" and "value"."""
        return self.network.parameter_groups()

    def scores(self, features: Tensor) -> Tensor:
        """Returns the policy's log-probabilities float32 (n, V)."""
        return self.network.scores(features)

    def behaviour_log_probs(self, scores: Tensor, probabilities: Tensor) -> Tensor:
        """Returns the acting weights' log-probabilities, over the full vocabulary or the allowed actions."""
        return scores if self.network.allowed is None else torch.log_softmax(scores, dim=1)

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """Returns the policy at the temperature, with the same top_k and top_p as behaviour."""
        config = self._config
        return Exploration("sample", config.temperature, config.top_k, config.top_p).truncated(scores)

    def annotated(self, played: list[Trajectory]) -> list[Trajectory]:
        """Returns the episodes with log pi_ref of their actions."""
        return with_reference(self.reference, played, self._config.micro_batch_tokens, self.network.allowed)

    def after_playing(self, played: list[Trajectory]) -> dict[str, float]:
        """Adapts tau to the sequence KL of the round."""
        kl = float(log_ratios(played).mean())
        self.adapt_temperature(kl)
        return {"rollout/kl": kl, "train/tau": self.network.temperature}

    def adapt_temperature(self, kl: float) -> None:
        """Moves tau to bring the sequence KL towards `target_kl` (Ziegler et al. 2019, section 2.2).

        Args:
            kl: Sequence KL of the latest round, in nats.
        """
        if self._config.target_kl:
            error = float(np.clip(kl / self._config.target_kl - 1.0, -_LARGEST_ERROR, _LARGEST_ERROR))
            self.network.temperature *= 1.0 + _ADAPTATION * error

    def begin_update(self, updates: int) -> _LogitsUpdate:
        """Begins an update; the first `value_warmup` updates train V alone."""
        value_alone = updates < self._config.value_warmup
        return _LogitsUpdate(self.network, self._config.gamma, value_alone=value_alone)

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
        parts: list[tuple[TrajectoryBatch, LogitsPrediction]] = []
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
        next_values = self.network.targets(batch, self.network.predict(batch))
        return t.one_step_targets(
            batch.rewards, next_values, batch.mask, batch.terminated, self._config.gamma
        )

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Returns Q of every token in every state: float32 (n, m + 1, V)."""
        return self.network.q_values(features, batch)

    def check_export(self) -> None:
        """Never raises: the policy is a language model."""

    def state(self) -> dict[str, Any]:
        """Returns tau, which `target_kl` adapts."""
        return {"tau": self.network.temperature}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores tau."""
        self.network.temperature = state["tau"]


class _LogitsUpdate:
    """One consistency step; it also measures how well V predicted the returns of fresh episodes."""

    def __init__(self, network: LogitsNetwork, gamma: float, *, value_alone: bool) -> None:
        self.frozen: Collection[str] = ("policy",) if value_alone else ()
        self._network = network
        self._gamma = gamma
        self._value_alone = value_alone
        self._log_ratios: list[float] = []
        self._predicted_values: list[Tensor] = []
        self._returns: list[Tensor] = []

    def part(self, batch: TrajectoryBatch, fresh: np.ndarray | None) -> PartResult:
        """Returns the loss of a part; its priorities are 0, because nothing uses them."""
        network = self._network
        predicted = network.read(batch) if self._value_alone else network.predict(batch)
        loss, sums = network.loss(batch, predicted, network.targets(batch, predicted))
        if fresh is not None:
            self._measure_fresh(batch, predicted, torch.as_tensor(fresh))
        return PartResult(loss, sums, np.zeros(len(batch)), network.distances(batch, predicted))

    def _measure_fresh(self, batch: TrajectoryBatch, predicted: LogitsPrediction, fresh: Tensor) -> None:
        """Records log behaviour - log pi, and V beside returns, before the weights move."""
        log_ratios = (batch.behaviour_log_probs - predicted.log_probs.detach()) * batch.mask
        self._log_ratios.extend(log_ratios.sum(dim=1).cpu()[fresh].tolist())
        returns = t.returns(batch.rewards, batch.mask, self._gamma)
        self._predicted_values.append(predicted.values[:, :-1].detach()[fresh][batch.mask[fresh]])
        self._returns.append(returns[fresh][batch.mask[fresh]])

    def diagnostics(self) -> dict[str, float]:
        """Returns the KL from acting to learning weights, and the explained variance of V."""
        if not self._log_ratios:
            return {}
        logged = {"actor_kl": float(np.mean(self._log_ratios))}
        values, returns = (torch.cat(p).cpu().numpy() for p in (self._predicted_values, self._returns))
        if np.ptp(returns):
            logged["explained_variance"] = float(explained_variance(values, returns))
        return logged
