"""PlainFactory: wraps a function or class that makes agents as an AgentFactory."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from llm_baselines.agent import Agent, Env
from llm_envs.checks.types import declared_type, declared_types, fits, type_name


class PlainFactory:
    """Wraps a function or class that makes agents as an AgentFactory.

    The function or class may have any of the protocol's methods; each one is optional.

    Args:
        name: The agent's name, for errors.
        make: make(env, seed, device, **config) -> Agent.
    """

    def __init__(self, name: str, make: Any) -> None:
        self._name = name
        self._make = make

    def __call__(self, env: Env, seed: int, device: str = "auto", **config: Any) -> Agent:
        """Returns the agent.

        Raises:
            ValueError: The returned object has no predict().
        """
        agent: object = self._make(env, seed, device, **config)
        if not isinstance(agent, Agent):
            raise ValueError(f"{self._name!r} returned {agent!r}, which has no predict()")
        return agent

    @property
    def trains(self) -> bool | None:
        """Whether a class has `learn`; None for a function without that attribute."""
        if self._method("learn") is not None:
            return True
        return False if inspect.isclass(self._make) else None

    @property
    def config_class(self) -> type[Any] | None:
        """The wrapped object's `config_class`; None if only its signature declares the options."""
        config_class = getattr(self._make, "config_class", None)
        return config_class if isinstance(config_class, type) else None

    @property
    def loads(self) -> bool:
        """Whether the wrapped object has `load`, or a parameter "folder"."""
        return self._method("load") is not None or self._takes_folder()

    def defaults(
        self, env_id: str, design: str | None = None, config: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns the defaults of the wrapped object's method; empty without one.

        Raises:
            ValueError: A design is given, and the wrapped object has no method `defaults`.
        """
        method = self._method("defaults")
        if method is None:
            if design is not None:
                raise ValueError(f"agent {self._name!r} has no training reward {design!r}; name a reward")
            return {}
        return dict(method(env_id) if design is None else method(env_id, design))

    def complete_config(self, env_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the configuration, completed by the wrapped object's method if it has one."""
        method = self._method("complete_config")
        return dict(config if method is None else method(env_id, config))

    def applicable_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the configuration, reduced by the wrapped object's method if it has one."""
        method = self._method("applicable_config")
        return dict(config if method is None else method(config))

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Checks the configuration by the wrapped object's method, or by its signature and annotations.

        Raises:
            ValueError: An option is unknown, or has the wrong type.
        """
        method = self._method("check_config")
        if method is not None:
            method(config)
            return
        try:
            signature = inspect.signature(self._make)
        except ValueError:  # code in C may have no signature; the call itself will check
            return
        try:
            signature.bind(None, 0, "auto", **config)
        except TypeError as error:
            raise ValueError(f"agent {self._name!r}: {error}") from error
        hints = declared_types(self._make.__init__ if inspect.isclass(self._make) else self._make)
        for option, value in config.items():
            if option not in signature.parameters:
                continue
            declared = declared_type(signature.parameters[option], hints)
            if not fits(value, declared):
                raise ValueError(
                    f"agent {self._name!r}: option {option!r} is of type {type_name(declared)}, got "
                    f"{value!r} ({type(value).__name__})"
                )

    def suggested_timesteps(self, env_id: str, size: str = "bench") -> int | None:
        """Returns the steps of the wrapped object's method; None without one."""
        method = self._method("suggested_timesteps")
        return None if method is None else int(method(env_id, size))

    def load(
        self, folder: Path, env: Env, *, seed: int, device: str, config: Mapping[str, Any] | None = None
    ) -> Agent:
        """Loads an agent by the wrapped object's `load`, or by a call with folder and configuration."""
        method = self._method("load")
        if method is not None:
            loaded: Agent = method(folder, env, seed=seed, device=device)
        else:
            loaded = self._make(env, seed, device, folder=folder, **(config or {}))
        return loaded

    def _method(self, name: str) -> Callable[..., Any] | None:
        method = getattr(self._make, name, None)
        return method if callable(method) else None

    def _takes_folder(self) -> bool:
        try:
            return "folder" in inspect.signature(self._make).parameters
        except ValueError:  # code in C may have no signature
            return False
