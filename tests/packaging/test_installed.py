"""What a user relies on after `pip install`, in clean environments and far from the checkout."""

from __future__ import annotations

import json

import pytest
from clean_environments import PROJECT, ROOT, run, succeed

import llm_envs

pytestmark = pytest.mark.package
EPISODES = """
import sys
import gymnasium as gym
import llm_envs
from llm_envs.registration import TABLE

assert "site-packages" in llm_envs.__file__, llm_envs.__file__
for id in sorted(TABLE):
    env = gym.make(id)
    env.action_space.seed(1)
    observation, info = env.reset(seed=1)
    assert info["source"]
    over = False
    while not over:
        observation, reward, over, truncated, info = env.step(env.action_space.sample())
    assert info["outcome"]["text"] is not None
    print(id, info["outcome"]["reward"])
heavy = {"torch", "transformers", "datasets"} & set(sys.modules)
assert not heavy, heavy
"""
SUITES = """
from llm_benchmarks.run.suite import bundled_suites, find_suite, load_suite

for name in sorted(bundled_suites()):
    assert load_suite(find_suite(name)).cells
    print(name)
"""
EVERY_MODULE = """
import importlib, pkgutil
import llm_envs, llm_baselines, llm_benchmarks

count = 0
others = ("__main__", "ray_tasks", "submitit_jobs", "verifiers_environment", "verifiers_taskset")
for package in (llm_envs, llm_baselines, llm_benchmarks):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(others):
            importlib.import_module(module.name)
            count += 1
print(count)
"""


@pytest.mark.parametrize("sdist", [False, True], ids=["wheel", "sdist"])
def test_without_extras_every_id_plays_an_episode(builder, tmp_path, sdist):
    made = builder.environment(sdist=sdist)
    assert not {"torch", "transformers", "typer"} & set(made.versions())
    printed = succeed(made.python, "-c", EPISODES, cwd=tmp_path)
    assert len(printed.splitlines()) == len(llm_envs.list_envs())


def test_without_extras_the_command_line_says_what_to_install(builder, tmp_path):
    done = run(builder.environment().program("llm-envs"), "list", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "llm-envs: typer is not installed: pip install 'llm-envs[benchmarks]'\n"


@pytest.fixture(scope="module")
def llm_envs_of(builder):
    """Runs `llm-envs` of the environment with the extra `benchmarks`; it must succeed."""
    program = builder.environment("benchmarks").program("llm-envs")
    return lambda folder, *words: succeed(program, *words, cwd=folder)


def test_the_command_line_lists_what_there_is(llm_envs_of, tmp_path):
    assert "leaderboard" in llm_envs_of(tmp_path, "--help")
    assert llm_envs_of(tmp_path, "--version") == f"llm-envs {llm_envs.__version__}\n"
    listed = llm_envs_of(tmp_path, "list")
    assert all(name in listed for name in ("TextGen-v0", "bleu", "poems", "token_dqn"))


def test_doctor_misses_nothing_of_the_installed_extra(llm_envs_of, tmp_path):
    found = json.loads(llm_envs_of(tmp_path, "doctor", "--json"))
    assert found["libraries"]["llm-envs"] == llm_envs.__version__
    assert found["extras"]["benchmarks"] == []
    assert found["extras"]["llm"]  # has not been asked for


def test_the_scores_of_the_package_are_shown_without_a_store(llm_envs_of, tmp_path):
    assert "TextGen-v0" in llm_envs_of(tmp_path, "leaderboard", "baselines")
    assert not list(tmp_path.iterdir())


def test_every_suite_that_comes_along_is_found_and_read_from_any_folder(builder, tmp_path):
    python = builder.environment("benchmarks").python
    printed = succeed(python, "-c", SUITES, cwd=tmp_path)
    suites = {path.stem for path in (ROOT / "benchmarks" / "suites").glob("*.toml")}
    assert {line.split()[0] for line in printed.splitlines()} == suites


def test_an_agent_trains_and_stands_on_the_leaderboard_page(llm_envs_of, tmp_path):
    training = ("--env", "TextGen-Tiny-v0", "--agent", "sb3_dqn", "--total-timesteps", "1000", "--seed", "0")
    llm_envs_of(tmp_path, "train", *training, "--out", "agent")
    playing = ("--env", "TextGen-Tiny-v0", "--store", "store")
    llm_envs_of(tmp_path, "evaluate", "--agent", "agent", *playing)
    llm_envs_of(tmp_path, "evaluate", "--agent", "random", *playing)
    assert "sb3_dqn" in llm_envs_of(tmp_path, "leaderboard", "show", "--store", "store")
    assert "V2" in llm_envs_of(tmp_path, "leaderboard", "verify", "--store", "store", "--level", "2")
    llm_envs_of(tmp_path, "leaderboard", "html", "--store", "store", "--out", "board.html")
    assert "sb3_dqn" in (tmp_path / "board.html").read_text(encoding="utf-8")


def test_with_all_every_module_imports_and_doctor_misses_nothing(builder, tmp_path):
    made = builder.environment("all")
    assert int(succeed(made.python, "-W", "ignore", "-c", EVERY_MODULE, cwd=tmp_path)) > 200
    found = json.loads(succeed(made.program("llm-envs"), "doctor", "--json", cwd=tmp_path))
    (line,) = PROJECT["optional-dependencies"]["all"]
    for extra in line.removeprefix("llm-envs[").removesuffix("]").split(","):
        assert found["extras"][extra] == [], extra
