"""Designs are written as one line, NAME=LINE, JSON or a TOML file, and what is wrong is named."""

from __future__ import annotations

import pytest

from llm_benchmarks.rewards.comparison.designs import read_designs
from llm_envs.rewards import parse_reward


def test_names_stand_before_an_equals_sign_and_options_inside_brackets_are_no_names():
    designs = read_designs(["bleu", "p=chrf(beta=0.01)", "chrf(beta=1)", "gated=gate(bleu, language >= 0.5)"])
    assert [design.name for design in designs] == ["bleu", "p", "chrf", "gated"]
    assert designs[1].spec == parse_reward("chrf(beta=0.01)")
    assert designs[3].spec == parse_reward("gate(bleu, language >= 0.5)")


def test_a_reward_of_your_own_takes_options_as_any_other():
    designs = read_designs(["my_rewards:mine(letters=2)", "two=my_rewards:mine(letters=3)"])
    assert designs[0].spec == [{"id": "my_rewards:mine", "weight": 1.0, "letters": 2}]
    assert designs[1].name == "two"


def test_a_sum_is_named_by_what_it_adds_up():
    designs = read_designs(["10*bleu - 0.5*length_penalty", '{"chrf": 1, "ter": -1}'])
    assert [design.name for design in designs] == ["10*bleu - 0.5*length_penalty", "chrf-1*ter"]


def test_a_file_names_designs(tmp_path):
    file = tmp_path / "designs.toml"
    file.write_text(
        '[designs]\nnaive = "sentiment"\nsum = [{ id = "bleu", weight = 2.0 }, { id = "chrf" }]\n'
    )
    designs = read_designs([str(file), "third=bleu"])
    assert [design.name for design in designs] == ["naive", "sum", "third"]
    assert designs[1].spec == [{"id": "bleu", "weight": 2.0}, {"id": "chrf"}]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["bleu"], "at least two designs"),
        (["a=bleu", "a=chrf"], "two designs are named 'a'"),
        (["a=bleu(", "chrf"], "cannot be read"),
        (["x.toml", "chrf"], "x.toml"),
        (["a=tuned", "chrf"], "tuned is a reward to train on"),
        (["a={", "chrf"], "no JSON that can be used"),
    ],
)
def test_what_is_wrong_is_named(texts, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        read_designs(texts)


def test_a_file_without_designs_is_refused(tmp_path):
    file = tmp_path / "d.toml"
    file.write_text("[rewards]\na = 'bleu'\n")
    with pytest.raises(ValueError, match=r"expected a table \[designs\]"):
        read_designs([str(file)])
