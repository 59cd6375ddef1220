"""The warm start: a learner's fresh model is trained on demonstrations before the learner plays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from llm_baselines.algorithms.language_agent import LanguageAgent, has_checkpoint
from llm_baselines.algorithms.supervised.kept_starts import OF_NO_EFFECT
from llm_baselines.algorithms.supervised.supervised import Supervised
from llm_baselines.anchors.reference import has_demonstrations
from llm_baselines.configuration.options import recorded_values
from llm_baselines.configuration.tables import AGENT_OPTIONS
from llm_baselines.lm.settings import PlayingAgentConfig
from llm_baselines.storage.interruption import deferred_signals
from llm_envs.checks.types import fits


def check_start(config: PlayingAgentConfig) -> None:
    """Refuses a learner's option "supervised" before anything is trained.

    Raises:
        ValueError: An option is unknown, of the wrong type or out of bounds.
    """
    Supervised.configure(_split(config.supervised)[0])


def _split(supervised: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    """The options, and how many tokens are learned from; None for what suits the id."""
    options = dict(supervised)
    total = options.pop("total_timesteps", None)
    if total is not None and not (fits(total, float) and 1 <= total < float("inf")):
        raise ValueError(
            f"supervised.total_timesteps={total!r} must be at least 1; warm_start=False for none"
        )
    return options, None if total is None else int(total)


def _start(supervised: dict[str, Any], env_id: str, train_fraction: float) -> tuple[dict[str, Any], int]:
    """Options and tokens of a start on an id, where the learner's own say nothing from the table."""
    asked, total = _split(supervised)
    options = {**AGENT_OPTIONS.options(Supervised.name, env_id), "train_fraction": train_fraction, **asked}
    options.pop("model", None)
    return options, total or AGENT_OPTIONS.timesteps(Supervised.name, env_id)


def complete_start(supervised: dict[str, Any], env_id: str, train_fraction: float) -> dict[str, Any]:
    """A learner's option "supervised" with all that is looked up when it begins.

    Args:
        supervised: The option.
        env_id: The environment's id.
        train_fraction: The learner's.

    Returns:
        What `begin_from_demonstrations` trains with, whatever the tables and defaults say later.
    """
    options, total = _start(supervised, env_id, train_fraction)
    values = recorded_values(Supervised.configure(options))
    values = {k: v for k, v in values.items() if k not in OF_NO_EFFECT}
    return {"total_timesteps": total, **values}


def begin_from_demonstrations(
    learner: LanguageAgent,
    config: PlayingAgentConfig,
    run_folder: str | Path | None,
    rebuild: Callable[[], object],
    *,
    resume: bool,
    progress_bar: bool,
) -> None:
    """Trains a learner's fresh model on demonstrations, where it is to be and there are any.

    A run that goes on from a checkpoint has this behind it. Whatever decides the result decides its name in
    `warm_start_folder`, so learners that begin alike train it once.

    Args:
        learner: Takes over the weights, the cost and the evaluations.
        config: Its configuration.
        run_folder: Its run folder; "warm_start" in it holds this training's checkpoints.
        rebuild: Called once the learner has new weights, for what it builds on them.
        resume: Go on from them.
        progress_bar: Show a progress bar.
    """
    wanted = config.warm_start and learner.is_fresh and learner.native and learner.num_timesteps == 0
    if not wanted or not has_demonstrations(learner.task):
        return
    if has_checkpoint(run_folder, resume):
        return
    learner.put_earlier_aside(run_folder)
    assert learner.env.spec is not None
    options, total = _start(config.supervised, learner.env.spec.id, config.train_fraction)
    options["warm_start_folder"] = config.warm_start_folder
    begun = Supervised(learner.model_spec, learner.env, seed=learner.seed, device=learner.device, **options)
    place = Path(run_folder) / "warm_start" if run_folder is not None else None
    begun.on_evaluation = learner.on_evaluation
    learner.warm_start = (begun, total)
    try:
        begun.learn(total, run_folder=place, resume=resume, progress_bar=progress_bar)
    finally:
        learner.warm_start = None
    with deferred_signals():
        learner.lm.load_state_dict(begun.lm.state_dict())
        learner.begun = True
        learner.weights_changed()
        learner.report.seconds = begun.report.seconds
        learner.report.gradient_steps = begun.report.gradient_steps
        learner.report.curve = [{**row, "timesteps": 0} for row in begun.report.curve[-1:]]
        rebuild()
