"""TopKActions: an action is one of a reference language model's k best next tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from llm_envs.checks.types import as_index
from llm_envs.envs import WAIT
from llm_envs.episode import Example
from llm_envs.evaluation import Policy, SeesExamples
from llm_envs.lm.candidates import CandidateRule, Candidates, Observation

if TYPE_CHECKING:
    _VectorWrapper = VectorWrapper[Observation, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
else:
    _VectorWrapper = VectorWrapper  # generic from gymnasium 1.4 on


class TopKActions(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """An action is an index into a reference language model's k best next tokens.

    So any agent with a Discrete action space can act with a vocabulary of 49,000 tokens. It writes nothing
    that the language model finds absurd, because k bounds both behaviour and maximum.

    Observation: a Dict of
        `tokens`: as the environment's, Box(-1, V-1, (context_length,), int32).
        `candidates`: Box(-1, V-1, (k,), int32), the token ids of the actions, the likeliest first (the lower
        id first if two are equal). All are -1 after the end.
        `log_probs`: Box(-100, 0, (k,), float32), their log-probabilities under the language model, in nats,
        over the whole vocabulary.
    `gymnasium.wrappers.FlattenObservation` makes one Box of it: float64, which holds every id.

    Action: `Discrete(k)`; 0 is the language model's own choice.

    The end token stays reachable: if none of `end_token_ids` is among the k best, the likeliest of them takes
    the last place. With `end_token_ids=()` the language model alone decides. A text may then end only by its
    budget.

    Reward, terminated, truncated and info are the environment's. `outcome["action_ids"]` are ids of the
    vocabulary. A record of such an agent names the plain environment, and is replayed there without this
    wrapper or the language model. To play the *agent* again one needs it together with the model (`lm`, with
    `dtype`), `k` and `end_token_ids`. `TopKPolicy` makes a policy over the plain environment of them.

    `env.spec` holds the wrapper and its arguments. `EnvSpec.to_json` accepts them if `lm` is a name.
    `llm_envs.vectorize` makes the vector environment with the same candidates. The same texts in batches of
    other sizes differ by rounding: only candidates that are that close can change places.

    Args:
        env: An environment with spaces of tokens.
        lm: A fetched asset's name, a folder or a hub id, whose tokenizer the environment has; a LanguageModel
            or language agent of llm_baselines; or a `llm_envs.lm.scorer.Scorer`: any function from
            observations int32 (n, L) to log-probabilities float32 (n, V).
        k: Number of candidates.
        end_token_ids: Tokens that end a text. The default is those of the environment's tokenizer.
        device: A torch device, or "auto": a GPU if there is one; for a model by name.
        dtype: "float32", "bfloat16" or "float16"; for a model by name.

    Raises:
        ValueError: k is below 2 or above V, the spaces are not those of tokens, or the model does not fit
            them (a scorer's width is checked at the first reset).
    """

    def __init__(
        self,
        env: gym.Env[np.ndarray, int],
        lm: Any,
        k: int = 32,
        *,
        end_token_ids: Sequence[int] | None = None,
        device: str = "auto",
        dtype: str = "float32",
    ) -> None:
        self._arguments: dict[str, Any] = {
            "lm": lm,
            "k": k,
            "end_token_ids": end_token_ids,
            "device": device,
            "dtype": dtype,
        }
        self._rule = CandidateRule(env, env.observation_space, env.action_space, **self._arguments)
        self._arguments["k"] = self._rule.k  # an int, so that it is JSON-able
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, **self._arguments)
        gym.Wrapper.__init__(self, env)
        self.observation_space = self._rule.observation_space
        self.action_space = self._rule.action_space
        self._candidates = self._rule.candidates()
        self._shown = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Resets the environment."""
        self._shown = False
        tokens, info = self.env.reset(seed=seed, options=options)
        shown = self._observe(tokens, over=False)
        self._shown = True
        return shown, info

    def step(self, action: int) -> tuple[Observation, Any, bool, bool, dict[str, Any]]:
        """Appends the candidate with this index.

        Raises:
            gymnasium.error.InvalidAction: The action is not an index of a candidate.
            gymnasium.error.ResetNeeded: Before the first reset, and after the end.
        """
        try:
            index = as_index(action)
        except TypeError:
            raise InvalidAction(f"an action is the index of a candidate, got {action!r}") from None
        k = self._rule.k
        if not 0 <= index < k:
            raise InvalidAction(f"action {index} is outside the candidates, 0 to {k - 1}")
        if not self._shown or self._candidates.ids[0, 0] < 0:
            raise ResetNeeded("this episode has not begun or is over: call reset() before step()")
        token = int(self._candidates.ids[0, index])
        self._shown = False  # until the next candidates are known
        tokens, reward, terminated, truncated, info = self.env.step(token)
        shown = self._observe(tokens, over=terminated)
        self._shown = True
        return shown, reward, terminated, truncated, info

    def vectorize(self, envs: VectorEnv[Any, Any, Any]) -> VectorTopKActions:
        """Returns this wrapper around a vector environment."""
        return VectorTopKActions(envs, **self._arguments)

    def candidates(self) -> Candidates:
        """Returns candidates by the same rule that have read nothing yet."""
        return self._rule.candidates()

    def _observe(self, tokens: np.ndarray, *, over: bool) -> Observation:
        shown = self._candidates.observe(tokens[None], np.array([over]))
        return {name: value[0] for name, value in shown.items()}


class VectorTopKActions(_VectorWrapper):
    """TopKActions around a vector environment, in all autoreset modes.

    All rows of a step are scored in one call, and a language model reads new tokens only. Under the same
    seeds and actions every row gives what a single environment under TopKActions gives. In SAME_STEP mode
    `final_obs` holds Dicts of one row. In DISABLED mode a row that is over takes `llm_envs.WAIT`.

    Args:
        env: A vector environment with spaces of tokens.
        lm: As for TopKActions; so are the others.
        k: Number of candidates.
        end_token_ids: Tokens that end a text.
        device: For a model by name.
        dtype: For a model by name.

    Raises:
        ValueError: As TopKActions, or if the environment has no autoreset mode in its metadata.
    """

    def __init__(
        self,
        env: VectorEnv[np.ndarray, np.ndarray, np.ndarray],
        lm: Any,
        k: int = 32,
        *,
        end_token_ids: Sequence[int] | None = None,
        device: str = "auto",
        dtype: str = "float32",
    ) -> None:
        super().__init__(env)
        self._mode = env.metadata.get("autoreset_mode")
        if not isinstance(self._mode, AutoresetMode):
            raise ValueError(
                f"{env!r} does not say its autoreset mode: metadata['autoreset_mode']={self._mode!r}"
            )
        self._rule = CandidateRule(
            env,
            env.single_observation_space,
            env.single_action_space,
            lm=lm,
            k=k,
            end_token_ids=end_token_ids,
            device=device,
            dtype=dtype,
        )
        self.single_observation_space = self._rule.observation_space
        self.single_action_space = self._rule.action_space
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        self.action_space = batch_space(self.single_action_space, env.num_envs)
        self._candidates = self._rule.candidates()
        self._last: Candidates | None = None
        self._broken = False
        self._over = np.ones(env.num_envs, dtype=bool)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Resets the environment, or the rows of `reset_mask`.

        Raises:
            gymnasium.error.ResetNeeded: After a step or reset that raised, if only some rows are reset.
        """
        mask = (options or {}).get("reset_mask")  # read first: gymnasium's SyncVectorEnv removes it
        if self._broken and mask is not None and not np.all(mask):
            raise ResetNeeded("the last step or reset raised: reset all rows, without options['reset_mask']")
        self._broken = True  # until the next candidates are known
        tokens, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]
        self._over = np.zeros(self.num_envs, dtype=bool) if mask is None else self._over & ~mask
        shown = self._candidates.observe(tokens, self._over)
        self._broken = False
        return shown, infos

    def step(
        self, actions: np.ndarray
    ) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Appends the candidate with the index of each row, (num_envs,).

        Raises:
            gymnasium.error.InvalidAction: An action is not an index of a candidate.
            gymnasium.error.ResetNeeded: Before the first reset, and as the environment's step.
        """
        chosen = self._checked(actions)
        if self._broken or not len(self._candidates.ids):
            raise ResetNeeded("call reset() before step(); a step that raised has ended all episodes")
        waits = chosen == WAIT
        written = np.where(waits, WAIT, self._candidates.tokens(np.where(waits, 0, chosen)))
        try:
            tokens, rewards, terminated, truncated, infos = self.env.step(written)
        except (InvalidAction, ResetNeeded):  # no row has stepped
            raise
        except BaseException:
            self._broken = True
            raise
        self._broken = True  # until the next candidates are known
        if self._mode is AutoresetMode.SAME_STEP:
            self._over = np.zeros(self.num_envs, dtype=bool)
            infos = self._final(terminated, truncated, infos)
        elif self._mode is AutoresetMode.NEXT_STEP:
            self._over = terminated.copy()
        else:
            self._over = self._over | terminated
        shown = self._candidates.observe(tokens, self._over)
        self._broken = False
        return shown, rewards, terminated, truncated, infos

    def _checked(self, actions: Any) -> np.ndarray:
        actions, k = np.asarray(actions), self._rule.k
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise InvalidAction(
                f"actions are integers of shape ({self.num_envs},), got {actions.dtype} {actions.shape}"
            )
        outside = (actions < 0) | (actions >= k)
        if self._mode is AutoresetMode.DISABLED:
            outside &= actions != WAIT  # the environment checks which rows may
        if outside.any():
            row = int(outside.argmax())
            raise InvalidAction(f"action {actions[row]} of row {row} is outside the candidates, 0 to {k - 1}")
        return actions.astype(np.int64)

    def _final(
        self, terminated: np.ndarray, truncated: np.ndarray, infos: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Returns infos with this wrapper's last observations.

        A truncated one has candidates to bootstrap from.
        """
        rows = np.flatnonzero(terminated | truncated)
        if not len(rows):
            return dict(infos)
        if self._last is None and not terminated[rows].all():
            self._last = self._rule.candidates()  # keeps what the rows have read
        chooser = self._candidates if self._last is None else self._last
        shown = chooser.observe(np.stack([infos["final_obs"][row] for row in rows]), terminated[rows])
        final = np.full(self.num_envs, None, dtype=object)
        for index, row in enumerate(rows):
            final[row] = {name: value[index] for name, value in shown.items()}
        return {**infos, "final_obs": final}

    def candidates(self) -> Candidates:
        """Returns candidates by the same rule that have read nothing yet."""
        return self._rule.candidates()


class TopKPolicy:
    """An agent of TopKActions as a policy over the plain environment: it reads tokens and writes tokens.

    With it `llm_envs.evaluate(TopKPolicy(agent, env), "TextGen-v0")` works. A factory that returns one
    (`--agent module:factory`) is evaluated, recorded and replayed like any other agent.

    Args:
        policy: The agent trained under TopKActions.
        env: The TopKActions or VectorTopKActions it was trained under, or an equal one.
    """

    def __init__(self, policy: Policy, env: TopKActions | VectorTopKActions) -> None:
        self._policy = policy
        self._candidates = env.candidates()

    def begin_episodes(self, rows: Sequence[int], examples: Sequence[Example], state: Any = None) -> Any:
        """Tells the agent which examples its rows play, if it has `begin_episodes`."""
        inner = self._policy
        return inner.begin_episodes(rows, examples, state) if isinstance(inner, SeesExamples) else state

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Returns token ids int64 (n,) for observations int32 (n, L); one id () for one observation (L,)."""
        shown: Any = self._candidates.observe(np.atleast_2d(observation))
        actions, state = self._policy.predict(shown, state, episode_start, deterministic)
        tokens = self._candidates.tokens(np.atleast_1d(actions))
        return (tokens if np.ndim(observation) > 1 else tokens[0]), state
