"""The texts of a model: several for each prompt, for best-of-n, ties and correlations."""

from __future__ import annotations

from random import Random
from typing import Any, cast

from llm_baselines.agent import Agent
from llm_baselines.registry import AGENTS, factory_of, make_agent
from llm_benchmarks.rewards.audit.attacks import Change, corrupted
from llm_benchmarks.rewards.audit.corruptions import edits_of
from llm_benchmarks.rewards.audit.ground import Ground
from llm_envs.episode import Episode

STAND_IN = "noisy references"
"""The model that is always at hand: references with a random number of random edits."""


def model_of(ground: Ground, agent: str | None) -> Agent | None:
    """Returns the agent whose texts are used; None for the stand-in.

    Args:
        ground: The prompts.
        agent: A name of the registry, the folder of a trained agent, or "package.module:factory".

    Raises:
        ValueError: There is no such agent, or it must be trained first.
    """
    if agent is None:
        return None
    if agent in AGENTS and agent not in _UNTRAINED and factory_of(agent).trains:
        raise ValueError(
            f"--agent {agent!r} learns, and an audit trains nothing: `llm-envs train --env {ground.env_id} "
            f"--agent {agent} --out FOLDER` first, then --agent FOLDER"
        )
    return _made(ground, agent, ground.seed)


def _made(ground: Ground, agent: str, seed: int) -> Agent:
    made: Any = make_agent(agent, ground.env, seed=seed)
    if agent in _UNTRAINED:
        made.learn(0)
    return cast(Agent, made)


def samples_of(ground: Ground, agent: str | None, model: Agent | None, number: int) -> list[list[Episode]]:
    """Returns `number` texts for each prompt.

    Args:
        ground: The prompts.
        agent: The agent's name, as for `model_of`.
        model: What `model_of` returned for it.
        number: Texts for each prompt.
    """
    if agent is None or model is None:
        return _noisy_references(ground, number)
    if agent in AGENTS:  # an anchor writes the same again for the same prompt and seed
        seeds = range(ground.seed, ground.seed + number)
        by_seed = [ground.played(_made(ground, agent, seed), 1, deterministic=False) for seed in seeds]
        return [list(texts) for texts in zip(*by_seed, strict=True)]
    flat = ground.played(model, number, deterministic=False)
    return [flat[i : i + number] for i in range(0, len(flat), number)]


_UNTRAINED = ("unigram",)  # counts the train texts, which takes no step


def _noisy_references(ground: Ground, number: int) -> list[list[Episode]]:
    """Returns references with 0 to many random edits of random kinds, so that every quality occurs."""
    kinds = list(edits_of(ground).values())

    def noisy(text: str, rng: Random, most: int) -> str:
        for _ in range(rng.randint(0, most)):
            text = rng.choice(kinds)(text, 1, rng)
        return text

    if not ground.talks:
        rng = ground.rng("noisy references")
        return [
            [ground.episode(e, noisy(rng.choice(e.references), rng, 8)) for _ in range(number)]
            for e in ground.examples
        ]

    def change() -> Change:
        rate: list[float] = []

        def changed(text: str, own: Random) -> str:
            if not rate:
                rate.append(0.5 * own.random())
            return noisy(text, own, 2) if own.random() < rate[0] else text

        return changed

    rounds = [ground.dialogues(corrupted(ground, change), f"noisy {k}") for k in range(number)]
    return [list(texts) for texts in zip(*rounds, strict=True)]
