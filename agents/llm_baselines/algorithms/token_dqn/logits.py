"""LogitsObjective: the language model's own logits carry the advantage, V is a scalar head."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.utils import explained_variance
from torch import Tensor

from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.head_network import Allowed
from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, LogitsNetwork, LogitsPrediction
from llm_baselines.algorithms.token_dqn.objective import Loop, PartResult
from llm_baselines.lm.teacher_forcing import with_reference
from llm_baselines.play.exploration import Exploration
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch, micro_batches
from llm_baselines.training.player import log_ratios
from llm_baselines.training.trainer import TrainingRun
from llm_envs.lm.model import LanguageModel

_LARGEST_ERROR, _ADAPTATION = 0.2, 0.1  # Ziegler et al. 2019, section 2.2


class LogitsObjective:
    """Path consistency with Q = V + tau (log pi - log pi_ref) (Nachum et al. 2017); see LogitsNetwork.

    Args:
        lm: The language model that is trained.
        make_reference: Makes pi_ref, the frozen language model it starts from.
        config: The configuration.
        from_prior: Without effect: Q always starts at the language model.
        allowed: Without effect: no maximum over actions is taken.
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
        self.max_distance = config.max_distance
        self._config = config

    @property
    def reference(self) -> LanguageModel:
        """pi_ref, frozen."""
        return self.network.reference

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Two groups, "policy" and "value"."""
        return self.network.parameter_groups()

    def scores(self, features: Tensor) -> Tensor:
        """The policy's log-probabilities float32 (n, V)."""
        return self.network.scores(features)

    def noted(self, scores: Tensor, probabilities: Tensor) -> Tensor:
        """The log-probabilities of the acting weights over the full vocabulary."""
        return scores

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """The policy at the temperature, cut as behaviour is."""
        config = self._config
        return Exploration("sample", config.temperature, config.top_k, config.top_p).truncated(scores)

    def annotated(self, played: list[Trajectory]) -> list[Trajectory]:
        """The episodes with log pi_ref of their actions."""
        return with_reference(self.reference, played, self._config.micro_batch_tokens)

    def after_playing(self, played: list[Trajectory]) -> dict[str, float]:
        """Adapts tau to the sequence KL of the round."""
        kl = float(log_ratios(played).mean())
        self.adapt_temperature(kl)
        return {"rollout/kl": kl, "train/tau": self.network.temperature}

    def adapt_temperature(self, kl: float) -> None:
        """Moves tau so that the sequence KL comes to `target_kl` (Ziegler et al. 2019, section 2.2).

        Args:
            kl: Of the latest round, nats.
        """
        if self._config.target_kl:
            error = float(np.clip(kl / self._config.target_kl - 1.0, -_LARGEST_ERROR, _LARGEST_ERROR))
            self.network.temperature *= 1.0 + _ADAPTATION * error

    def begin_update(self, updates: int) -> _LogitsUpdate:
        """An update; the first `value_warmup` ones train V alone."""
        waiting = updates < self._config.value_warmup
        return _LogitsUpdate(self.network, self._config.gamma, value_alone=waiting)

    def after_updates(self, loop: Loop, run: TrainingRun) -> None:
        """Steps of V alone on the replay's episodes, which are read once: a step costs a pass of the head.

        They come after the updates, so that fresh episodes meet a V that does not know their outcome.
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
            batch, seen = parts[order[step % len(parts)]]
            predicted = network.valued(seen)
            loss, _ = network.loss(batch, predicted, network.targets(batch, predicted))
            run.check_finite(float(loss.detach()), "the loss of V")
            (loss / (len(batch) * loop.tokens_per_episode)).backward()
            loop.optimizer_step(run, frozen=("policy",), counted=False)
            loop.refresh_target(step + 1)

    def refresh_target(self, tau: float) -> None:
        """Moves the target of the value head."""
        self.network.refresh_target(tau)

    def action_targets(self, batch: TrajectoryBatch) -> Tensor:
        """R + gamma V(s'): float (n, m)."""
        next_values = self.network.targets(batch, self.network.predict(batch))
        return t.one_step_targets(
            batch.rewards, next_values, batch.mask, batch.terminated, self._config.gamma
        )

    def q_values(self, features: Tensor, batch: TrajectoryBatch) -> Tensor:
        """Q of every token in every state: float32 (n, m + 1, V)."""
        return self.network.q_values(features, batch)

    def check_export(self) -> None:
        """Passes: the policy is the language model."""

    def state(self) -> dict[str, Any]:
        """The temperature, which `target_kl` moves."""
        return {"tau": self.network.temperature}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes the temperature back."""
        self.network.temperature = state["tau"]


class _LogitsUpdate:
    """One step towards consistency, and how well V foretold the fresh episodes."""

    def __init__(self, network: LogitsNetwork, gamma: float, *, value_alone: bool) -> None:
        self.frozen: Collection[str] = ("policy",) if value_alone else ()
        self._network = network
        self._gamma = gamma
        self._value_alone = value_alone
        self._gaps: list[float] = []
        self._foretold: list[Tensor] = []
        self._earned: list[Tensor] = []

    def part(self, batch: TrajectoryBatch, fresh: np.ndarray | None) -> PartResult:
        """The loss of a part; nothing asks for its priorities, which are 0."""
        network = self._network
        predicted = network.read(batch) if self._value_alone else network.predict(batch)
        loss, sums = network.loss(batch, predicted, network.targets(batch, predicted))
        if fresh is not None:
            self._look_at(batch, predicted, torch.as_tensor(fresh))
        return PartResult(loss, sums, np.zeros(len(batch)), network.distances(batch, predicted))

    def _look_at(self, batch: TrajectoryBatch, predicted: LogitsPrediction, fresh: Tensor) -> None:
        """Notes log pi - log behaviour and V against returns, before the weights have moved."""
        between = (batch.behaviour_log_probs - predicted.log_probs.detach()) * batch.mask
        self._gaps.extend(between.sum(dim=1).cpu()[fresh].tolist())
        rest = t.returns(batch.rewards, batch.mask, self._gamma)
        self._foretold.append(predicted.values[:, :-1].detach()[fresh][batch.mask[fresh]])
        self._earned.append(rest[fresh][batch.mask[fresh]])

    def diagnostics(self) -> dict[str, float]:
        """The KL of acting and learning weights, and how much of the returns' variance V explains."""
        if not self._gaps:
            return {}
        logged = {"actor_kl": float(np.mean(self._gaps))}
        foretold, happened = (torch.cat(p).cpu().numpy() for p in (self._foretold, self._earned))
        if np.ptp(happened):
            logged["explained_variance"] = float(explained_variance(foretold, happened))
        return logged
