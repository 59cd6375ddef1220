"""TokenDQN: deep Q-learning for token sequences, over a causal language model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.utils import explained_variance
from torch import Tensor

from llm_baselines.algorithms.language_agent import LanguageAgent
from llm_baselines.algorithms.supervised.supervised import begin_from_demonstrations, check_start
from llm_baselines.algorithms.token_dqn import targets as t
from llm_baselines.algorithms.token_dqn.config import TokenDQNConfig
from llm_baselines.algorithms.token_dqn.episode_replay import EpisodeReplay
from llm_baselines.algorithms.token_dqn.q_network import HeadNetwork, LogitsNetwork
from llm_baselines.lm.teacher_forcing import with_reference
from llm_baselines.play.exploration import Exploration, linear_epsilon, top_k_support
from llm_baselines.play.trajectory import Trajectory, TrajectoryBatch, micro_batches, observations_of
from llm_baselines.storage.interruption import deferred_signals
from llm_baselines.training.player import RoundPlayer, log_ratios
from llm_baselines.training.trainer import TrainingRun
from llm_envs import EvaluationResult
from llm_envs.lm.model import LanguageModel
from llm_envs.lm.reader import Reader

_REPLAY = "replay.safetensors"


class TokenDQN(LanguageAgent):
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
        **options: See TokenDQNConfig.

    Attributes:
        replay: The episodes.
        reference: pi_ref, frozen; what the language model was before reinforcement learning.
    """

    name = "token_dqn"
    config_class = TokenDQNConfig

    def begin_learning(self, run_folder: str | Path | None, *, resume: bool, progress_bar: bool) -> None:
        """Begins from demonstrations, where there are any; the model is the reference from then on."""
        self._player = RoundPlayer(self)  # what is wrong with reward or data shows before the warm start
        begin_from_demonstrations(
            self, run_folder, self._make_network, resume=resume, progress_bar=progress_bar
        )

    def learn_round(self, run: TrainingRun) -> None:
        """Plays episodes into the replay, and learns from what is there."""
        self.replay.add(self.act(run))
        self.forget_old(run)
        if self.num_timesteps >= self.config.learning_starts and len(self.replay):
            for batch in self.sample(run):
                self.update(batch, run)
                self.refresh_target(self.updates)
        if self.config.q == "logits" and self.config.value_steps and len(self.replay):
            self.fit_value(run)

    def end_learning(self) -> None:
        """Closes the environments."""
        self._player.close()

    # The parts of the loop.

    def act(self, run: TrainingRun) -> list[Trajectory]:
        """Plays a round of episodes; with a reference, what it says of them is noted too."""
        self.epsilon = linear_epsilon(
            run.progress,
            initial=self.config.exploration_initial_eps,
            final=self.config.exploration_final_eps,
            fraction=self.config.exploration_fraction,
        )
        played = self._player.play(run, self._behaviour)
        self._acted_at = self.updates
        run.log("rollout/epsilon", self.epsilon)
        if not played:  # a callback stopped the training before an episode was over
            return []
        if isinstance(self.network, LogitsNetwork):
            played = with_reference(self.reference, played, self.config.micro_batch_tokens)
            kl = float(log_ratios(played).mean())
            run.log("rollout/kl", kl)
            self._adapt_temperature(kl)
            run.log("train/tau", self.network.temperature)
        if self.tokens_per_episode is None:
            self.tokens_per_episode = float(np.mean([len(t) for t in played]))
        return played

    def forget_old(self, run: TrainingRun) -> None:
        """Episodes leave by age."""
        if self.config.max_age:
            self.replay.remove_older(run.round - self.config.max_age + 1)
        run.log("replay/episodes", len(self.replay))

    def sample(self, run: TrainingRun) -> Iterator[list[Trajectory]]:
        """Batches of episodes, `gradient_steps` of them; those far from the policy leave after their use."""
        rng = run.generator(1)
        for _ in range(self.config.gradient_steps):
            exponent = self.config.priority_exponent
            trajectories, keys = self.replay.sample(self.config.batch_size, rng, exponent)
            self._distances = np.zeros(len(trajectories))
            self._priorities = np.zeros(len(trajectories))
            yield trajectories
            if exponent:
                self.replay.set_priorities(keys, self._priorities)
            if self.config.max_distance:
                self.replay.remove(keys[self._distances > self.config.max_distance])
                if not len(self.replay):
                    return

    def update(self, trajectories: list[Trajectory], run: TrainingRun) -> None:
        """One step of the optimizer towards the targets.

        The loss is summed over actions and divided by a constant, batch_size times the mean length of the
        first round's episodes: a token weighs the same in every batch.
        """
        assert self.tokens_per_episode is not None
        divisor = self.config.batch_size * self.tokens_per_episode
        sums: dict[str, float] = {}
        gaps: list[float] = []  # of fresh episodes, before the weights have moved
        told: list[Tensor] = []
        earned: list[Tensor] = []
        by_logits = self.config.q == "logits"
        unchanged = by_logits and self.updates == self._acted_at
        waiting = by_logits and self.updates < self.config.value_warmup

        def loss(batch: TrajectoryBatch, part: list[int]) -> Tensor:
            predicted = self.network.read(batch) if waiting else self.network.predict(batch)
            targets = self.network.targets(batch, predicted)
            value, logged = self.network.loss(batch, predicted, targets)
            if self.config.priority_exponent:
                self._priorities[part] = self.network.priorities(batch, predicted, targets)
            self._distances[part] = self.network.distances(batch, predicted)
            if unchanged:
                between = (batch.behaviour_log_probs - predicted.log_probs.detach()) * batch.mask
                fresh = torch.tensor([trajectories[i].round == run.round for i in part])
                gaps.extend(between.sum(dim=1).cpu()[fresh].tolist())
                rest = t.returns(batch.rewards, batch.mask, self.config.gamma)
                told.append(predicted.values[:, :-1].detach()[fresh][batch.mask[fresh]])
                earned.append(rest[fresh][batch.mask[fresh]])
            for name, number in logged.items():
                sums[name] = sums.get(name, 0.0) + number
            found: Tensor = value
            return found

        total = self.backward(trajectories, loss, divisor)
        run.check_finite(total, "the loss")
        if gaps:
            run.log("train/actor_kl", float(np.mean(gaps)))
            foretold, happened = (torch.cat(parts).cpu().numpy() for parts in (told, earned))
            if np.ptp(happened):
                run.log("train/explained_variance", explained_variance(foretold, happened))
        norms = self.optimizer_step(run, frozen=("policy",) if waiting else ())
        for name, norm in norms.items():
            run.log(f"train/grad_norm_{name}", norm)
        run.log("train/loss", total / divisor)
        for name, value in sums.items():
            run.log(f"train/{name}", value / sum(map(len, trajectories)))

    def refresh_target(self, steps: int) -> None:
        """Moves the target network, where so many steps are a multiple of `target_update_interval`."""
        if steps % self.config.target_update_interval == 0:
            with deferred_signals():  # whole, or not at all
                self.network.refresh_target(self.config.polyak_tau)

    def fit_value(self, run: TrainingRun) -> None:
        """Steps of V alone on the replay's episodes, which are read once: a step costs a pass of the head.

        They come after the updates, so that fresh episodes meet a V that does not know their outcome.
        """
        assert self.tokens_per_episode is not None
        rng, config = run.generator(2), self.config
        episodes, _ = self.replay.sample(len(self.replay), rng)
        parts = []
        for _, batch in micro_batches(episodes, config.micro_batch_tokens, config.micro_batch_size):
            batch = batch.to(self.device)
            with torch.no_grad():
                parts.append((batch, self.network.predict(batch)))
        for step in range(config.value_steps):
            if step % len(parts) == 0:
                order = rng.permutation(len(parts))
            batch, seen = parts[order[step % len(parts)]]
            predicted = self.network.valued(seen)
            loss, _ = self.network.loss(batch, predicted, self.network.targets(batch, predicted))
            run.check_finite(float(loss.detach()), "the loss of V")
            (loss / (len(batch) * self.tokens_per_episode)).backward()
            self.optimizer_step(run, frozen=("policy",), counted=False)
            self.refresh_target(step + 1)

    def _adapt_temperature(self, kl: float) -> None:
        """Moves tau so that the sequence KL comes to `target_kl` (Ziegler et al. 2019, section 2.2)."""
        if self.config.target_kl:
            assert isinstance(self.network, LogitsNetwork)
            error = float(np.clip(kl / self.config.target_kl - 1.0, -0.2, 0.2))
            self.network.temperature *= 1.0 + 0.1 * error

    # Acting.

    def scores(self, features: Tensor) -> Tensor:
        """Q-values, or with q="logits" the policy's log-probabilities: float32 (n, V)."""
        return self.network.scores(features)

    def make_readers(self) -> list[Reader]:
        """The language model, and the reference where behaviour or support look at it."""
        readers = super().make_readers()
        if self._reads_reference:
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
        """What actions are drawn from while training, and the log-probabilities that are noted.

        With q="logits" those of the acting weights over the full vocabulary; with q="head" those of the
        distribution itself.
        """
        scores = self.bounded_scores(features, observation)
        prior = self.reference.log_probs(features[1]) if self._reads_prior else None
        probabilities = self.exploration.probabilities(
            scores, epsilon=self.epsilon, prior=prior, support=scores > -torch.inf
        )
        noted = scores if self.config.q == "logits" else probabilities.clamp(min=1e-30).log()
        return probabilities, noted

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """What `predict` draws from: the policy, cut as behaviour is, or the last epsilon-greedy."""
        if self.config.q == "logits":
            config = self.config
            return Exploration("sample", config.temperature, config.top_k, config.top_p).truncated(scores)
        greedy = Exploration("epsilon_greedy")
        final = self.config.exploration_final_eps
        return greedy.probabilities(scores, epsilon=final, support=scores > -torch.inf)

    @property
    def reference(self) -> LanguageModel:
        """pi_ref, frozen: the language model as it was before reinforcement learning."""
        assert self.network.reference is not None
        return self.network.reference

    @property
    def _reads_prior(self) -> bool:
        sampling = self.config.exploration == "sample"
        return self.exploration.needs_prior or (sampling and self.config.q == "head")

    @property
    def _reads_reference(self) -> bool:
        return self._reads_prior or self.config.support_top_k > 0

    # Making and keeping.

    network: Any  # HeadNetwork | LogitsNetwork
    tokens_per_episode: float | None

    def _build(self) -> None:
        check_start(self.config)
        if self.config.buffer_size < self.context_length:
            raise ValueError(
                f"buffer_size={self.config.buffer_size} is the number of tokens the replay keeps, and one "
                f"episode may have {self.context_length}"
            )
        self.replay = EpisodeReplay(self.config.buffer_size)
        self.exploration = self.config.make_exploration()
        self.epsilon = self.config.exploration_initial_eps
        self.tokens_per_episode = None
        self._acted_at = -1
        self._make_network()

    def _make_network(self) -> None:
        """The network over the language model as it is now; a frozen copy of it becomes the reference."""
        self.optimizer = None
        with torch.random.fork_rng(devices=[]):  # fresh heads are the seed's, the global generator's is kept
            torch.manual_seed(self.seed)
            self.network = self._over_language_model()

    def _over_language_model(self) -> HeadNetwork | LogitsNetwork:
        if self.config.q == "logits":
            return LogitsNetwork(self.lm, self.make_reference(), self.config)
        reference = self.make_reference() if self._reads_reference else None
        network = HeadNetwork(self.lm, reference, self.config, from_prior=not self.is_fresh)
        network.allowed = self._allowed
        return network

    def _allowed(self, batch: TrajectoryBatch, states: Tensor) -> Tensor | None:
        """The environment's mask in some states of a batch, bool (k, V)."""
        if not self.has_action_mask:
            return None
        return self.action_mask(observations_of(batch, states, self.context_length))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Those of the network."""
        return self.network.parameter_groups()

    def state(self) -> dict[str, Any]:
        """Counters, and the temperature where it is adapted."""
        tau = self.network.temperature if isinstance(self.network, LogitsNetwork) else None
        return {**super().state(), "tokens_per_episode": self.tokens_per_episode, "tau": tau}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        super().restore(state)
        self.tokens_per_episode = state["tokens_per_episode"]
        if isinstance(self.network, LogitsNetwork):
            self.network.temperature = state["tau"]

    def export(
        self, path: str | Path, evaluation: EvaluationResult | None = None, *, split: str = "test"
    ) -> None:
        """As LanguageAgent.export; with q="head" there is no language model that acts so."""
        if self.config.q == "head":
            raise ValueError(
                "with q='head' the policy is a Q head's, which no plain causal LM holds: save() the agent, "
                "or train with q='logits'"
            )
        super().export(path, evaluation, split=split)

    def save_more(self, place: Path) -> None:
        """The replay, with the checkpoint."""
        self.replay.save(place / _REPLAY)

    def load_more(self, place: Path) -> None:
        """The replay."""
        self.replay = EpisodeReplay.load(place / _REPLAY, self.config.buffer_size)
