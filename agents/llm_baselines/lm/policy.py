"""LanguagePolicy: a causal language model that acts in a token environment."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn

from llm_baselines.configuration.options import make_config
from llm_baselines.lm.build import build_language_model, choose_device
from llm_baselines.lm.precision import DTYPES, choose_dtype
from llm_baselines.lm.settings import LanguageAgentConfig
from llm_baselines.play.exploration import draw
from llm_baselines.play.sampling import uniforms
from llm_baselines.play.transitions import check_spaces, spaces_of
from llm_envs.envs.ids import is_native
from llm_envs.lm.model import LanguageModel
from llm_envs.lm.reader import Reader


class LanguagePolicy:
    """A causal language model that acts in a token environment.

    Args:
        model: A preset ("nano", "mini", "tiny", "small"), a mapping of Llama options, a folder, a hub name or
            a transformers causal LM.
        env: An id, a gymnasium environment or a gymnasium vector environment with token spaces.
        seed: Decides fresh weights and what is drawn.
        device: "auto" (a GPU where there is one) or a torch device.
        **options: See the class's `config_class`.

    Attributes:
        config: The whole configuration.
        lm: The language model.
        base: What it was made from; where an adapter is trained, the pristine weights, else `lm` itself.
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
        made: Any = gym.make(env) if isinstance(env, str) else env
        self.env = made
        self.observation_space, self.action_space = spaces_of(made)
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

    # What subclasses say.

    network: nn.Module

    @classmethod
    def configure(cls, options: Mapping[str, Any], *, elsewhere: Iterable[str] = ()) -> Any:
        """The whole configuration.

        Args:
            options: What differs from the defaults.
            elsewhere: As for `make_config`.

        Raises:
            ValueError: An option is unknown, of the wrong type or out of bounds.
        """
        return make_config(cls.config_class, options, elsewhere=elsewhere)

    @classmethod
    def fitting(cls, options: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Options without those that have no effect beside others.

        Args:
            options: From a table, or a record of an earlier version.
            chosen: The options that decide it.
        """
        return dict(options)

    def _adapt(self) -> None:
        """Settles precision, and how the model is trained."""
        self.lm.cast(DTYPES[choose_dtype(self.config.dtype, self.device)])

    def _build(self) -> None:
        """Makes `network`, everything with weights, out of `lm`."""
        self.network = self.lm

    def scores(self, features: Tensor) -> Tensor:
        """What actions are chosen by, float32 (n, V): log-probabilities, or Q-values."""
        return self.lm.log_probs(features)

    # The agent contract.

    @torch.no_grad()
    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions int64 (n,) for observations int32 (n, L); one action () for one observation (L,).

        The state holds what has been read, so that a step costs one token; without it everything is read
        anew. Where `deterministic` is False actions are drawn from a function of the seed and the
        observation, the same whatever the batch: in one evaluation a prompt that comes twice gets the same
        text twice, so more episodes than there are examples measure nothing more.
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
        """A state of `predict` with the newest weights: the one given, or a fresh one."""
        if isinstance(state, _ReadState) and state.generation == self._generation:
            return state
        return _ReadState(self._generation, self.make_readers())

    def make_readers(self) -> list[Reader]:
        """What observations are read with to act: the language model, and others a learner needs."""
        return [Reader(self.acting_model())]

    def acting_model(self) -> LanguageModel:
        """The language model that acts, with the newest weights."""
        return self.lm

    def bounded_scores(self, features: list[Tensor], observation: np.ndarray) -> Tensor:
        """Scores float32 (n, V) from the readers' features, -inf where a token may not be taken."""
        scores = self.scores(features[0])
        mask = self.action_mask(observation)
        return scores if mask is None else scores.masked_fill(~mask, -torch.inf)

    def acting_probabilities(self, scores: Tensor) -> Tensor:
        """What `predict` draws from where it is not deterministic: float32 (n, V)."""
        return torch.softmax(scores / self.config.temperature, dim=1)

    def action_mask(self, observation: np.ndarray) -> Tensor | None:
        """The environment's own mask, bool (n, V), where it has an `action_mask(observation)`."""
        mask = self._mask
        if mask is None:
            return None
        return torch.as_tensor(np.asarray(mask(observation), bool), device=self.device)

    @property
    def has_action_mask(self) -> bool:
        """Whether the environment says which tokens may be taken."""
        return self._mask is not None

    @property
    def _mask(self) -> Any:
        """The outermost `action_mask`, or that of the first row where Gymnasium's vector env holds rows."""
        inner = self.env.unwrapped
        rows = getattr(inner, "envs", None) if isinstance(inner, VectorEnv) else None
        for env in (self.env, *(rows or ())):
            for layer in _layers(env):
                if callable(mask := getattr(layer, "action_mask", None)):
                    return mask
        return None

    def make_scorer(self) -> PolicyScorer:
        """A `Scorer` of llm_envs.lm: log-softmax of what this agent chooses by, with its newest weights."""
        return PolicyScorer(self)

    def weights_changed(self) -> None:
        """What has been read with the old weights is of no use any more."""
        self._generation += 1

    # Where it acts.

    @property
    def native(self) -> bool:
        """Whether the environment is made from one of our ids."""
        return is_native(self.env)

    @property
    def task(self) -> Any:
        """The environment's task, where it is one of ours."""
        return getattr(self.env.unwrapped, "task", None)


class PolicyScorer:
    """An agent's next-token log-probabilities: see `llm_envs.lm.scorer.Scorer`.

    Args:
        agent: The agent; it may go on learning.
    """

    def __init__(self, agent: LanguagePolicy) -> None:
        self._agent = agent
        self._state: _ReadState | None = None

    @torch.no_grad()
    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Float32 (n, V) for observations int32 (n, L); Q-values are taken as logits."""
        state = self._state = self._agent.read_state(self._state)
        scores = self._agent.bounded_scores([r.read(observation) for r in state.readers], observation)
        found: np.ndarray = torch.log_softmax(scores.float(), dim=1).cpu().numpy()
        return found


@dataclass
class _ReadState:
    """What `predict` hands to its next call."""

    generation: int
    readers: list[Reader]


def _layers(env: Any) -> Iterator[Any]:
    """A wrapper, what it wraps, and so on to the environment itself."""
    while env is not env.unwrapped:
        yield env
        env = getattr(env, "env", env.unwrapped)
    yield env
