"""LanguagePolicy: a causal language model that acts in a token environment."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn

from llm_baselines.agent import TokenValues
from llm_baselines.configuration.options import make_config
from llm_baselines.lm.build import build_language_model, choose_device
from llm_baselines.lm.precision import DTYPES, choose_dtype
from llm_baselines.lm.settings import LanguageAgentConfig
from llm_baselines.lm.teacher_forcing import action_log_probs, state_features
from llm_baselines.play.exploration import draw
from llm_baselines.play.sampling import uniforms
from llm_baselines.play.trajectory import TrajectoryBatch, micro_batches, observations_of, of_observation
from llm_baselines.play.transitions import check_spaces, spaces_of
from llm_envs.envs.ids import is_native
from llm_envs.lm.model import LanguageModel
from llm_envs.lm.reader import Reader

_VALUED_TOKENS = 2048  # padded tokens of a forward pass in which values are noted


class LanguagePolicy:
    """A causal language model that acts in a token environment.

    Args:
        model: A preset ("nano", "mini", "tiny", "small"), a mapping of Llama options, a folder, a hub name or
            a transformers causal LM.
        env: An id, a gymnasium environment or a gymnasium vector environment with token spaces.
        seed: Decides fresh weights and drawn actions.
        device: "auto" (a GPU if there is one) or a torch device.
        **options: See the class's `config_class`.

    Attributes:
        config: The whole configuration.
        lm: The language model.
        base: The model without its adapter, whose weights are frozen; `lm` itself if there is no adapter.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[Any]] = LanguageAgentConfig

    def __init__(
        self,
        model: Any,
        env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
        *,
        seed: int = 0,
        device: str | torch.device = "auto",
        **options: Any,
    ) -> None:
        self.config: Any = self.configure(options)
        environment: Any = gym.make(env) if isinstance(env, str) else env
        self.env = environment
        self.observation_space, self.action_space = spaces_of(environment)
        self.vocabulary_size, self.context_length = check_spaces(self.observation_space, self.action_space)
        self.seed = operator.index(seed)
        self.device = choose_device(device)
        self.model_spec = model if isinstance(model, str | Mapping) else None
        self.base = self.lm = build_language_model(
            model,
            vocabulary_size=self.vocabulary_size,
            context_length=self.context_length,
            seed=seed,
            device=self.device,
        )
        self._generation = 0
        self._adapt()
        self._build()

    # Subclasses override these.

    network: nn.Module

    @classmethod
    def configure(cls, options: Mapping[str, Any], *, elsewhere: Iterable[str] = ()) -> Any:
        """Returns the whole configuration.

        Args:
            options: Options that differ from the defaults.
            elsewhere: As for `make_config`.

        Raises:
            ValueError: An option is unknown, of the wrong type or out of bounds.
        """
        return make_config(cls.config_class, options, elsewhere=elsewhere)

    @classmethod
    def fitting(cls, options: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Returns options without those that the chosen options make ineffective.

        Args:
            options: From a table, or a record of an earlier version.
            chosen: The options that decide which others have an effect.
        """
        return dict(options)

    def _adapt(self) -> None:
        """Chooses the precision; subclasses also choose how the model is trained."""
        self.lm.cast(DTYPES[choose_dtype(self.config.dtype, self.device)])

    def _build(self) -> None:
        """Makes `network`, which holds everything with weights, from `lm`."""
        self.network = self.lm

    def scores(self, features: Tensor) -> Tensor:
        """Returns the scores that actions are chosen by, float32 (n, V): log-probabilities or Q-values."""
        return self.lm.log_probs(features)

    # Acting.

    @torch.no_grad()
    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns actions int64 (n,) for observations int32 (n, L), or one action () for one (L,).

        The state caches the tokens read so far, so that a step reads one token. Without it the model reads
        the whole observation. With deterministic=False, the drawn action depends only on the seed and the
        observation, not on the batch. So in one evaluation equal prompts get equal texts, and more episodes
        than examples add no information.
        """
        observation = np.asarray(observation)
        rows = np.atleast_2d(observation)
        state = self.read_state(state)
        scores = self.bounded_scores([reader.read(rows) for reader in state.readers], rows)
        if deterministic:
            actions = scores.argmax(dim=1).cpu().numpy()
        else:
            actions = draw(self.acting_probabilities(scores), uniforms(self.seed, rows))
        return (actions if observation.ndim > 1 else actions[0]), state

    def read_state(self, state: Any = None) -> _ReadState:
        """Returns the given state of `predict` if it was read with the newest weights, else a fresh one."""
        if isinstance(state, _ReadState) and state.generation == self._generation:
            return state
        return _ReadState(self._generation, self.make_readers())

    def make_readers(self) -> list[Reader]:
        """Returns the readers of observations: the acting model's, and others that a learner needs."""
        return [Reader(self.acting_model())]

    def acting_model(self) -> LanguageModel:
        """Returns the language model that acts, with the newest weights."""
        return self.lm

    def bounded_scores(self, features: list[Tensor], observation: np.ndarray) -> Tensor:
        """Returns scores float32 (n, V) from the readers' features, with -inf for masked tokens."""
        scores = self.scores(features[0])
        mask = self.action_mask(observation)
        return scores if mask is None else scores.masked_fill(~mask, -torch.inf)

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """Returns the distribution that a non-deterministic `predict` draws from: float32 (n, V)."""
        return torch.softmax(scores / self.config.temperature, dim=1)

    def action_mask(self, observation: np.ndarray) -> Tensor | None:
        """Returns the mask of the environment's `action_mask(observation)`, bool (n, V), or None."""
        mask = self._mask
        if mask is None:
            return None
        return torch.as_tensor(np.asarray(mask(observation), bool), device=self.device)

    @property
    def has_action_mask(self) -> bool:
        """Whether the environment has an `action_mask`."""
        return self._mask is not None

    @property
    def _mask(self) -> Any:
        """The outermost `action_mask`; a vector environment's first row is searched too."""
        inner = self.env.unwrapped
        rows = getattr(inner, "envs", None) if isinstance(inner, VectorEnv) else None
        for env in (self.env, *(rows or ())):
            for layer in _layers(env):
                if callable(mask := getattr(layer, "action_mask", None)):
                    return mask
        return None

    @torch.no_grad()
    def token_values(self, observations: np.ndarray, columns: Sequence[np.ndarray]) -> list[TokenValues]:
        """Returns what the agent holds of the tokens of n texts; see `llm_baselines.agent.ValuesTokens`.

        The log-probabilities are the model's, over the full vocabulary or the allowed tokens: no temperature,
        top_k or top_p changes them.
        """
        texts = [of_observation(o, c) for o, c in zip(observations, columns, strict=True)]
        noted = [TokenValues()] * len(texts)
        for part, batch in micro_batches(texts, _VALUED_TOKENS):
            values = self.values_of(batch.to(self.device))
            arrays = {name: tensor.float().cpu().numpy() for name, tensor in values.items()}
            for row, index in enumerate(part):
                m = len(texts[index])
                noted[index] = TokenValues(**{name: array[row, :m] for name, array in arrays.items()})
        return noted

    def values_of(self, batch: TrajectoryBatch) -> dict[str, Tensor]:
        """Returns values of the actions of a batch by their names in `TokenValues`, each float (n, m)."""
        lm = self.acting_model()
        allowed = self.allowed_actions if self.has_action_mask else None
        return {"log_prob": action_log_probs(lm, state_features(lm, batch), batch, allowed)}

    def allowed_actions(self, batch: TrajectoryBatch, states: Tensor) -> Tensor | None:
        """Returns the environment's action mask in some states of a batch, bool (k, V)."""
        return self.action_mask(observations_of(batch, states, self.context_length))

    def make_scorer(self) -> PolicyScorer:
        """Returns a `Scorer` of llm_envs.lm: the log-softmax of this agent's scores, with newest weights."""
        return PolicyScorer(self)

    def weights_changed(self) -> None:
        """Invalidates everything that was read with the old weights."""
        self._generation += 1

    # The environment.

    @property
    def native(self) -> bool:
        """Whether the environment is made from one of our ids."""
        return is_native(self.env)

    @property
    def task(self) -> Any:
        """The environment's task; None if the environment is not one of ours."""
        return getattr(self.env.unwrapped, "task", None)


class PolicyScorer:
    """Scores next tokens with an agent: see `llm_envs.lm.scorer.Scorer`.

    Args:
        agent: The agent; it may continue to learn.
    """

    def __init__(self, agent: LanguagePolicy) -> None:
        self._agent = agent
        self._state: _ReadState | None = None

    @torch.no_grad()
    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Returns log-probabilities float32 (n, V) for observations int32 (n, L); Q-values are logits."""
        state = self._state = self._agent.read_state(self._state)
        scores = self._agent.bounded_scores([r.read(observation) for r in state.readers], observation)
        log_probs: np.ndarray = torch.log_softmax(scores.float(), dim=1).cpu().numpy()
        return log_probs


@dataclass
class _ReadState:
    """The state of `predict`: readers, and the generation of the weights they read with."""

    generation: int
    readers: list[Reader]


def _layers(env: Any) -> Iterator[Any]:
    """Yields the wrappers from the outermost inwards, and then the environment itself."""
    while env is not env.unwrapped:
        yield env
        env = getattr(env, "env", env.unwrapped)
    yield env
