"""The vector environment: row for row what single environments give, in all three autoreset modes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from llm_benchmarks.checking.checks import Broken, NotApplicable
from llm_benchmarks.checking.environments.repeatable import tolerance
from llm_benchmarks.checking.subjects import EnvironmentSubject
from llm_benchmarks.checking.walks import drawn_actions, equal
from llm_envs.envs.ids import make_vec
from llm_envs.envs.vector_infos import has_info, row_info

_ROWS = 3
_STEPS = 60


def rows_equal_single_environments(subject: EnvironmentSubject) -> str:
    """Plays rows and single environments side by side, in every mode that the vector environment offers."""
    spec = gym.registry[subject.env_id]
    if subject.is_native:
        modes = (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED)
        for mode in modes:
            _compare(subject, make_vec(subject.env_id, _ROWS, autoreset_mode=mode), mode)
        return ", ".join(mode.value for mode in modes)
    if spec.vector_entry_point is None:
        raise NotApplicable(
            "it has no vector environment of its own; one that inherits step() and reset() from TokenEnv has"
        )
    envs = gym.make_vec(subject.env_id, _ROWS, vectorization_mode="vector_entry_point")
    declared = envs.metadata.get("autoreset_mode")
    if not isinstance(declared, AutoresetMode):
        raise Broken("its metadata['autoreset_mode'] does not say which of Gymnasium's three modes it has")
    _compare(subject, envs, declared)
    return declared.value


def _compare(subject: EnvironmentSubject, envs: VectorEnv[Any, Any, Any], mode: AutoresetMode) -> None:
    """Raises if a row differs from a single environment under the same seed and actions."""
    singles = [subject.make() for _ in range(_ROWS)]
    actions = np.array([drawn_actions(singles[0], _STEPS, subject.seed + row) for row in range(_ROWS)]).T
    observations, _ = envs.reset(seed=subject.seed)
    expected = [single.reset(seed=subject.seed + row)[0] for row, single in enumerate(singles)]
    over = np.zeros(_ROWS, dtype=bool)
    place = f"autoreset mode {mode.value}, reset"
    allowed = tolerance(subject)
    for number, taken in enumerate([None, *actions]):
        if taken is not None:
            place = f"autoreset mode {mode.value}, step {number}"
            if mode is AutoresetMode.DISABLED and over.any():
                observations, _ = envs.reset(options={"reset_mask": over.copy()})
                for row in np.flatnonzero(over).tolist():
                    expected[row] = singles[row].reset()[0]
                _check_observations(observations, expected, f"{place}: after the reset of rows")
                over[:] = False
            observations, rewards, terminated, truncated, infos = envs.step(taken)
            for row, single in enumerate(singles):
                if over[row]:  # NEXT_STEP: this step starts a new episode
                    expected[row], over[row] = single.reset()[0], False
                    _check_equal(rewards[row], 0.0, f"{place}, row {row}, which starts anew: reward", allowed)
                    continue
                expected[row], reward, ended, cut, info = single.step(int(taken[row]))
                where = f"{place}, row {row}"
                _check_equal(float(rewards[row]), float(reward), f"{where}: reward", allowed)
                _check_equal(bool(terminated[row]), bool(ended), f"{where}: terminated")
                _check_equal(bool(truncated[row]), bool(cut), f"{where}: truncated")
                if not (ended or cut):
                    continue
                if mode is AutoresetMode.SAME_STEP:
                    _check_final(infos, row, expected[row], info, where, allowed)
                    expected[row] = single.reset()[0]
                else:
                    over[row] = True
                    _check_info(row_info(infos, row), info, where, allowed)
        _check_observations(observations, expected, place)
    envs.close()


def _check_final(
    infos: dict[str, Any], row: int, observation: np.ndarray, info: dict[str, Any], where: str, allowed: float
) -> None:
    for key in ("final_obs", "final_info"):
        if not has_info(infos, key, row):
            raise Broken(f"{where}: the episode ended, and the infos have no {key!r}")
    _check_observations([infos["final_obs"][row]], [observation], f"{where}: final_obs")
    _check_info(row_info(infos["final_info"], row), info, where, allowed)


def _check_info(found: dict[str, Any], expected: dict[str, Any], where: str, allowed: float) -> None:
    if not expected.keys() <= found.keys():
        raise Broken(f"{where}: the info lacks {sorted(expected.keys() - found.keys())}")
    for key, value in expected.items():
        if not equal(_plain(found[key]), _plain(value), allowed):
            raise Broken(f"{where}: info[{key!r}] differs from that of a single environment")


def _plain(value: Any) -> Any:
    """Returns a value with plain numbers; vector infos hold those of NumPy."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    return tuple(value) if isinstance(value, list) else value


def _check_observations(found: Any, expected: list[np.ndarray], place: str) -> None:
    for row, wanted in enumerate(expected):
        if not np.array_equal(found[row], wanted):
            raise Broken(f"{place}, row {row}: the observation differs from that of a single environment")


def _check_equal(found: Any, expected: Any, what: str, allowed: float = 0.0) -> None:
    if not equal(found, expected, allowed):
        raise Broken(f"{what} is {found}, and {expected} in a single environment")
