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
from llm_baselines.algorithms.token_dqn.head_network import SCALE, unit_scale
from llm_baselines.algorithms.token_dqn.objective import Objective, UpdateResult
from llm_baselines.algorithms.token_dqn.objective_choice import (
    fitting_objective,
    make_objective,
    make_token_dqn_config,
)
from llm_baselines.play.exploration import linear_epsilon, top_k_support
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.training.trainer import TrainingRun
from llm_envs import EvaluationResult
from llm_envs.lm.model import LanguageModel
from llm_envs.lm.reader import Reader

_REPLAY = "replay.safetensors"


class TokenDQN(PlayingAgent):
    """Deep Q-learning (Mnih et al. 2015) for token sequences.

    The replay holds whole episodes, because one causal pass of a transformer gives Q of every prefix. With
    q="head" it is the classic DQN; target network, double, dueling and n-step are options. With q="logits"
    the language model's own logits are the advantage: Q = V + tau (log pi - log pi_ref). The trained network
    then remains an ordinary language model.

    Args:
        model: A preset ("nano", "mini", "tiny", "small"), a mapping of Llama options, a folder, a hub name or
            a transformers causal LM.
        env: An id, or a gymnasium environment or vector environment. Observations are tokens, padded with
            -1, and each step appends tokens (see `transitions.check_step`).
        seed: Decides fresh weights, exploration and examples.
        device: "auto" (a GPU where there is one) or a torch device.
        verbose: 1 prints log lines (through Stable-Baselines3's logger).
        tensorboard_log: A folder for TensorBoard.
        **options: See LogitsConfig for q="logits", and HeadConfig for q="head".

    Attributes:
        objective: `HeadObjective` or `LogitsObjective`.
        replay: The replay of episodes.
        epsilon: The present probability of exploring, per token.
        tokens_per_episode: Mean length of the first round's episodes; None before that round.
        owed_tokens: Tokens that updates still have to use; below 0 if the last one used more.
    """

    name = "token_dqn"
    config_class = TokenDQNConfig
    config: TokenDQNConfig
    remedies = " or reuse, or raise tau"
    objective: Objective
    tokens_per_episode: float | None

    @classmethod
    def configure(cls, options: Mapping[str, Any], *, elsewhere: Iterable[str] = ()) -> TokenDQNConfig:
        """Returns the configuration of the objective that the option `q` names."""
        return make_token_dqn_config(options, elsewhere=elsewhere)

    @classmethod
    def fitting(cls, options: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Returns options without those of the other objectives."""
        return fitting_objective(options, chosen)

    def learn_round(self, run: TrainingRun) -> None:
        """Plays episodes into the replay, and updates until every new token has been used `reuse` times."""
        if not len(self.replay):
            self.owed_tokens = 0.0  # what was owed to episodes that are gone
        played = self.act(run)
        self.replay.add(played)
        updates_before = self.updates
        self.forget_old(run)
        if self.num_timesteps >= self.config.learning_starts:
            self.owed_tokens += self.config.reuse * sum(map(len, played))
            rng = run.generator(1)
            while self.owed_tokens > 0 and len(self.replay):
                trajectories, keys = self.sample(rng)
                if not trajectories:  # no two episodes of an example
                    break
                self.owed_tokens -= sum(map(len, trajectories))
                result = self.update(trajectories, run, unchanged=self.updates == updates_before)
                self.refresh_target(self.updates)
                self.after_use(keys, result)
        self.objective.after_updates(self, run)

    # The parts of the loop.

    def act(self, run: TrainingRun) -> list[Trajectory]:
        """Plays a round of episodes, and adds the values that updates need."""
        self.epsilon = linear_epsilon(
            run.progress,
            initial=self.config.exploration_initial_eps,
            final=self.config.exploration_final_eps,
            fraction=self.config.exploration_fraction,
        )
        group, visits = self.objective.group_size, self.objective.visits
        played = self.player.play(run, self._behaviour, group=group, visits=visits)
        run.log("rollout/epsilon", self.epsilon)
        if not played:  # a callback stopped the training before an episode ended
            return []
        played = self.objective.annotated(self.recombined(played))
        for name, value in self.objective.after_playing(played).items():
            run.log(name, value)
        if (watched := self.objective.fresh_objective(played)) is not None:
            self.watch_objective(run, *watched)
        if self.tokens_per_episode is None:
            self.tokens_per_episode = float(np.mean([len(t) for t in played]))
        return played

    def forget_old(self, run: TrainingRun) -> None:
        """Removes episodes older than `max_age` rounds from the replay."""
        if self.config.max_age:
            self.replay.remove_older(run.round - self.config.max_age + 1)
        run.log("replay/episodes", len(self.replay))

    def sample(self, rng: np.random.Generator) -> tuple[list[Trajectory], np.ndarray]:
        """Samples the episodes of an update; returns them and their keys in the replay."""
        config, exponent = self.config, self.objective.priority_exponent
        if self.objective.group_size > 1:
            return self.replay.sample_groups(config.batch_size, rng)
        if self._batch_tokens:
            return self.replay.sample_actions(self._batch_tokens, rng, exponent)
        return self.replay.sample(config.batch_size, rng, exponent)

    @property
    def _batch_tokens(self) -> int:
        """Tokens acted of an update; 0 if it takes a number of episodes, as groups of texts do."""
        return 0 if self.objective.group_size > 1 else self.config.batch_tokens

    def update(
        self, trajectories: list[Trajectory], run: TrainingRun, *, unchanged: bool = False
    ) -> UpdateResult:
        """Takes one optimizer step towards the targets.

        The summed loss is divided by a constant, so that a token weighs the same in every batch.

        Args:
            trajectories: The episodes.
            run: The training run.
            unchanged: True if the weights have not changed since they played this round.
        """
        assert self.tokens_per_episode is not None
        divisor = self._batch_tokens or self.objective.divisor(
            self.config.batch_size, self.tokens_per_episode
        )
        fresh = np.array([t.round == run.round for t in trajectories]) if unchanged else None
        priorities, distances = np.zeros(len(trajectories)), np.zeros(len(trajectories))
        sums: dict[str, float] = {}
        update = self.objective.begin_update(self.updates)

        def loss(batch: TrajectoryBatch, part: list[int]) -> Tensor:
            result = update.part(batch, None if fresh is None else fresh[part])
            priorities[part], distances[part] = result.priorities, result.distances
            for name, value in result.sums.items():
                sums[name] = sums.get(name, 0.0) + value
            return result.loss

        total = self.backward(trajectories, loss, divisor, grouped=self.objective.group_size > 1)
        run.check_finite(total, "the loss")
        logged = update.diagnostics()
        norms = self.optimizer_step(run, frozen=update.frozen)
        logged |= {f"grad_norm_{name}": norm for name, norm in norms.items()}
        logged |= {"loss": total / divisor}
        logged |= {name: value / sum(map(len, trajectories)) for name, value in sums.items()}
        for name, value in logged.items():
            run.log(f"train/{name}", value)
        return UpdateResult(total / divisor, norms, priorities, distances, logged)

    def after_use(self, keys: np.ndarray, result: UpdateResult) -> None:
        """Sets the replay's priorities, and removes episodes far from the policy.

        Args:
            keys: From `sample`.
            result: The result of the update on these episodes.
        """
        if self.objective.priority_exponent:
            self.replay.set_priorities(keys, result.priorities)
        if self.objective.max_distance:
            self.replay.remove(keys[result.distances > self.objective.max_distance])

    def refresh_target(self, steps: int) -> None:
        """Moves the target network if `steps` is a multiple of `target_update_interval`."""
        if steps % self.config.target_update_interval == 0:
            with deferred_signals():  # an interruption must not leave half a move
                self.objective.refresh_target(self.config.polyak_tau)

    # Acting.

    def scores(self, features: Tensor) -> Tensor:
        """Returns Q-values, or with q="logits" the policy's log-probabilities: float32 (n, V)."""
        return self.objective.scores(features)

    def make_readers(self) -> list[Reader]:
        """Returns readers of the language model, and of the reference if behaviour or support use it."""
        readers = super().make_readers()
        if self.config.reads_reference:
            readers.append(Reader(self.reference))
        return readers

    def bounded_scores(self, features: list[Tensor], observation: np.ndarray) -> Tensor:
        """Returns scores with -inf outside the support: the allowed tokens among the reference's k best."""
        scores = super().bounded_scores(features, observation)
        if self.config.support_top_k:
            prior = self.reference.logits(features[1]).float().masked_fill(scores == -torch.inf, -torch.inf)
            scores = scores.masked_fill(~top_k_support(prior, self.config.support_top_k), -torch.inf)
        return scores

    def values_of(self, batch: TrajectoryBatch) -> dict[str, Tensor]:
        """Returns Q and V, or with q="logits" advantages and log-probabilities; see the network."""
        return self.objective.values_of(batch)

    def _behaviour(self, features: list[Tensor], observation: np.ndarray) -> tuple[Tensor, Tensor]:
        """Returns the distribution that training draws from, and the log-probabilities to store."""
        scores = self.bounded_scores(features, observation)
        prior = self.reference.log_probs(features[1]) if self.config.reads_prior else None
        probabilities = self._exploration.probabilities(
            scores, epsilon=self.epsilon, prior=prior, support=scores > -torch.inf
        )
        return probabilities, self.objective.behaviour_log_probs(scores, probabilities)

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """Returns the distribution that a non-deterministic `predict` draws from; see the objective."""
        return self.objective.acting_probabilities(scores)

    def kept_reference(self) -> LanguageModel | None:
        """Returns pi_ref, frozen; None if the configuration does not use it."""
        return self.objective.reference

    @property
    def reference(self) -> LanguageModel:
        """pi_ref, frozen: the language model as it was before reinforcement learning."""
        assert self.objective.reference is not None
        return self.objective.reference

    # Building, saving and loading.

    def _build(self) -> None:
        if self.config.buffer_size < self.context_length:
            raise ValueError(
                f"buffer_size={self.config.buffer_size} is too small: it is the number of tokens in the "
                f"replay, and one episode may have {self.context_length}"
            )
        self._exploration = self.config.make_exploration()
        self.epsilon = self.config.exploration_initial_eps
        self.tokens_per_episode = None
        self.owed_tokens = 0.0
        super()._build()
        self._use_replay(EpisodeReplay(self.config.buffer_size, self._stored_components))

    @property
    def _stored_components(self) -> int:
        """Number of reward components that the replay stores; 0 if they are never recombined."""
        return 0 if self.component_scale is None else len(self.component_scale.names)

    def _use_replay(self, replay: EpisodeReplay) -> None:
        """Takes a replay, whose episodes are recombined with the present spreads when they are sampled."""
        self.replay = replay
        if self.component_scale is not None:
            replay.recombine = self.component_scale.recombined

    def build_learner(self) -> None:
        """Makes the objective from the present language model; a frozen copy becomes the reference."""
        self.optimizer = None
        with torch.random.fork_rng(devices=[]):  # the seed decides fresh heads; the global state stays
            torch.manual_seed(self.seed)
            self.objective = make_objective(
                self.lm,
                self.make_reference,
                self.config,
                from_prior=not self.is_fresh,
                allowed=self.allowed_actions if self.has_action_mask else None,
                takes_examples=self.native,
                dense=self._pays_before_the_end,
            )
        self.network = self.objective.network

    @property
    def _pays_before_the_end(self) -> bool:
        timing = self.config.reward_timing or (self.task.reward_timing if self.native else "terminal")
        return timing != "terminal"

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns the parameter groups of the objective."""
        return self.objective.parameter_groups()

    def state(self) -> dict[str, Any]:
        """Returns the counters, and the state of the objective."""
        counters = {"tokens_per_episode": self.tokens_per_episode, "owed_tokens": self.owed_tokens}
        return {**super().state(), **counters, **self.objective.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        super().restore(state)
        self.tokens_per_episode = state["tokens_per_episode"]
        self.owed_tokens = state.get("owed_tokens", 0.0)  # agents of earlier versions have none
        self.objective.restore(state)

    def export(
        self, path: str | Path, evaluation: EvaluationResult | None = None, *, split: str = "test"
    ) -> None:
        """Writes a plain transformers checkpoint; see KeptLearner.export. Raises with q="head"."""
        self.objective.check_export()
        super().export(path, evaluation, split=split)

    def take_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Loads the tensors that `stored_tensors` returned, also of an agent from before Q had a scale."""
        missing = SCALE in self.stored_tensors() and SCALE not in tensors
        super().take_tensors({**tensors, SCALE: unit_scale()} if missing else tensors)

    def save_more(self, place: Path) -> None:
        """Writes the replay too into a checkpoint."""
        super().save_more(place)
        self.replay.save(place / _REPLAY)
        self.objective.save_more(place)

    def load_more(self, place: Path) -> None:
        """Reads the replay too from a checkpoint."""
        super().load_more(place)
        capacity = self.config.buffer_size
        self._use_replay(EpisodeReplay.load(place / _REPLAY, capacity, self._stored_components))
        self.objective.load_more(place)
