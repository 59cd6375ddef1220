"""PlainFactory: a function or class that makes agents, seen as an AgentFactory."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from llm_baselines.agent import Agent, Env
from llm_envs.checks.types import declared_type, declared_types, fits, type_name


class PlainFactory:
    """A function or class that makes agents, as an AgentFactory.

    It looks which of the protocol's methods the function has: all of them are optional there.

    Args:
        name: The agent's name, for errors.
        make: make(env, seed, device, **config) -> Agent.
    """

    def __init__(self, name: str, make: Any) -> None:
        self._name = name
        self._make = make

    def __call__(self, env: Env, seed: int, device: str = "auto", **config: Any) -> Agent:
        """The agent.

        Raises:
            ValueError: What was made has no predict().
        """
        made: object = self._make(env, seed, device, **config)
        if not isinstance(made, Agent):
            raise ValueError(f"{self._name!r} returned {made!r}, which has no predict()")
        return made

    @property
    def trains(self) -> bool | None:
        """Whether a class has `learn`; None for a function without one."""
        if self._method("learn") is not None:
            return True
        return False if inspect.isclass(self._make) else None

    @property
    def config_class(self) -> type[Any] | None:
        """Its attribute of that name; None where only the signature says its options."""
        found = getattr(self._make, "config_class", None)
        return found if isinstance(found, type) else None

    @property
    def loads(self) -> bool:
        """Whether it has `load`, or takes a folder."""
        return self._method("load") is not None or self._takes_folder()

    def defaults(
        self, env_id: str, design: str | None = None, config: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Its own; without a method, empty.

        Raises:
            ValueError: A design is asked for, and it has no method `defaults`.
        """
        own = self._method("defaults")
        if own is None:
            if design is not None:
                raise ValueError(f"agent {self._name!r} has no training reward {design!r}; name a reward")
            return {}
        return dict(own(env_id) if design is None else own(env_id, design))

    def complete_config(self, env_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """As its own method completes it, or as it is."""
        own = self._method("complete_config")
        return dict(config if own is None else own(env_id, config))

    def applicable_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """As its own method finds it, or as it is."""
        own = self._method("applicable_config")
        return dict(config if own is None else own(config))

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Checks by its own method, or by its signature and annotations.

        Raises:
            ValueError: It takes no such option or value.
        """
        own = self._method("check_config")
        if own is not None:
            own(config)
            return
        try:
            signature = inspect.signature(self._make)
        except ValueError:  # written in C: calling it will tell
            return
        try:
            signature.bind(None, 0, "auto", **config)
        except TypeError as error:
            raise ValueError(f"agent {self._name!r}: {error}") from error
        hints = declared_types(self._make.__init__ if inspect.isclass(self._make) else self._make)
        for option, value in config.items():
            if option not in signature.parameters:
                continue
            wanted = declared_type(signature.parameters[option], hints)
            if not fits(value, wanted):
                raise ValueError(
                    f"agent {self._name!r}: option {option!r} is of type {type_name(wanted)}, got {value!r} "
                    f"({type(value).__name__})"
                )

    def suggested_timesteps(self, env_id: str, size: str = "bench") -> int | None:
        """Its own, or None."""
        own = self._method("suggested_timesteps")
        return None if own is None else int(own(env_id, size))

    def load(
        self, folder: Path, env: Env, *, seed: int, device: str, config: Mapping[str, Any] | None = None
    ) -> Agent:
        """By its own `load`, or by a call with the folder and the configuration."""
        own = self._method("load")
        if own is not None:
            loaded: Agent = own(folder, env, seed=seed, device=device)
        else:
            loaded = self._make(env, seed, device, folder=folder, **(config or {}))
        return loaded

    def _method(self, name: str) -> Callable[..., Any] | None:
        found = getattr(self._make, name, None)
        return found if callable(found) else None

    def _takes_folder(self) -> bool:
        try:
            return "folder" in inspect.signature(self._make).parameters
        except ValueError:  # written in C
            return False
