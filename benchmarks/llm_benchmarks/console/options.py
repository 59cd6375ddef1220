"""Values of options: KEY=VALUE pairs, reward and metric specifications, TOML files."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_benchmarks.console.input import MAX_TOML_BYTES, shown_path

_SET_BY_COMMANDS = (
    *("self", "id", "split", "reward", "render_mode", "num_envs"),
    *("autoreset_mode", "max_episode_steps", "disable_env_checker"),
)
"""Arguments of environments that --env-set may not give."""
_JSON = re.compile(r'\s*(?:[{[]|"[^"]*"?\s*$)')
"""How JSON begins. A line may begin with an id in quotation marks, but then goes on."""
_TUNED = "tuned"
"""The name of `llm_baselines.configuration.tables.TUNED`, whose import is slow."""


def metric_specs(texts: Sequence[str]) -> Any:
    """Reads the values of all --metrics options.

    Args:
        texts: Each is a name, a JSON specification, or a JSON list of specifications.

    Returns:
        A list of specifications; "default" if `texts` is empty or says only "default".

    Raises:
        ValueError: As `reward_spec`.
    """
    specs: list[Any] = []
    for spec in (reward_spec(text, "--metrics") for text in texts):
        specs += spec if isinstance(spec, list) else [spec]
    return "default" if specs in ([], ["default"]) else specs


def reward_spec(text: str, option: str = "--reward", *, trains: bool = False) -> Any:
    """Reads a reward: a name stays a string; JSON, or a line like "bleu - 0.2 * ter", gives a specification.

    Args:
        text: A name, JSON, or a line as `llm_envs.rewards.parse_reward` reads it.
        option: The option that it belongs to, for errors.
        trains: Whether an agent trains on the reward, so that it may be "tuned".

    Raises:
        ValueError: The text starts like JSON and is not valid, or exceeds the bounds of JSON that is read; or
            it is "tuned" and nothing trains.
    """
    if text == _TUNED and not trains:
        raise ValueError(
            f"{option} tuned is a reward to train on: `llm-envs train --reward tuned`; score with a reward's "
            "name, JSON, or default, the environment's default reward"
        )
    if not _JSON.match(text):
        from llm_envs.rewards import parse_reward

        return parse_reward(text)
    from llm_envs.foreign import parse_json, shown

    try:
        return parse_json(text, option)
    except ValueError as error:
        raise ValueError(f"{option} {shown(text, 100)!r} is no JSON that can be used: {error}") from None


def configuration(file: Path | None, assignments: Sequence[str]) -> dict[str, Any]:
    """Returns an agent's options: those of a TOML file, overridden by KEY=VALUE pairs.

    Raises:
        ValueError: The file or a pair cannot be read.
    """
    options = {} if file is None else read_toml(file, "--config")
    return {**options, **key_values(assignments, "--set")}


def read_toml(file: Path, what: str) -> dict[str, Any]:
    """Reads a TOML file.

    Args:
        file: The file.
        what: Its role ("--config", "suite"), for errors.

    Raises:
        ValueError: The file is not regular, too large, not UTF-8, not TOML, or nested too deep.
    """
    from llm_envs.foreign import ForeignDataError, check_bounded, read_text

    place = f"{what} {shown_path(file)}"
    try:
        table = tomllib.loads(read_text(file, place, max_bytes=MAX_TOML_BYTES))
        check_bounded(table, place)
        return table
    except ForeignDataError:
        raise
    except RecursionError:
        raise ValueError(f"{place}: nested too deep") from None
    except OSError as error:
        raise ValueError(f"{place}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def key_values(assignments: Sequence[str], option: str) -> dict[str, Any]:
    """Reads KEY=VALUE pairs.

    Args:
        assignments: The pairs. A value that is JSON is parsed (1, 0.5, true, null, [1, 2]); any other value
            is a string.
        option: The option that they belong to, for errors.

    Raises:
        ValueError: A text is no KEY=VALUE pair, a key is given twice, or a value exceeds the bounds of JSON
            that is read.
    """
    table: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        key = key.strip()
        if not separator or not key:
            raise ValueError(f"{option} {assignment!r} must be KEY=VALUE")
        if key in table:
            raise ValueError(f"{option}: {key!r} is given twice")
        table[key] = _value(text, f"{option} {key}={text[:100]}")
    return table


def env_arguments(assignments: Sequence[str], *reserved: str) -> dict[str, Any]:
    """Reads the environment's arguments from KEY=VALUE pairs.

    Args:
        assignments: Values of --env-set.
        reserved: Arguments that this command sets, beside those that every command sets.

    Raises:
        ValueError: As `key_values`, or the command sets this argument itself.
    """
    arguments = key_values(assignments, "--env-set")
    for name in (*_SET_BY_COMMANDS, *reserved):
        if name in arguments:
            raise ValueError(
                f"--env-set {name}={arguments[name]!r}: the command sets {name!r} itself or has an option "
                "for it; remove it from --env-set"
            )
    return arguments


def _value(text: str, place: str) -> Any:
    try:
        json.loads(text, parse_int=str)
    except RecursionError:
        pass  # nested too deep: `parse_json` says so
    except ValueError:
        return text
    from llm_envs.foreign import parse_json

    return parse_json(text, place)
