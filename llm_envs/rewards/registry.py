"""The table of rewards: each file of builtin/, named designs, and what `register_reward` adds."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeVar

from llm_envs.checks.suggestions import did_you_mean
from llm_envs.foreign import load_code
from llm_envs.rewards import builtin
from llm_envs.rewards.expressions import is_expression
from llm_envs.rewards.schemes import SCHEMES, split_scheme

_DESIGNS = {  # named products of the others
    "poems-lm": "llm_envs.rewards.poems_lm:PoemsLm",
    "verse": "llm_envs.rewards.verse:Verse",
}

REGISTRY: dict[str, str | Callable[..., Any]] = {
    **{module.name: f"{builtin.__name__}.{module.name}" for module in iter_modules(builtin.__path__)},
    **_DESIGNS,
}
"""id -> module in builtin/, "package.module:name", function or class."""

_redefined = 0

_T = TypeVar("_T", bound=Callable[..., Any])


def register_reward(
    reward_id: str, *, needs_references: bool | None = None, needs_text: bool | None = None
) -> Callable[[_T], _T]:
    """Registers a function `(episode, **options) -> float`, or a class of such functions.

        @llm_envs.register_reward("my_reward")
        def my_reward(episode, *, target="sea"):
            return float(target in episode.text)

    Args:
        reward_id: The name in specs. An id that is taken is an error, unless the same function is
            defined again (a notebook cell that runs twice).
        needs_references: True if the reward reads `episode.references`. Making it for a data set without
            references is then an error.
        needs_text: False if the reward reads only `episode.action_ids`, `turns` and `measures`. The
            environment may then skip decoding.

    Raises:
        ValueError: The id is taken, is empty, holds ":" or "/", or has a meaning in specs.
    """
    if not isinstance(reward_id, str) or not reward_id or ":" in reward_id or "/" in reward_id:
        raise ValueError(
            f"reward id {reward_id!r} must be a non-empty string without ':' and '/'; "
            'write @llm_envs.register_reward("my_reward")'
        )
    if reward_id in ("default", "id"):
        raise ValueError(f"reward id {reward_id!r} has a meaning of its own in specs; choose another id")

    def register(reward: _T) -> _T:
        known = REGISTRY.get(reward_id)
        if known is not None and _origin(known) != _origin(reward):
            raise ValueError(f"reward id {reward_id!r} is taken by {_origin(known)}; choose another id")
        global _redefined
        _redefined += known is not None and known is not reward
        if needs_references is not None:
            reward.needs_references = needs_references  # type: ignore[attr-defined]
        if needs_text is not None:
            reward.needs_text = needs_text  # type: ignore[attr-defined]
        REGISTRY[reward_id] = reward
        return reward

    return register


def redefinitions() -> int:
    """Returns how often an id got another function. Tasks made from names before that may be out of date."""
    return _redefined


def list_rewards() -> list[str]:
    """Returns the ids of all registered rewards, sorted."""
    return sorted(REGISTRY)


def find_reward(reward_id: str) -> Callable[..., Any]:
    """Returns the function or class of an id, of "package.module:name" or of a scheme such as "trl:".

    Raises:
        ValueError: The id, module or name does not exist.
    """
    if named := split_scheme(reward_id):
        return load_code(SCHEMES[named[0]].entry, "reward")
    entry: str | Callable[..., Any] | None = reward_id if ":" in reward_id else REGISTRY.get(reward_id)
    if entry is None:
        if reward_id == "default":
            raise ValueError(
                'reward "default" is an environment\'s own and cannot be combined: '
                'gym.make(id, reward="default"); '
                "to add to it, write it out: gym.make(id).unwrapped.task.reward.to_spec()"
            )
        if is_expression(reward_id):
            raise ValueError(
                f"unknown reward {reward_id!r}; a reward in one line is read by "
                f"llm_envs.rewards.parse_reward: reward=parse_reward({reward_id!r})"
            )
        raise ValueError(
            f"unknown reward {reward_id!r}{did_you_mean(reward_id, REGISTRY)} "
            "`llm-envs list` and llm_envs.list_rewards() show all; one that a script of yours registers is "
            "known to that script alone: name it 'module:name', the module is then imported"
        )
    if not isinstance(entry, str):
        return entry
    return load_code(entry, "reward") if ":" in entry else _builtin_reward(entry)


def _builtin_reward(module: str) -> Callable[..., Any]:
    """Returns the class or function of a file in builtin/, which has the name of the file."""
    name = module.rpartition(".")[2]
    class_name = "".join(word.capitalize() for word in name.split("_"))
    code = import_module(module)
    reward: Callable[..., Any] = getattr(code, class_name, None) or getattr(code, name)
    return reward


def _origin(reward: str | Callable[..., Any]) -> str:
    if isinstance(reward, str):
        return reward
    module = getattr(reward, "__module__", "?")
    return f"{module}:{getattr(reward, '__qualname__', type(reward).__qualname__)}"
