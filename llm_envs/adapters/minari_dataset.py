"""Recorded episodes as a Minari data set, and back.

Both ways play the recorded tokens again, so observations and rewards are the environment's own, and a data
set that says otherwise is an error. Nothing that a data set names is made or run.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from llm_envs.checks.extras import needs
from llm_envs.envs.playing import Planned
from llm_envs.envs.token_env import TokenEnv
from llm_envs.episode import Outcome
from llm_envs.evaluation import EpisodeRow

_TOLERANCE = 1e-6


def to_minari(
    dataset_id: str,
    episodes: Iterable[EpisodeRow | Mapping[str, Any]],
    env: gym.Env[Any, Any],
    **metadata: Any,
) -> Any:
    """Writes episodes to a Minari data set in Minari's own folder (MINARI_DATASETS_PATH).

    Args:
        dataset_id: Minari's name for it, such as "poems/expert-v0".
        episodes: The rows of an evaluation (`EvaluationResult.rows`), or those of a record: dicts with
            `example`, `seed` and `action_ids`.
        env: The environment they were played in. Its reward and split are those of the episodes.
        **metadata: What else `minari.create_dataset_from_buffers` takes: author, algorithm_name, ...

    Returns:
        The `minari.MinariDataset`. An episode of n tokens has observations int32 (n+1, context_length),
        actions int64 (n,), rewards float64 (n,), terminations, truncations, and infos `example` and `seed`,
        int64 (n+1,).

    Raises:
        ValueError: An episode does not repeat in `env`, or there is none.
        MissingExtra: Minari is not installed (`pip install 'llm-envs[minari]'`).
    """
    inner = _token_env(env)
    with needs("minari", "llm_envs.adapters.to_minari"):
        import h5py  # noqa: F401
        from minari import create_dataset_from_buffers
        from minari.data_collector import EpisodeBuffer
    buffers = []
    for number, given in enumerate(episodes):
        row = given if isinstance(given, Mapping) else given.to_dict()
        if lacking := [name for name in ("example", "seed", "action_ids") if name not in row]:
            raise ValueError(
                f"episode {number} has no {lacking[0]!r}; give rows of an evaluation or of a record"
            )
        example, seed = int(row["example"]), int(row["seed"])
        played = _play(inner, example, seed, row["action_ids"], f"episode {number}")
        outcome = played["outcome"]
        for name in ("text", "reward"):
            if name in row and not _same(row[name], getattr(outcome, name)):
                raise ValueError(
                    f"episode {number} has {name} {row[name]!r}, and played again it has "
                    f"{getattr(outcome, name)!r}: give the environment, split and reward it was recorded with"
                )
        steps = len(played["actions"])
        buffers.append(
            EpisodeBuffer(
                id=number,
                seed=seed,
                options={"example": example},
                observations=played["observations"],
                actions=played["actions"],
                rewards=played["rewards"],
                terminations=[*[False] * (steps - 1), True],
                truncations=[False] * steps,
                infos={"example": np.full(steps + 1, example), "seed": np.full(steps + 1, seed)},
            )
        )
    if not buffers:
        raise ValueError(f"there are no episodes to write to {dataset_id!r}")
    described = {"description": f"Episodes of llm-envs, one token an action: {inner.task.signature}"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* (is set to|is) None", category=UserWarning)
        return create_dataset_from_buffers(
            dataset_id,
            buffers,
            env=_describable(env),
            action_space=inner.action_space,
            observation_space=inner.observation_space,
            **{**described, **metadata},
        )


def from_minari(dataset: Any, env: gym.Env[Any, Any]) -> list[EpisodeRow]:
    """Returns the episodes of a Minari data set, with their texts, rewards and components.

    Data sets that Minari recorded itself name no examples. Then the first observation tells the example, if
    the environment has one turn.

    Args:
        dataset: A `minari.MinariDataset`, or the name of one.
        env: The environment it was recorded in. The data set's own description of it is not used.

    Returns:
        One row per episode, as `evaluate` gives them.

    Raises:
        ValueError: An episode is of another environment: its observations or rewards do not repeat.
        MissingExtra: Minari is not installed.
    """
    inner = _token_env(env)
    if isinstance(dataset, str):
        with needs("minari", "llm_envs.adapters.from_minari"):
            import minari
        dataset = minari.load_dataset(dataset)
    starts: dict[bytes, int] = {}
    rows = []
    for number, recorded in enumerate(dataset.iterate_episodes()):
        what = f"episode {number}"
        observations = np.asarray(recorded.observations)
        infos = recorded.infos or {}
        if "example" in infos:
            example, seed = int(infos["example"][0]), int(infos["seed"][0]) if "seed" in infos else 0
        else:
            starts = starts or _starts(inner)
            key = observations[0].astype(np.int32).tobytes()
            if key not in starts:
                raise ValueError(f"{what} names no example, and its prompt is none of this environment's")
            example, seed = starts[key], 0
        played = _play(inner, example, seed, np.asarray(recorded.actions).tolist(), what)
        same = (
            observations.shape == played["observations"].shape
            and (observations == played["observations"]).all()
        )
        if not same or not np.allclose(recorded.rewards, played["rewards"], atol=_TOLERANCE):
            raise ValueError(
                f"{what} was recorded in another environment: its {'rewards' if same else 'observations'} do "
                "not repeat. Give the environment, split, tokenizer and reward it was recorded with"
            )
        rows.append(EpisodeRow.of_planned(Planned(number, example, seed), played["outcome"]))
    return rows


def write_demonstrations(
    path: str | Path,
    episodes: Iterable[EpisodeRow],
    env: gym.Env[Any, Any],
    *,
    min_reward: float | None = None,
) -> int:
    """Writes texts as references of a data file, so that every learner here can imitate them.

    `dataset="file:PATH"` reads the file; the supervised agent, and the warm start of the others, then learn
    its texts. The best text of a prompt is its first reference.

    Args:
        path: A `.jsonl` file.
        episodes: Rows of `evaluate` or `from_minari`.
        env: The environment they were played in. It has one turn.
        min_reward: Texts that earned less are left out. None keeps all.

    Returns:
        How many prompts the file has.

    Raises:
        ValueError: The environment is one of dialogues, or no text is left.
    """
    inner = _token_env(env)
    if inner.task.max_turns > 1:
        raise ValueError("a data file has one text for each prompt, and dialogues have many turns")
    texts: dict[int, dict[str, float]] = {}
    for row in episodes:
        if min_reward is None or row.reward >= min_reward:
            texts.setdefault(row.example, {})[row.text] = row.reward
    if not texts:
        raise ValueError(f"no text has a reward of at least {min_reward}")
    with open(path, "w", encoding="utf-8") as file:
        for index, found in texts.items():
            example = inner.task.examples[index]
            best_first = sorted(found, key=lambda text: -found[text])
            line = {**example.metadata, "source": example.source, "references": best_first}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return len(texts)


def _token_env(env: gym.Env[Any, Any]) -> TokenEnv:
    inner = env.unwrapped
    if not isinstance(inner, TokenEnv):
        raise ValueError(f"{inner!r} is not an environment of this package")
    return inner


def _play(env: TokenEnv, example: int, seed: int, actions: Iterable[int], what: str) -> dict[str, Any]:
    """Plays tokens and returns the arrays of the episode and its outcome."""
    try:
        observation, _ = env.reset(seed=seed, options={"example": example})
    except IndexError as error:
        raise ValueError(f"{what}: {error}") from None
    observations, rewards, taken, terminated = [observation], [], [], False
    for action in actions:
        if terminated:
            raise ValueError(f"{what} goes on after its end: it is of another environment")
        try:
            observation, reward, terminated, _, _ = env.step(int(action))
        except gym.error.InvalidAction as error:
            raise ValueError(f"{what}: {error}; it is of another environment") from None
        observations.append(observation)
        rewards.append(float(reward))
        taken.append(int(action))
    outcome: Outcome | None = env.outcome
    if outcome is None:
        raise ValueError(
            f"{what} has {len(taken)} tokens and does not end there: it is of another environment"
        )
    return {
        "observations": np.stack(observations),
        "actions": np.array(taken, np.int64),
        "rewards": np.array(rewards, np.float64),
        "outcome": outcome,
    }


def _same(recorded: Any, played: Any) -> bool:
    if isinstance(played, float):
        return bool(np.isclose(float(recorded), played, atol=_TOLERANCE))
    return bool(recorded == played)


def _starts(env: TokenEnv) -> dict[bytes, int]:
    """Returns the example of each first observation. Equal prompts stand for the first of their examples."""
    if env.task.max_turns > 1:
        raise ValueError(
            "the data set names no examples, and a dialogue cannot be repeated without its seed: record it "
            "with llm_envs.adapters.to_minari"
        )
    found: dict[bytes, int] = {}
    for index in range(len(env.task.examples)):
        found.setdefault(env.task.start(index)[1].tobytes(), index)
    return found


def _describable(env: gym.Env[Any, Any]) -> gym.Env[Any, Any] | None:
    """Returns the environment if its spec can be written, as Minari does; a function as reward cannot."""
    try:
        if env.spec is not None:
            env.spec.to_json()
            return env
    except (TypeError, ValueError):
        pass
    return None
