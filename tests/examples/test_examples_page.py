"""docs/examples.md and the files it names."""

from __future__ import annotations

import re
import shutil

import gymnasium as gym
import pytest
from pages import ROOT, python_block, read, run_alone, run_page

from cleanrl_dqn import make_agent
from llm_benchmarks.commands.app import main

PAGE = "docs/examples.md"
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*_*.py"))


def test_the_page_works_from_top_to_bottom(tmp_path):
    for name in ("cleanrl_dqn.py", "sb3_dqn.toml"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    printed = run_page(PAGE, tmp_path)
    table = printed.partition("TextGen-Tiny-v0 tiny, test split")[2]
    assert "cleanrl_dqn:make_agent" in table
    assert "sb3_dqn" in table


def test_the_table_has_a_row_for_every_example():
    assert re.findall(r"^\| \[`(\w+)\.py`\]", read(PAGE), re.MULTILINE) == EXAMPLES


def test_the_masks_of_the_page_are_kept():
    text = run_alone(python_block(PAGE, "ActionMasks("))
    assert len(set(text.split())) == len(text.split()) == 3


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_one_short_file_with_the_same_options(name):
    code = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    assert len(code.splitlines()) <= 150
    for option in ("--env", "--total-timesteps", "--seed"):
        assert f'"{option}"' in code
    assert set(re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE)).isdisjoint(EXAMPLES)


def test_the_keras_example_is_the_code_of_the_article():
    code = python_block("docs/from-the-article.md", "# dqn_keras.py")
    assert code[code.index("class DQNModel") :] in read("examples/keras_dqn.py")


def test_an_agent_of_one_id_is_not_loaded_on_another(tmp_path):
    make_agent(gym.make("TextGen-Tiny-v0"), 0).save(tmp_path / "agent")
    with pytest.raises(RuntimeError, match="size mismatch"):
        make_agent.load(tmp_path / "agent", gym.make("Translation-v0"), seed=0)


def test_the_checks_of_an_agent_hold_for_the_single_file_dqn(capsys):
    assert main(["check", "cleanrl_dqn:make_agent"]) == 0
    assert "none fails" in capsys.readouterr().out
