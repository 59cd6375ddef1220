"""Importing the environments costs no heavy library; layers hold."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "torch",
    "transformers",
    "datasets",
    "evaluate",
    "pandas",
    "pyarrow",
    "sacrebleu",
    "stable_baselines3",
]


def loaded_after(code):
    check = f"{code}; import sys; print([m for m in {HEAVY} if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import llm_envs",
        "import llm_envs, gymnasium; gymnasium.make('TextGen-v0').reset()",
        "import llm_envs, gymnasium; gymnasium.make('Dialogue-v0').reset()",
        "import llm_envs, gymnasium; gymnasium.make_vec('Translation-v0', num_envs=2).reset()",
        "import llm_envs.lm.scorer, llm_envs.wrappers.top_k",
    ],
)
def test_environments_import_nothing_heavy(code):
    assert loaded_after(code) == "[]"


def test_agents_of_stable_baselines_import_no_language_models():
    assert "transformers" not in loaded_after(
        "import llm_baselines.algorithms.sb3.dqn, llm_baselines.algorithms.sb3.ppo"
    )


def test_gymnasium_finds_the_ids_by_module():
    code = "import gymnasium as gym; print(gym.make('llm_envs:TextGen-v0').observation_space.shape)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
