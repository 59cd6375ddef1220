"""Importing the environments costs no heavy library; layers hold."""

from __future__ import annotations

import subprocess
import sys

import pytest

import llm_envs

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


NOT_BEFORE_USE = [
    *("llm_envs.data", "llm_envs.envs", "llm_envs.evaluation", "llm_envs.lm", "llm_envs.rewards"),
    *("llm_envs.tokenizers", "llm_envs.wrappers"),
    *("tokenizers", "regex", "yaml", "vaderSentiment", "py3langid", "csv"),
]


def loaded_after(code, modules=HEAVY):
    check = f"{code}; import sys; print([m for m in {modules} if m in sys.modules])"
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


def test_importing_the_package_only_registers_the_ids():
    assert loaded_after("import llm_envs", [*HEAVY, *NOT_BEFORE_USE]) == "[]"


@pytest.mark.parametrize("name", [name for name in llm_envs.__all__ if name != "WAIT"])
def test_every_public_name_is_imported_when_it_is_used(name):
    assert getattr(llm_envs, name).__name__ == name
    assert name in dir(llm_envs)


def test_submodules_are_imported_when_they_are_used():
    assert loaded_after("import llm_envs; llm_envs.data.list_corpora(); llm_envs.tokenizers") == "[]"
    with pytest.raises(AttributeError, match="has no attribute 'evaluete'"):
        llm_envs.evaluete  # noqa: B018


def test_agents_of_stable_baselines_import_no_language_models():
    assert "transformers" not in loaded_after(
        "import llm_baselines.algorithms.sb3.dqn, llm_baselines.algorithms.sb3.ppo"
    )


def test_the_public_path_of_sb3_imports_only_what_is_named():
    assert loaded_after("import llm_baselines.sb3.training_rewards", ["stable_baselines3"]) == "[]"
    code = "import llm_baselines.sb3.dqn as public, llm_baselines.algorithms.sb3.dqn as own"
    code += "; assert public is own; assert own.__spec__.name == own.__name__"
    assert "stable_baselines3" in loaded_after(code)


def test_gymnasium_finds_the_ids_by_module():
    code = "import gymnasium as gym; print(gym.make('llm_envs:TextGen-v0').observation_space.shape)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
