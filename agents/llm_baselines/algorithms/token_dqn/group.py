"""GroupObjective: an example's texts are each other's baseline, so no value is learned."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.logits import FreshTexts, LogitsObjective
from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, LogitsNetwork, behaviour_gaps
from llm_baselines.algorithms.token_dqn.objective import Loop, PartResult
from llm_baselines.algorithms.token_dqn.reference_memory import ReferenceMemory
from llm_baselines.lm.teacher_forcing import Allowed
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.training.trainer import TrainingRun

_READ = "read_by_reference.safetensors"


class GroupObjective(LogitsObjective[LogitsNetwork]):
    """Learns from what a text earned beyond the other texts of its example.

    A text's gain is its reward minus tau * KL(pi || pi_ref), summed over its states. Its advantage is the
    gain minus the mean of the others (Kool et al. 2019), and moves its log-probability. The KL of each state,
    over all actions, is also minimised itself. Together, on fresh texts, that is the gradient of expected
    reward minus tau * KL, with the optimum of `ValueObjective`: pi in proportion to pi_ref * exp(Q / tau).

    The sampled form of the same, e(y) = r(y) - tau * log(pi / pi_ref)(y) equal within a group (VarGrad,
    Richter et al. 2020), does not hold here: it compares texts of a group, so it stays silent about what they
    share. Probability then leaves for tokens that no text has, until texts break.

    Old texts that the policy has left count by min(1, pi / mu): in what a text is expected to earn, in the
    KL, and, if they earned too little, in the loss (Le Roux et al. 2025). They would otherwise be pushed down
    without end.

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
        self._memory = ReferenceMemory(
            network.reference, config.micro_batch_tokens, config.max_age, network.allowed
        )

    def annotated(self, played: list[Trajectory]) -> list[Trajectory]:
        """Returns the episodes with log pi_ref of their actions; that of all actions is kept for updates."""
        return self._memory.add(played)

    def begin_update(self, updates: int) -> _GroupUpdate:
        """Begins an update."""
        return _GroupUpdate(self.network, self._config, self._memory, by_token=self.by_token)

    def divisor(self, batch_size: int, tokens_per_episode: float) -> float:
        """Returns the usual number of tokens of a batch."""
        return batch_size * tokens_per_episode

    def after_updates(self, loop: Loop, run: TrainingRun) -> None:
        """Does nothing."""

    def refresh_target(self, tau: float) -> None:
        """Does nothing: no target bootstraps."""

    def save_more(self, place: Path) -> None:
        """Writes the texts that the reference was read on."""
        self._memory.save(place / _READ)

    def load_more(self, place: Path) -> None:
        """Reads them again."""
        if (place / _READ).exists():  # not in checkpoints of earlier versions
            self._memory.load(place / _READ)

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
    """One step along the gradient of the groups' gains."""

    frozen: Collection[str] = ()

    def __init__(
        self, network: LogitsNetwork, config: LogitsConfig, memory: ReferenceMemory, *, by_token: bool
    ) -> None:
        self._network = network
        self._config = config
        self._memory = memory
        self._by_token = by_token
        self._fresh = FreshTexts()
        self._weights: list[float] = []

    def part(self, batch: TrajectoryBatch, fresh: np.ndarray | None) -> PartResult:
        """Returns the loss of a part, which holds whole groups."""
        network, config = self._network, self._config
        log_probs, kl = network.read_states(batch, self._memory.log_probs(batch))
        gaps = behaviour_gaps(batch, log_probs)
        gains, present, left = self._compared(batch, kl.detach(), gaps)
        presence, text_presence = (
            t.presence(values) if config.taper else torch.ones_like(values)
            for values in (left, gaps.sum(dim=1, keepdim=True))
        )
        expected, has_others = t.others_mean(gains, presence * present, batch.examples)
        advantages = torch.where(has_others & present, gains - expected, 0.0)
        if config.loss == "huber":
            advantages = advantages.clamp(-1.0, 1.0)
        weights = torch.where(advantages < 0, presence, 1.0)
        moved = log_probs if self._by_token else log_probs.sum(dim=1, keepdim=True)
        loss = network.temperature * (text_presence * kl).sum() - (weights * advantages * moved).sum()
        if fresh is not None:
            self._fresh.add(batch, log_probs, fresh)
        self._weights.extend(weights[has_others & present].tolist())
        sums = {
            "advantage": float(advantages.abs().sum()),
            "log_ratio": float(network.log_ratios(batch, log_probs).detach().sum()),
            "state_kl": float(kl.detach().sum()),
        }
        return PartResult(loss, sums, np.zeros(len(batch)), network.distances(batch, log_probs))

    def _compared(self, batch: TrajectoryBatch, kl: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns what is compared within a group: (n, 1) for whole texts, (n, m) for rests after each token.

        Returns:
            The gains; whether there is a text to compare; log pi - log mu of it.
        """
        network, mask = self._network, batch.mask
        costs = network.temperature * kl
        gains = network.rewards(batch) - costs
        if self._by_token:
            rest = t.returns(gains, mask) + costs  # an action does not change the KL of its own state
            return rest, mask, t.returns(gaps, mask)
        gains, gaps = gains.sum(dim=1, keepdim=True), gaps.sum(dim=1, keepdim=True)
        return gains, torch.ones_like(gains, dtype=torch.bool), gaps

    def diagnostics(self) -> dict[str, float]:
        """Returns the KL from acting to learning weights, and the mean weight of the errors."""
        weight = {"taper": float(np.mean(self._weights))} if self._weights else {}
        return {**self._fresh.diagnostics(), **weight}
