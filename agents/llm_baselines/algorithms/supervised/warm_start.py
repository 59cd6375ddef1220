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
    """Raises if a learner's option "supervised" is invalid, before anything is trained.

    Raises:
        ValueError: An option is unknown, of the wrong type or out of bounds.
    """
    _split(config.supervised)


def _split(supervised: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    """Returns the checked options, and the number of tokens; None uses the id's number."""
    options = dict(supervised)
    total = options.pop("total_timesteps", None)
    if total is not None and not (fits(total, float) and 1 <= total < float("inf")):
        raise ValueError(
            f"supervised.total_timesteps={total!r} must be at least 1; warm_start=False turns the start off"
        )
    try:
        Supervised.configure(options)
    except ValueError as error:
        raise ValueError(f"{supervised=}: {error}") from error
    return options, None if total is None else int(total)


def _start(supervised: dict[str, Any], env_id: str, train_fraction: float) -> tuple[dict[str, Any], int]:
    """Returns the options and tokens of a warm start on an id; the learner's own override the table's."""
    overrides, total = _split(supervised)
    table = AGENT_OPTIONS.options(Supervised.name, env_id)
    options = {**table, "train_fraction": train_fraction, **overrides}
    options.pop("model", None)
    return options, total or AGENT_OPTIONS.timesteps(Supervised.name, env_id)


def complete_start(supervised: dict[str, Any], env_id: str, train_fraction: float) -> dict[str, Any]:
    """Returns a learner's option "supervised" with every default written out.

    Args:
        supervised: The option.
        env_id: The environment's id.
        train_fraction: The learner's option of that name.

    Returns:
        The options that `begin_from_demonstrations` trains with; later changes of defaults do not affect it.
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
    """Trains a learner's fresh model on demonstrations, if `warm_start` is set and there are any.

    It does nothing if the run continues from a checkpoint, because the warm start is then done. With
    `warm_start_folder`, learners with the same warm start train it once.

    Args:
        learner: Takes over the weights, the cost and the evaluations.
        config: Its configuration.
        run_folder: Its run folder; the folder "warm_start" in it holds the warm start's checkpoints.
        rebuild: Called once the learner has new weights, to build its network on them.
        resume: Continue from the warm start's last checkpoint.
        progress_bar: Show a progress bar.
    """
    is_due = config.warm_start and learner.is_fresh and learner.native and learner.num_timesteps == 0
    if not is_due or not has_demonstrations(learner.task):
        return
    if has_checkpoint(run_folder, resume):
        return
    learner.put_earlier_aside(run_folder)
    assert learner.env.spec is not None
    options, total = _start(config.supervised, learner.env.spec.id, config.train_fraction)
    options["warm_start_folder"] = config.warm_start_folder
    starter = Supervised(learner.model_spec, learner.env, seed=learner.seed, device=learner.device, **options)
    place = Path(run_folder) / "warm_start" if run_folder is not None else None
    starter.on_evaluation = learner.on_evaluation
    learner.warm_start = (starter, total)
    try:
        starter.learn(total, run_folder=place, resume=resume, progress_bar=progress_bar)
    finally:
        learner.warm_start = None
    with deferred_signals():
        learner.lm.load_state_dict(starter.lm.state_dict())
        learner.begun = True
        learner.weights_changed()
        learner.report.seconds = starter.report.seconds
        learner.report.gradient_steps = starter.report.gradient_steps
        learner.report.curve = [{**row, "timesteps": 0} for row in starter.report.curve[-1:]]
        rebuild()
