"""SB3TokenVecEnv: the native token vector environment as Stable-Baselines3's VecEnv."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from llm_baselines.play.outcomes import outcome_of_row
from llm_baselines.storage.interruption import interruptibly
from llm_envs.episode import Outcome


class SB3TokenVecEnv(VecEnv):
    """Presents a Gymnasium vector environment with SAME_STEP autoreset as a VecEnv of Stable-Baselines3.

    A finished row's info holds `terminal_observation`, `TimeLimit.truncated` (whether the episode ended by
    truncation rather than termination) and `episode` = {"r": sum of rewards, "l": steps, "t": seconds},
    which Stable-Baselines3 logs as rollout/ep_rew_mean and ep_len_mean. The infos of other rows are empty.
    `reset_infos` holds the info that each row's episode began with.

    Args:
        venv: Made with `autoreset_mode="SameStep"`.

    Attributes:
        episodes: Number of episodes finished so far.

    Raises:
        ValueError: The environment has another autoreset mode.
    """

    def __init__(self, venv: VectorEnv[np.ndarray, np.ndarray, np.ndarray]) -> None:
        mode = venv.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(
                f"Stable-Baselines3 needs autoreset_mode='SameStep', {venv!r} has {mode!r}: "
                "llm_envs.vectorize(env, num_envs, autoreset_mode='SameStep')"
            )
        self.venv = venv
        self.episodes = 0
        self._outcomes: list[Outcome] = []
        self._actions = np.zeros(venv.num_envs, np.int64)
        self._returns = np.zeros(venv.num_envs)
        self._lengths = np.zeros(venv.num_envs, np.int64)
        self._started = time.time()
        super().__init__(venv.num_envs, venv.single_observation_space, venv.single_action_space)

    def reset(self) -> np.ndarray:
        """Starts an episode in every row, with the seeds and options that were set.

        Returns:
            Observations int32 (num_envs, context_length).
        """
        seeds: Sequence[int | None] | None = self._seeds
        if all(seed is None for seed in self._seeds):
            seeds = None
        options: dict[str, Any] = {}
        if any("example" in option for option in self._options):
            options["example"] = [option.get("example") for option in self._options]
        observations, infos = self.venv.reset(seed=seeds, options=options)  # type: ignore[arg-type]
        self.reset_infos = [{} for _ in range(self.num_envs)]
        self._note_begun(infos, np.ones(self.num_envs, dtype=bool))
        self._returns[:] = 0.0
        self._lengths[:] = 0
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        """Sets the actions of the next `step_wait`: integers (num_envs,)."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Steps all rows; rows whose episode ends begin another.

        Returns:
            observations int32 (num_envs, context_length), rewards float32, dones bool (num_envs,), infos.
        """
        # The algorithm does not change while the rows are played, so an interruption may come here.
        observations, rewards, terminated, truncated, vector_info = interruptibly(
            self.venv.step, self._actions
        )
        self._returns += rewards
        self._lengths += 1
        dones = np.logical_or(terminated, truncated)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            final = vector_info["final_obs"]
            elapsed = round(time.time() - self._started, 6)
            for row in np.flatnonzero(dones).tolist():
                infos[row] = {
                    "terminal_observation": final[row],
                    "TimeLimit.truncated": bool(truncated[row] and not terminated[row]),
                    "episode": {
                        "r": float(self._returns[row]),
                        "l": int(self._lengths[row]),
                        "t": elapsed,
                    },
                }
                self.episodes += 1
                if (outcome := outcome_of_row(vector_info, row)) is not None:
                    self._outcomes.append(outcome)
            self._returns[dones] = 0.0
            self._lengths[dones] = 0
            self._note_begun(vector_info, dones)
        return observations, rewards.astype(np.float32), dones, infos

    @property
    def waiting_outcomes(self) -> int:
        """Number of episodes that `take_outcomes` would return."""
        return len(self._outcomes)

    def take_outcomes(self) -> list[Outcome]:
        """Returns the outcomes of the episodes that ended since the last call."""
        taken, self._outcomes = self._outcomes, []
        return taken

    def _note_begun(self, infos: Mapping[str, Any], begun: np.ndarray) -> None:
        """Notes the infos of new episodes; the infos of the episodes before are in `final_info`."""
        begins = {
            key: infos[f"_{key}"] for key in infos if f"_{key}" in infos and not key.startswith("final_")
        }
        for row in np.flatnonzero(begun).tolist():
            self.reset_infos[row] = {key: infos[key][row] for key, told in begins.items() if told[row]}

    def close(self) -> None:
        """Closes the vector environment."""
        self.venv.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Returns an attribute that all rows share, once for each of `indices`."""
        value = getattr(self.venv, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Sets an attribute of the vector environment. All rows share it, so `indices` must name all.

        Raises:
            ValueError: `indices` names only some rows.
        """
        self._only_all(indices, f"set {attr_name!r}")
        setattr(self.venv, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Calls a method of the vector environment once; returns its result for each of `indices`."""
        result = getattr(self.venv, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Returns False for every row: rows of a native vector environment have no wrappers of their own.

        It returns True for Stable-Baselines3's Monitor, because this adapter does the Monitor's work.
        """
        from stable_baselines3.common.monitor import Monitor

        return [wrapper_class is Monitor for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Returns a picture of every row with render_mode="rgb_array", and None otherwise."""
        if self.venv.render_mode != "rgb_array":
            return [None] * self.num_envs
        images: Any = self.venv.render()
        return list(images)

    def _only_all(self, indices: VecEnvIndices, what: str) -> None:
        if sorted(self._get_indices(indices)) != list(range(self.num_envs)):
            raise ValueError(f"cannot {what} in rows {indices!r} only: rows share it; leave indices out")
