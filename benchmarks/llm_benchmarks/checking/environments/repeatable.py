"""The same seed and actions give the same transitions: again, in copies, and from the saved specification."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

from llm_benchmarks.checking.checks import Broken, NotApplicable, Note
from llm_benchmarks.checking.subjects import EnvironmentSubject
from llm_benchmarks.checking.walks import difference, drawn_actions, equal, go_on, reset, step, walk

_STEPS = 80
_SEEDS = 12


def same_seed_same_transitions(subject: EnvironmentSubject) -> str:
    """Plays the same seed and actions in two environments, and again in the first."""
    env, other = subject.make(), subject.make()
    actions = drawn_actions(env, _STEPS, subject.seed)
    first = walk(env, actions, subject.seed)
    if found := difference(first, walk(other, actions, subject.seed), tolerance(subject)):
        raise Broken(f"two environments under seed {subject.seed}: {found}")
    if found := difference(first, walk(env, actions, subject.seed), tolerance(subject)):
        raise Broken(f"one environment, reset with seed {subject.seed} again: {found}")
    return f"{len(actions)} steps, three times"


def seeds_differ(subject: EnvironmentSubject) -> str:
    """Checks that the seed of `reset` decides what is drawn."""
    env = subject.env
    starts = [reset(env, seed).observation for seed in range(_SEEDS)]
    if all(np.array_equal(starts[0], start) for start in starts[1:]):
        what = f"{_SEEDS} seeds give the same first observation"
        if subject.is_token_env and len(subject.task.examples) > 1:
            raise Broken(f"{what}, and there are {len(subject.task.examples)} examples")
        raise Note(what)
    return ""


def global_randomness_is_untouched(subject: EnvironmentSubject) -> str:
    """Checks that `random` and `numpy.random` are as they were after some episodes."""
    before = random.getstate(), _numpy_state()
    env = subject.make()
    walk(env, drawn_actions(env, _STEPS, subject.seed), subject.seed)
    for name, was, now in zip(
        ("random", "numpy.random"), before, (random.getstate(), _numpy_state()), strict=True
    ):
        if was != now:
            raise Broken(f"it uses the global generator of {name}")
    return ""


def _numpy_state() -> Any:
    state: Any = np.random.get_state()  # noqa: NPY002
    name, keys, *rest = state
    return name, keys.tolist(), rest


def pickles_go_on(subject: EnvironmentSubject) -> str:
    """Pickles an environment in the middle of an episode and lets both go on."""
    return _copied(subject, lambda env: pickle.loads(pickle.dumps(env)), "pickled")


def copies_go_on(subject: EnvironmentSubject) -> str:
    """Copies an environment in the middle of an episode and lets both go on."""
    return _copied(subject, copy.deepcopy, "deepcopied")


def _copied(subject: EnvironmentSubject, make_copy: Callable[[gym.Env], gym.Env], how: str) -> str:
    env = subject.make()
    actions = drawn_actions(env, _STEPS, subject.seed)
    reset(env, subject.seed)
    moment = step(env, actions[0], 1)
    if moment.is_over:
        reset(env)
    try:
        twin = make_copy(env)
    except Exception as error:  # of somebody else's __reduce__ or __getstate__
        raise Broken(f"it cannot be {how}: {type(error).__name__}: {error}") from None
    if found := difference(go_on(env, actions[1:]), go_on(twin, actions[1:]), tolerance(subject)):
        raise Broken(f"the {how} environment goes on differently: {found}")
    return ""


def specification_survives_json(subject: EnvironmentSubject) -> str:
    """Makes the environment again from the JSON of its EnvSpec."""
    env = subject.make()
    if env.spec is None:
        raise NotApplicable("it was not made from an id, so it has no specification")
    try:
        text = env.spec.to_json()
    except Exception as error:
        raise Broken(f"its specification cannot be JSON: {error}") from None
    again = gym.make(EnvSpec.from_json(text))
    actions = drawn_actions(env, 20, subject.seed)
    found = difference(
        walk(env, actions, subject.seed), walk(again, actions, subject.seed), tolerance(subject)
    )
    if found:
        raise Broken(f"the environment that was made again from JSON plays differently: {found}")
    return ""


def examples_can_be_chosen(subject: EnvironmentSubject) -> str:
    """Checks that reset(options={"example": i}) plays example i, and that unknown options are refused."""
    if not subject.is_token_env:
        raise NotApplicable("it does not inherit from TokenEnv, so it has no examples")
    env, examples = subject.env, subject.task.examples
    for index in sorted({0, len(examples) // 2, len(examples) - 1}):
        moment = reset(env, subject.seed, {"example": index})
        if moment.info.get("example") != index:
            raise Broken(
                f"options={{'example': {index}}} gave info['example']={moment.info.get('example')!r}"
            )
        if moment.info.get("source") != examples[index].source:
            raise Broken(f"options={{'example': {index}}} gave the source of another example")
        again = reset(env, subject.seed, {"example": index})
        if not equal(moment.observation, again.observation):
            raise Broken(f"example {index} begins with two different observations under one seed")
    try:
        env.reset(options={"no_such_option": 1})
    except ValueError:
        return f"{len(examples)} examples"
    raise Broken("reset(options={'no_such_option': 1}) is accepted; a typing error would go unnoticed")


def tolerance(subject: EnvironmentSubject) -> float:
    """Returns how far rewards may differ: 0, unless a neural model scores."""
    if not subject.is_token_env:
        return 0.0
    return float(subject.task.reward.tolerance)
