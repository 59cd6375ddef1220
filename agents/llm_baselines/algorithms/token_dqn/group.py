"""GroupObjective: an example's texts are each other's baseline, so no value is learned."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor

from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.logits import FreshTexts, LogitsObjective
from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, LogitsNetwork, behaviour_gaps
from llm_baselines.algorithms.token_dqn.objective import Loop, PartResult
from llm_baselines.lm.teacher_forcing import Allowed
from llm_baselines.play.trajectory import TrajectoryBatch
from llm_baselines.training.trainer import TrainingRun


class GroupObjective(LogitsObjective[LogitsNetwork]):
    """Learns path consistency with V eliminated (VarGrad, Richter et al. 2020).

    For texts y of one example, e(y) = r(y) - tau * log(pi / pi_ref)(y) is one number at the optimum, V. So
    the loss is the spread of e within the group: each text's squared distance from the mean of the others.
    It has that optimum whoever wrote the texts, and on texts of the present policy, with weights of 1, its
    gradient is RLOO's (Ahmadian et al. 2024).

    Old texts that the policy has left count by min(1, pi / mu): in what a text is expected to earn, and, if
    their reward is below that, in the loss (Le Roux et al. 2025). They would otherwise be pushed down without
    end, and what they lose goes anywhere. Texts that earned too little also have `negative_weight`. At the
    optimum there are no errors, so weights do not move it.

    With `credit="token"` the same is done from each token on: the rest of a text is compared with the rests
    of the others after as many tokens, and moves that token alone.

    Args:
        network: Holds the language model and its reference.
        config: The configuration.
        allowed: Returns the actions that the environment allows; None allows all.
        by_token: Whether the credit is each token's own.

    Attributes:
        by_token: As above.
    """

    def __init__(
        self,
        network: LogitsNetwork,
        config: LogitsConfig,
        allowed: Allowed | None = None,
        *,
        by_token: bool,
    ) -> None:
        super().__init__(network, config, allowed)
        self.group_size, self.visits = config.group_size, config.visits
        self.by_token = by_token

    def begin_update(self, updates: int) -> _GroupUpdate:
        """Begins an update."""
        return _GroupUpdate(self.network, self._config, by_token=self.by_token)

    def divisor(self, batch_size: int, tokens_per_episode: float) -> float:
        """Returns the batch's usual number of texts: each has one score."""
        return batch_size

    def after_updates(self, loop: Loop, run: TrainingRun) -> None:
        """Does nothing."""

    def refresh_target(self, tau: float) -> None:
        """Does nothing: no target bootstraps."""

    def action_targets(self, batch: TrajectoryBatch) -> Tensor:
        """Returns what the text went on to earn, less the cost of its later tokens: float (n, m).

        As in `q_values`, the value of the state is missing: Q is 0 for what the others earn.
        """
        network = self.network
        log_probs = network.log_probs(batch).detach()
        rest = t.returns(network.gains(batch, log_probs), batch.mask)
        expected, _ = t.others_mean(rest, batch.mask.to(rest.dtype), batch.examples)
        own = network.temperature * network.log_ratios(batch, log_probs)
        return network.scale.value * torch.where(batch.mask, rest + own - expected, 0.0)


class _GroupUpdate:
    """One step towards equal e within the groups."""

    frozen: Collection[str] = ()

    def __init__(self, network: LogitsNetwork, config: LogitsConfig, *, by_token: bool) -> None:
        self._network = network
        self._config = config
        self._by_token = by_token
        self._fresh = FreshTexts()
        self._weights: list[float] = []

    def part(self, batch: TrajectoryBatch, fresh: np.ndarray | None) -> PartResult:
        """Returns the loss of a part, which holds whole groups."""
        network, config = self._network, self._config
        log_probs = network.log_probs(batch)
        rewards, gains, present, gaps = self._compared(batch, log_probs)
        presence = t.presence(gaps) if config.taper else torch.ones_like(gaps)
        expected, has_others = t.others_mean(gains.detach(), presence * present, batch.examples)
        has_others &= present
        weights = torch.where(rewards < expected, presence, 1.0)
        weights = torch.where(gains.detach() < expected, config.negative_weight * weights, weights)
        errors = torch.where(has_others, t.tapered(gains - expected, weights), 0.0)
        # Divided by tau, the gradient is the policy gradient, and clipping means the same for every tau.
        loss = t.regression_loss(errors, config.loss) / network.temperature
        if fresh is not None:
            self._fresh.add(batch, log_probs, fresh)
        self._weights.extend(weights[has_others].tolist())
        sums = {
            "path_error": float(errors.detach().abs().sum()),
            "log_ratio": float(network.log_ratios(batch, log_probs).detach().sum()),
        }
        return PartResult(loss, sums, np.zeros(len(batch)), network.distances(batch, log_probs))

    def _compared(self, batch: TrajectoryBatch, log_probs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns what is compared within a group: (n, 1) for whole texts, (n, m) for rests after each token.

        Returns:
            The rewards; e, with gradient; whether there is a text to compare; log pi - log mu of it.
        """
        network, mask = self._network, batch.mask
        gaps = behaviour_gaps(batch, log_probs)
        rewards, gains = network.rewards(batch), network.gains(batch, log_probs)
        if not self._by_token:
            sums = (values.sum(dim=1, keepdim=True) for values in (rewards, gains, gaps))
            rewards, gains, gaps = sums
            return rewards, gains, torch.ones_like(gains, dtype=torch.bool), gaps
        moving = gains - gains.detach()  # 0, with the gradient of the action's own log-probability
        rest = t.returns(gains.detach(), mask) + moving
        return t.returns(rewards, mask), rest, mask, t.returns(gaps, mask)

    def diagnostics(self) -> dict[str, float]:
        """Returns the KL from acting to learning weights, and the mean weight of the errors."""
        weight = {"taper": float(np.mean(self._weights))} if self._weights else {}
        return {**self._fresh.diagnostics(), **weight}
