"""RL Zoo's hyperparameters for our ids, as TOML: rl_zoo_dqn.toml.

    python examples/rl_zoo_dqn.py --env TextGen-Tiny-v0 --seed 0

trains Stable-Baselines3's DQN with them, without RL Zoo. RL Zoo itself reads them through this module:

    cd examples
    python -m rl_zoo3.train --algo dqn --env TextGen-Tiny-v0 --gym-packages llm_envs --conf-file rl_zoo_dqn
"""

from __future__ import annotations

import argparse
import tomllib
from importlib import import_module
from pathlib import Path

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_vec_env

import llm_envs


def resolved(value):
    """RL Zoo evaluates strings in YAML; here `{ import = "module:name" }` stands for a class."""
    if not isinstance(value, dict):
        return value
    if set(value) == {"import"}:
        module, _, name = value["import"].partition(":")
        return getattr(import_module(module), name)
    return {key: resolved(inner) for key, inner in value.items()}


hyperparams = resolved(tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")))
"""What RL Zoo's `--conf-file` looks for: hyperparameters by id."""


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", default="TextGen-Tiny-v0", choices=hyperparams)
    parser.add_argument("--total-timesteps", type=int, help="the table's n_timesteps by default")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)  # more only slow down a network of this size

    table = dict(hyperparams[args.env])
    n_timesteps = table.pop("n_timesteps") if args.total_timesteps is None else args.total_timesteps
    venv = make_vec_env(
        args.env, table.pop("n_envs", 1), seed=args.seed, env_kwargs=table.pop("env_kwargs", {})
    )
    table.pop("n_timesteps", None)
    model = DQN(env=venv, seed=args.seed, device="cpu", **table)
    before = llm_envs.evaluate(model, args.env, seed=1)  # every text of the test split
    model.learn(n_timesteps)
    after = llm_envs.evaluate(model, args.env, seed=1)
    print(
        f"before {before.mean_reward:.3f} after {after.mean_reward:.3f} on {len(after.rows)} held-out texts"
    )
    return before, after


if __name__ == "__main__":
    main()
