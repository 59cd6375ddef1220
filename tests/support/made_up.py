"""Made-up records for tests: complete, valid, and easy to vary."""

from __future__ import annotations

from typing import Any

from llm_baselines.spec import (
    AgentSpec,
    EnvironmentSpec,
    EvaluationSpec,
    RewardSpec,
    RunSpec,
    TrainingSpec,
)
from llm_benchmarks.records.record import new_record
from llm_benchmarks.records.results import summarize
from llm_envs.evaluation import episode_seed

SEED = 777
SHA = "0123456789abcdef" * 4


def episodes(rewards: list[float], **metrics: list[float]) -> list[dict[str, Any]]:
    return [
        {
            "index": k,
            "example": k,
            "seed": episode_seed(SEED, k),
            "source": f"say {k} 你好",
            "text": "yes\u2028no",
            "action_ids": [5, 6, 2],
            "reward": reward,
            "reward_components": {"bleu": reward},
            "metrics": {name: values[k] for name, values in metrics.items()},
            "length": 3,
            "finish_reason": "stop" if k % 2 else "length",
        }
        for k, reward in enumerate(rewards)
    ]


def spec(
    agent: str = "sb3-dqn",
    seed: int | None = 1,
    *,
    env: str = "Translation-v0",
    signature: str | None = "env-a",
    reward: Any = "default",
    config: dict[str, Any] | None = None,
    steps: int = 1000,
    kwargs: dict[str, Any] | None = None,
    split: str = "test",
    n: int | None = 4,
    experiment: str = "",
    variant: str = "",
) -> RunSpec:
    config = {"lr": 0.001} if config is None else config
    kwargs = kwargs or {}
    timing = config.get("reward_timing", kwargs.get("reward_timing"))
    training = TrainingSpec(
        reward=RewardSpec(spec=reward, signature=f"sig-{reward}"),
        reward_timing=timing,
        total_timesteps=steps,
        seed=seed or 0,
    )
    return RunSpec(
        environment=EnvironmentSpec(id=env, kwargs=kwargs, signature=signature),
        agent=AgentSpec(
            name=agent,
            entry_point="somewhere:Agent",
            config=config,
            trials=3,
            tuning_seeds=(900, 901),
        ),
        training=training if seed is not None else None,
        evaluation=EvaluationSpec(
            split=split,
            seed=SEED,
            episodes=n,
            reward=RewardSpec(spec="default", signature="sig-default"),
            num_envs=4,
        ),
        experiment=experiment,
        variant=variant,
    )


def facts(trained: bool = True) -> dict[str, Any]:
    return {
        "context_length": 64,
        "dataset": {"name": "en-de", "hash": SHA, "sizes": {"train": 100, "test": 20}},
        "tokenizer": {"spec": "word", "hash": SHA, "vocabulary_size": 500},
        "metrics": [{"name": "success", "signature": "s"}, {"name": "chrf", "signature": "c"}],
        "checkpoint_hash": None,
        "parameters": 1000 if trained else None,
    }


def provenance() -> dict[str, Any]:
    return {
        "git_commit": None,
        "git_dirty": None,
        "packages": {"numpy": "2.4"},
        "python": "3.11.7",
        "platform": "Linux",
        "hardware": {"cpu": "a cpu", "cores": 2, "memory_bytes": None, "accelerator": None},
        "threads": 1,
        "started_at": "2026-01-02T03:04:05Z",
        "finished_at": "2026-01-02T03:05:05.125Z",
        "command": ["llm-envs", "train"],
    }


def cost(steps: int = 1000, seconds: float = 60.0) -> dict[str, Any]:
    return {
        "wall_clock_seconds": {"training": seconds, "evaluation": 1.0},
        "environment_steps": steps,
        "gradient_steps": 10,
        "tokens": steps,
        "reward_calls": 7,
        "peak_memory_bytes": None,
    }


def run(
    agent: str = "sb3-dqn",
    seed: int | None = 1,
    rewards: list[float] | None = None,
    success: list[float] | None = None,
    curve: Any = (),
    **options: Any,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A completed record and its episodes."""
    rewards = [0.1, 0.2, 0.3, 0.4] if rewards is None else rewards
    rows = episodes(rewards, success=success or [1.0] * len(rewards))
    steps = options.get("steps", 1000) if seed is not None else 0
    record = new_record(
        spec(agent, seed, n=len(rewards), **options),
        facts(trained=seed is not None),
        status="completed",
        provenance=provenance(),
        cost=cost(steps),
        results=summarize(rows),
        curve=curve,
    )
    return record, rows


def failure(agent: str = "sb3-dqn", seed: int | None = 1, **options: Any) -> dict[str, Any]:
    """A failed record."""
    return new_record(
        spec(agent, seed, **options),
        facts(trained=seed is not None),
        status="failed",
        error={"type": "MemoryError", "message": "no", "traceback": "..."},
        provenance=provenance(),
        cost={**cost(), "environment_steps": None},
    )


def identified(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the identity of the spec that it has now."""
    record["identity"] = RunSpec.from_dict(record["spec"]).identity()
    return record
