"""A training as a RunSpec: made from an agent, and compared with the one that a folder holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from llm_baselines.agent import Track
from llm_baselines.configuration.options import recorded_values, split_settings, without_later_defaults
from llm_baselines.play.transitions import check_spaces, spaces_of
from llm_baselines.spec import AgentSpec, EnvironmentSpec, RewardSpec, RunSpec, TrainingSpec
from llm_baselines.storage.sealed_folder import AgentFolderError, json_able

SET_BY_THE_RUN = ("split", "reward", "metrics", "render_mode")
"""Arguments of an environment that stand elsewhere in a run, or in no run at all."""

_PREFIXES = ("agent.", "training.", "environment.")


def training_spec(
    name: str,
    env: Any,
    config: Any,
    *,
    seed: int,
    total_timesteps: int,
    track: Track,
    reward_signature: str | None,
    **options: Any,
) -> RunSpec:
    """The run of an agent that is being trained, or was.

    Args:
        name: The agent's name in the registry.
        env: The environment it is trained in; one of others may have no id.
        config: Its configuration, a dataclass. Its options "reward" and "reward_timing", where it has them,
            go before the environment's own.
        seed: The training seed.
        total_timesteps: Environment steps.
        track: What it learns from.
        reward_signature: From `training_signature`.
        **options: What a run knows of the agent beside its configuration, such as "model".
    """
    values = recorded_values(config)
    affecting, settings = split_settings(type(config), json_able(values))
    kwargs = _arguments(env)
    reward, timing = values.get("reward"), values.get("reward_timing")
    reward = kwargs.get("reward", "default") if reward is None else reward
    timing = kwargs.get("reward_timing") if timing is None else timing
    return RunSpec(
        environment=environment_spec(env),
        agent=AgentSpec(name=name, config={**options, **affecting}, settings=settings, track=track),
        training=TrainingSpec(
            reward=RewardSpec(spec=json_able(reward), signature=reward_signature),
            reward_timing=json_able(timing),
            split=str(kwargs.get("split", "train")),
            total_timesteps=total_timesteps,
            seed=seed,
        ),
    )


def environment_spec(env: Any) -> EnvironmentSpec:
    """The environment that an agent is trained in; without an id where it was not made from one."""
    kwargs = {name: value for name, value in _arguments(env).items() if name not in SET_BY_THE_RUN}
    task = getattr(env.unwrapped, "task", None)
    return EnvironmentSpec(
        id="" if env.spec is None else env.spec.id,
        kwargs=json_able(kwargs),
        contents={} if task is None else contents_of(kwargs, task.describe()),
    )


def contents_of(kwargs: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, str]:
    """Returns the content hashes of arguments that name a file, a folder or a hub data set.

    These are a data set of `file:` or `hub:`, and a tokenizer whose label differs from its argument.

    Args:
        kwargs: The environment's arguments.
        described: From `Task.describe`.
    """
    contents = {}
    if str(kwargs.get("dataset")).startswith(("file:", "hub:")):
        contents["dataset"] = described["dataset_hash"]
    tokenizer = kwargs.get("tokenizer")
    if tokenizer is not None and _name(tokenizer) != _name(described["tokenizer"]):
        contents["tokenizer"] = described["tokenizer_hash"]
    return {name: str(digest) for name, digest in contents.items() if digest}


def training_signature(env: Any, reward: Any) -> str | None:
    """Returns the signature of an agent's training reward; None if the environment is not one of ours.

    Args:
        env: The environment.
        reward: The configuration's training reward; None for the environment's own.
    """
    task = getattr(env.unwrapped, "task", None)
    if task is None:
        return None
    return str(task.reward.signature if reward is None else task.make_reward(reward).signature)


def tokens_of(env: Any) -> dict[str, Any]:
    """Returns the values in which an agent and its environment must agree."""
    vocabulary_size, context_length = check_spaces(*spaces_of(env))
    tokenizer = getattr(getattr(env.unwrapped, "task", None), "tokenizer", None)
    return {
        "context_length": context_length,
        "vocabulary_size": vocabulary_size,
        "tokenizer_hash": getattr(tokenizer, "content_hash", None),
    }


def changes(kept: RunSpec, here: RunSpec, *, steps_too: bool = False) -> Iterator[tuple[str, Any, Any]]:
    """Yields (field, value kept, value here) for each difference of two trainings that affects the result.

    Signatures and hashes are compared only where both runs have them.

    Args:
        kept: The training in a folder.
        here: The requested training.
        steps_too: Whether to compare `total_timesteps` too.
    """
    if kept.training is not None and here.training is not None and not steps_too:
        same = replace(kept.training, total_timesteps=here.training.total_timesteps)
        kept = replace(kept, training=same)
    yield from kept.training_only().differences(here.training_only(), known_only=True)


def short_name(field: str) -> str:
    """Returns a field of a training without its section, such as "config.learning_rate"."""
    prefix = next((prefix for prefix in _PREFIXES if field.startswith(prefix)), "")
    return field.removeprefix(prefix)


def check_same_training(
    place: Path, kept: RunSpec, here: RunSpec, config_class: type[Any], tokens: Mapping[str, Any], env: Any
) -> None:
    """Raises if a checkpoint belongs to another training. Another number of steps is allowed.

    Args:
        place: The checkpoint.
        kept: The training of the checkpoint.
        here: The training that resumes.
        config_class: The class of the agent's configuration.
        tokens: `tokens_of` the checkpoint's environment.
        env: The environment here.

    Raises:
        AgentFolderError: The trainings differ in a field that affects the result; the error names it.
    """
    if kept.agent.name != here.agent.name:
        raise AgentFolderError(
            f"'{place}' is a checkpoint of {kept.agent.name!r}, not of {here.agent.name!r}"
        )
    # A checkpoint of a former version also holds options that had no effect.
    options = {f.name for f in fields(config_class)} | here.agent.config.keys()
    config = {name: value for name, value in kept.agent.config.items() if name in options}
    config = without_later_defaults(config_class, config)
    # The checkpoint has the hash of the model's weights, which says more than a name.
    without_model = ({n: v for n, v in c.items() if n != "model"} for c in (config, here.agent.config))
    kept, here = (
        replace(run, agent=replace(run.agent, config=config, track=here.agent.track))
        for run, config in zip((kept, here), without_model, strict=True)
    )
    differing = list(changes(kept, here))
    for name, value in tokens_of(env).items():
        if tokens.get(name) != value:
            differing.append((f"environment.{name}", tokens.get(name), value))
    for field, kept_value, value in differing:
        name = short_name(field).removeprefix("config.").removeprefix("kwargs.")
        description = f"{name}={kept_value!r}"
        if field == "training.seed":
            description = f"the seed {kept_value}"
        elif field == "training.reward.signature":
            name, description = "reward", f"the reward {kept_value!r}"
        elif field.startswith(("environment.", "training.split")):
            description = f"{description} of the environment"
        raise AgentFolderError(
            f"'{place}' was trained with {description}, not {value!r}: resume with the same {name}, or train "
            "afresh"
        )


def _arguments(env: Any) -> dict[str, Any]:
    return {} if env.spec is None else dict(env.spec.kwargs)


def _name(spec: Any) -> Any:
    return spec.get("id") if isinstance(spec, Mapping) else spec
