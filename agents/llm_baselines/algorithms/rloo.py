"""RLOO: a policy-gradient baseline on the same models, rollouts and checkpoints as TokenDQN."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from llm_baselines.algorithms.playing_agent import PlayingAgent
from llm_baselines.configuration.options import option, redefined
from llm_baselines.lm.settings import PlayingAgentConfig
from llm_baselines.lm.teacher_forcing import action_log_probs, state_features, with_reference
from llm_baselines.play.exploration import Exploration
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.training.player import log_ratios
from llm_baselines.training.trainer import TrainingRun
from llm_envs.lm.model import LanguageModel


@dataclass(frozen=True, slots=True, kw_only=True)
class RLOOConfig(PlayingAgentConfig):
    """Every option of RLOO."""

    group_size: int = option(
        4, "episodes on each example, each the others' baseline (Ahmadian et al. 2024)", at_least=2
    )
    kl_coef: float = option(
        0.05, "weight of the sequence KL to the reference in the reward, per nat; measured", at_least=0
    )
    averaging: float = redefined(PlayingAgentConfig, "averaging", 8.0)
    exploration_temperature: float = option(1.0, "temperature of training's texts", above=0, later=True)
    top_k: int = option(
        0,
        "what is drawn comes from the k best tokens (Fan et al. 2018); 0: from all",
        at_least=0,
        decoding=True,
    )

    def __post_init__(self) -> None:
        PlayingAgentConfig.__post_init__(self)
        if self.round_size % self.group_size:
            raise ValueError(
                f"group_size={self.group_size!r} must divide the {self.round_size} episodes of a round "
                f"(episodes_per_round={self.episodes_per_round}, n_envs={self.n_envs})"
            )


class _PolicyAndReference(nn.Module):
    def __init__(self, lm: LanguageModel, reference: LanguageModel) -> None:
        super().__init__()
        self.lm, self.reference = lm, reference


class RLOO(PlayingAgent):
    """REINFORCE with a leave-one-out baseline (Kool et al. 2019; Ahmadian et al. 2024), on-policy.

    An episode's return is its score minus `kl_coef` * (log pi - log pi_ref) of its text. Its advantage is the
    return minus the mean return of the other episodes on the same example. Each round makes one update. In
    environments that take no example, any `group_size` episodes of the round form a group.

    Args:
        model: As for TokenDQN.
        env: As for TokenDQN.
        **options: See RLOOConfig.
    """

    name = "rloo"
    remedies = ", or raise kl_coef"
    config_class = RLOOConfig
    config: RLOOConfig

    def learn_round(self, run: TrainingRun) -> None:
        """Plays groups of episodes, and makes one update."""
        played = self.player.play(run, self._behaviour, group=self.config.group_size)
        if len(played) == self.config.round_size:  # an interrupted round has incomplete groups
            self.update(self.recombined(played), run)

    def _behaviour(self, features: list[Tensor], observation: np.ndarray) -> tuple[Tensor, Tensor]:
        scores = self.bounded_scores(features, observation)
        config = self.config
        exploration = Exploration("sample", config.exploration_temperature, config.top_k)
        return exploration.truncated(scores), scores

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """Returns the policy at the temperature, restricted to the k best tokens as in training."""
        return Exploration("sample", self.config.temperature, self.config.top_k).truncated(scores)

    def update(self, played: list[Trajectory], run: TrainingRun) -> None:
        """Takes one step along the policy gradient."""
        played = with_reference(self.network.reference, played, self.config.micro_batch_tokens)
        advantages = self._advantages(played)
        kl, scores = float(log_ratios(played).mean()), [t.score for t in played]
        run.log("rollout/kl", kl)
        self.watch_objective(run, float(np.mean(scores) - self.config.kl_coef * kl), float(np.std(scores)))
        gaps: list[float] = []

        def loss(batch: TrajectoryBatch, part: list[int]) -> Tensor:
            log_probs = action_log_probs(self.lm, state_features(self.lm, batch), batch).sum(dim=1)
            gaps.extend((batch.behaviour_log_probs.sum(dim=1) - log_probs.detach()).tolist())
            weights = torch.as_tensor(advantages[part], dtype=torch.float32, device=self.device)
            return -(weights * log_probs).sum()

        total = self.backward(played, loss, len(played)) / len(played)
        run.check_finite(total, "the loss")
        run.log("train/loss", total)
        run.log("train/actor_kl", float(np.mean(gaps)))
        run.log("train/advantage", float(np.abs(advantages).mean()))
        for name, norm in self.optimizer_step(run).items():
            run.log(f"train/grad_norm_{name}", norm)

    def _advantages(self, played: list[Trajectory]) -> np.ndarray:
        """Returns each episode's return minus the mean of the others in its group, float64 (n,)."""
        returns = np.array([t.score for t in played]) - self.config.kl_coef * log_ratios(played)
        return leave_one_out(returns.reshape(-1, self.config.group_size)).reshape(-1)

    network: _PolicyAndReference

    def kept_reference(self) -> LanguageModel:
        """Returns pi_ref, frozen."""
        return self.network.reference

    def build_learner(self) -> None:
        """Makes the policy, and a frozen copy as the reference."""
        self.optimizer = None
        self.network = _PolicyAndReference(self.lm, self.make_reference())


def leave_one_out(returns: np.ndarray) -> np.ndarray:
    """Subtracts from each return the mean of the k - 1 others in its group (Kool et al. 2019, eq. 8).

    Args:
        returns: float (groups, k).

    Returns:
        float (groups, k).
    """
    k = returns.shape[1]
    others = (returns.sum(axis=1, keepdims=True) - returns) / (k - 1)
    advantages: np.ndarray = returns - others
    return advantages
