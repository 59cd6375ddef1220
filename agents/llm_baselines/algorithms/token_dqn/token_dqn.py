"""TokenDQN: deep Q-learning for token sequences, over a causal language model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_baselines.algorithms.playing_agent import PlayingAgent
from llm_baselines.algorithms.token_dqn.config import TokenDQNConfig
from llm_baselines.algorithms.token_dqn.episode_replay import EpisodeReplay
from llm_baselines.algorithms.token_dqn.objective import Objective, UpdateResult
from llm_baselines.algorithms.token_dqn.objectives import (
    fitting_objective,
    make_objective,
    make_token_dqn_config,
)
from llm_baselines.play.exploration import linear_epsilon, top_k_support
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch, observations_of
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.training.trainer import TrainingRun
from llm_envs import EvaluationResult
from llm_envs.lm.model import LanguageModel
from llm_envs.lm.reader import Reader

_REPLAY = "replay.safetensors"


class TokenDQN(PlayingAgent):
    """Deep Q-learning (Mnih et al. 2015) made for token sequences.

    Whole episodes are replayed: one causal pass of a transformer gives Q of every prefix at once. With
    q="head" it is the classic DQN, with target network, double, dueling and n-step as options. With
    q="logits" the language model's own logits carry the advantage, Q = V + tau (log pi - log pi_ref), and
    what is trained stays an ordinary language model.

    Args:
        model: A preset ("nano", "mini", "tiny", "small"), a mapping of Llama options, a folder, a hub name or
            a transformers causal LM.
        env: An id, a gymnasium environment or vector environment whose observations are tokens, -1 where
            there is none, and whose transitions append (see `transitions.check_step`).
        seed: Decides fresh weights, exploration, examples.
        device: "auto" (a GPU where there is one) or a torch device.
        verbose: 1 prints log lines (through Stable-Baselines3's logger).
        tensorboard_log: A folder for TensorBoard.
        **options: See TokenDQNConfig, and LogitsConfig or HeadConfig, as `q` says.

    Attributes:
        objective: What it learns by: `HeadObjective` or `LogitsObjective`.
        replay: The episodes.
        epsilon: The present probability of exploring, per token.
        tokens_per_episode: Mean length of the first round's episodes; None before.
    """

    name = "token_dqn"
    config_class = TokenDQNConfig
    config: TokenDQNConfig
    objective: Objective
    tokens_per_episode: float | None

    @classmethod
    def configure(cls, options: Mapping[str, Any], *, elsewhere: Iterable[str] = ()) -> TokenDQNConfig:
        """The configuration of the objective that the option `q` names."""
        return make_token_dqn_config(options, elsewhere=elsewhere)

    @classmethod
    def fitting(cls, options: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Options without those of another objective than the chosen one."""
        return fitting_objective(options, chosen)

    def learn_round(self, run: TrainingRun) -> None:
        """Plays episodes into the replay, and learns from what is there."""
        self.replay.add(self.act(run))
        played_at = self.updates
        self.forget_old(run)
        if self.num_timesteps >= self.config.learning_starts:
            rng = run.generator(1)
            for _ in range(self.config.gradient_steps if len(self.replay) else 0):
                trajectories, keys = self.sample(rng)
                result = self.update(trajectories, run, unchanged=self.updates == played_at)
                self.refresh_target(self.updates)
                self.after_use(keys, result)
                if not len(self.replay):
                    break
        self.objective.after_updates(self, run)

    # The parts of the loop.

    def act(self, run: TrainingRun) -> list[Trajectory]:
        """Plays a round of episodes, with what updates need to know of them."""
        self.epsilon = linear_epsilon(
            run.progress,
            initial=self.config.exploration_initial_eps,
            final=self.config.exploration_final_eps,
            fraction=self.config.exploration_fraction,
        )
        played = self.player.play(run, self._behaviour)
        run.log("rollout/epsilon", self.epsilon)
        if not played:  # a callback stopped the training before an episode was over
            return []
        played = self.objective.annotated(played)
        for name, value in self.objective.after_playing(played).items():
            run.log(name, value)
        if self.tokens_per_episode is None:
            self.tokens_per_episode = float(np.mean([len(t) for t in played]))
        return played

    def forget_old(self, run: TrainingRun) -> None:
        """Lets episodes leave by age."""
        if self.config.max_age:
            self.replay.remove_older(run.round - self.config.max_age + 1)
        run.log("replay/episodes", len(self.replay))

    def sample(self, rng: np.random.Generator) -> tuple[list[Trajectory], np.ndarray]:
        """Draws the episodes of an update, and their keys in the replay."""
        return self.replay.sample(self.config.batch_size, rng, self.objective.priority_exponent)

    def update(
        self, trajectories: list[Trajectory], run: TrainingRun, *, unchanged: bool = False
    ) -> UpdateResult:
        """One step of the optimizer towards the targets.

        The loss is summed over actions and divided by a constant, batch_size times the mean length of the
        first round's episodes: a token weighs the same in every batch.

        Args:
            trajectories: The episodes.
            run: The training run.
            unchanged: Whether the weights are those that played this round.
        """
        assert self.tokens_per_episode is not None
        divisor = self.config.batch_size * self.tokens_per_episode
        fresh = np.array([t.round == run.round for t in trajectories]) if unchanged else None
        priorities, distances = np.zeros(len(trajectories)), np.zeros(len(trajectories))
        sums: dict[str, float] = {}
        going = self.objective.begin_update(self.updates)

        def loss(batch: TrajectoryBatch, part: list[int]) -> Tensor:
            found = going.part(batch, None if fresh is None else fresh[part])
            priorities[part], distances[part] = found.priorities, found.distances
            for name, number in found.sums.items():
                sums[name] = sums.get(name, 0.0) + number
            return found.loss

        total = self.backward(trajectories, loss, divisor)
        run.check_finite(total, "the loss")
        logged = going.diagnostics()
        norms = self.optimizer_step(run, frozen=going.frozen)
        logged |= {f"grad_norm_{name}": norm for name, norm in norms.items()}
        logged |= {"loss": total / divisor}
        logged |= {name: value / sum(map(len, trajectories)) for name, value in sums.items()}
        for name, value in logged.items():
            run.log(f"train/{name}", value)
        return UpdateResult(total / divisor, norms, priorities, distances, logged)

    def after_use(self, keys: np.ndarray, result: UpdateResult) -> None:
        """Tells the replay what its episodes are worth; those far from the policy leave.

        Args:
            keys: From `sample`.
            result: Of the update on these episodes.
        """
        if self.objective.priority_exponent:
            self.replay.set_priorities(keys, result.priorities)
        if self.objective.max_distance:
            self.replay.remove(keys[result.distances > self.objective.max_distance])

    def refresh_target(self, steps: int) -> None:
        """Moves the target network, where so many steps are a multiple of `target_update_interval`."""
        if steps % self.config.target_update_interval == 0:
            with deferred_signals():  # whole, or not at all
                self.objective.refresh_target(self.config.polyak_tau)

    # Acting.

    def scores(self, features: Tensor) -> Tensor:
        """Q-values, or with q="logits" the policy's log-probabilities: float32 (n, V)."""
        return self.objective.scores(features)

    def make_readers(self) -> list[Reader]:
        """The language model, and the reference where behaviour or support look at it."""
        readers = super().make_readers()
        if self.config.reads_reference:
            readers.append(Reader(self.reference))
        return readers

    def bounded_scores(self, features: list[Tensor], observation: np.ndarray) -> Tensor:
        """Scores, -inf outside the support: the environment's mask and the reference's k best tokens."""
        scores = super().bounded_scores(features, observation)
        if self.config.support_top_k:
            prior = self.reference.logits(features[1]).float().masked_fill(scores == -torch.inf, -torch.inf)
            scores = scores.masked_fill(~top_k_support(prior, self.config.support_top_k), -torch.inf)
        return scores

    def _behaviour(self, features: list[Tensor], observation: np.ndarray) -> tuple[Tensor, Tensor]:
        """What actions are drawn from while training, and the log-probabilities that are noted."""
        scores = self.bounded_scores(features, observation)
        prior = self.reference.log_probs(features[1]) if self.config.reads_prior else None
        probabilities = self._exploration.probabilities(
            scores, epsilon=self.epsilon, prior=prior, support=scores > -torch.inf
        )
        return probabilities, self.objective.noted(scores, probabilities)

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """What `predict` draws from: the policy, cut as behaviour is, or the last epsilon-greedy."""
        return self.objective.acting_probabilities(scores)

    def kept_reference(self) -> LanguageModel | None:
        """pi_ref, frozen; None where nothing reads it."""
        return self.objective.reference

    @property
    def reference(self) -> LanguageModel:
        """pi_ref, frozen: the language model as it was before reinforcement learning."""
        assert self.objective.reference is not None
        return self.objective.reference

    # Making and keeping.

    def _build(self) -> None:
        if self.config.buffer_size < self.context_length:
            raise ValueError(
                f"buffer_size={self.config.buffer_size} is the number of tokens the replay keeps, and one "
                f"episode may have {self.context_length}"
            )
        self.replay = EpisodeReplay(self.config.buffer_size)
        self._exploration = self.config.make_exploration()
        self.epsilon = self.config.exploration_initial_eps
        self.tokens_per_episode = None
        super()._build()

    def build_learner(self) -> None:
        """The objective over the language model as it is now; a frozen copy of it becomes the reference."""
        self.optimizer = None
        with torch.random.fork_rng(devices=[]):  # fresh heads are the seed's, the global generator's is kept
            torch.manual_seed(self.seed)
            self.objective = make_objective(
                self.lm,
                self.make_reference,
                self.config,
                from_prior=not self.is_fresh,
                allowed=self._allowed if self.has_action_mask else None,
            )
        self.network = self.objective.network

    def _allowed(self, batch: TrajectoryBatch, states: Tensor) -> Tensor | None:
        """The environment's mask in some states of a batch, bool (k, V)."""
        return self.action_mask(observations_of(batch, states, self.context_length))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Those of the objective."""
        return self.objective.parameter_groups()

    def state(self) -> dict[str, Any]:
        """Counters, and what the objective adapts."""
        return {**super().state(), "tokens_per_episode": self.tokens_per_episode, **self.objective.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        super().restore(state)
        self.tokens_per_episode = state["tokens_per_episode"]
        self.objective.restore(state)

    def export(
        self, path: str | Path, evaluation: EvaluationResult | None = None, *, split: str = "test"
    ) -> None:
        """As PlayingAgent.export; with q="head" there is no language model that acts so."""
        self.objective.check_export()
        super().export(path, evaluation, split=split)

    def save_more(self, place: Path) -> None:
        """The replay, with the checkpoint."""
        self.replay.save(place / _REPLAY)

    def load_more(self, place: Path) -> None:
        """The replay."""
        self.replay = EpisodeReplay.load(place / _REPLAY, self.config.buffer_size)
