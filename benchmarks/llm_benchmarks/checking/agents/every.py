"""All checks of an agent, in the order in which they are tried."""

from __future__ import annotations

from llm_benchmarks.checking.agents import acting, training
from llm_benchmarks.checking.checks import Check
from llm_benchmarks.checking.subjects import AgentSubject

_ACTS = ("factory", "learning", "batch")

AGENT_CHECKS: tuple[Check[AgentSubject], ...] = (
    Check(
        "factory",
        "factory(env, seed, device, **config) returns an object with predict",
        "give the factory these parameters, and the agent a predict; see docs/extend/agent.md",
        acting.makes_an_agent,
    ),
    Check(
        "learning",
        "learn(total_timesteps) trains, and report counts what it cost",
        "count environment_steps in a TrainingReport while learn() runs",
        training.learns,
        ("factory",),
    ),
    Check(
        "command line",
        "`llm-envs train` can train and save it",
        "give learn() the keywords run_folder, resume and progress_bar, and the agent save(folder)",
        training.command_line_trains,
        ("factory", "learning"),
    ),
    Check(
        "batch",
        "predict returns (actions, state): one token id for each of n observations",
        "return an integer array of shape (n,) with ids from 0 to V-1, and the state",
        acting.predicts_a_batch,
        ("factory", "learning"),
    ),
    Check(
        "one observation",
        "a batch of one gives what the single observation gives",
        "treat an observation of shape (columns,) as a batch of one and return one action",
        acting.predicts_one,
        _ACTS,
    ),
    Check(
        "observations",
        "predict does not write into the observations",
        "copy the array before changing it; the environment may still use it",
        acting.leaves_observations_alone,
        _ACTS,
    ),
    Check(
        "deterministic",
        "deterministic=True gives the same texts every time",
        "take the best token, or draw from a function of the seed and the observation",
        acting.deterministic_repeats,
        _ACTS,
    ),
    Check(
        "rows and state",
        "an episode does not depend on the other rows, nor on the episode before it",
        "keep a state for each row in `state`, and begin it anew where episode_start is True",
        acting.rows_are_independent,
        (*_ACTS, "deterministic"),
    ),
    Check(
        "action mask",
        "only tokens that the environment's action_mask allows are taken",
        "read env.action_mask(observations), bool (n, V), before choosing",
        acting.mask_is_kept,
        _ACTS,
    ),
    Check(
        "seed",
        "two agents with one seed train and sample alike",
        "draw from numpy.random.default_rng(seed) or a torch.Generator, not from global generators",
        training.seed_decides,
        _ACTS,
    ),
    Check(
        "save and load",
        "the agent that load makes from the folder of save acts the same; no file is a pickle",
        "save everything that predict reads as safetensors, npz or JSON; give the factory a load",
        training.loaded_acts_the_same,
        (*_ACTS, "deterministic"),
    ),
)
