"""Sums, products, gates and clipping: as specifications, and in one line."""

from __future__ import annotations

import json
import pickle

import gymnasium as gym
import pytest
from hypothesis import given
from hypothesis import strategies as st

import llm_envs  # noqa: F401
from llm_benchmarks.console.options import reward_spec
from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardContext, RewardError, make_reward, parse_reward

EPISODE = Episode(
    Example("the sea", ("the sea is grey",), {"words": ["sea"]}), "the sea is a sea", (1, 2, 3, 4)
)
DISTINCT = 3 / 4  # bigrams: the sea, sea is, is a, a sea: all distinct


def value(spec, episode=EPISODE):
    return make_reward(spec, RewardContext(language="en"))(episode)


def test_a_sum_is_one_reward():
    both = {"bleu": 1.0, "length_penalty": -0.5}
    reward = make_reward({"id": "sum", "rewards": both})
    assert reward(EPISODE) == pytest.approx(value(both), abs=1e-12)
    assert reward.components(EPISODE) == {
        "sum": reward(EPISODE),
        "sum/bleu": value("bleu"),
        "sum/length_penalty": pytest.approx(0.04, abs=1e-12),
    }
    assert reward.signature == f"sum({make_reward(both).signature})"
    assert reward.needs_references


def test_a_sum_as_a_factor():
    spec = {"id": "product", "rewards": [{"id": "sum", "rewards": {"bleu": 0.5, "chrf": 0.5}}, "distinct"]}
    expected = (value("bleu") + value("chrf")) / 2 * value("distinct")
    assert value(spec) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("bounds", "expected"), [({"high": 0.02}, 0.02), ({"low": 0.5}, 0.5), ({"low": 0, "high": 1}, 0.04)]
)
def test_clip(bounds, expected):
    reward = make_reward({"id": "clip", "reward": "length_penalty", **bounds})
    assert reward(EPISODE) == pytest.approx(expected, abs=1e-12)
    assert reward.components(EPISODE)["clip/reward"] == pytest.approx(0.04, abs=1e-12)
    assert reward.components(EPISODE)["clip/reward/length_penalty"] == pytest.approx(0.04, abs=1e-12)


@pytest.mark.parametrize(("least", "expected"), [(0.04, 1.0), (0.05, -1.0)])
def test_gate(least, expected):
    spec = {"id": "gate", "reward": "keyword_coverage", "condition": "length_penalty", "least": least}
    reward = make_reward({**spec, "otherwise": -1.0})
    assert reward(EPISODE) == expected
    assert reward.components(EPISODE)["gate/reward"] == 1.0
    assert reward.components(EPISODE)["gate/condition"] == pytest.approx(0.04, abs=1e-12)
    assert value(spec) == (1.0 if expected == 1.0 else 0.0)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"id": "clip", "reward": "bleu"}, "needs low, high or both"),
        ({"id": "clip", "reward": "bleu", "low": 1, "high": 1}, "low=1 must be below high=1"),
        ({"id": "gate", "reward": "bleu", "least": 0}, "needs the option 'condition'"),
        ({"id": "gate", "reward": "bleu", "condition": "blue", "least": 0}, "did you mean 'bleu'"),
        ({"id": "sum", "rewards": lambda e: 1.0}, "its options must be JSON-able"),
        ({"id": "product", "rewards": lambda e: 1.0}, "its options must be JSON-able"),
    ],
)
def test_compositions_that_cannot_be_made_are_named(spec, said):
    with pytest.raises(ValueError, match=said):
        make_reward(spec)


@pytest.mark.parametrize(
    ("line", "spec"),
    [
        ("bleu", "bleu"),
        ("bleu + chrf", {"bleu": 1, "chrf": 1}),
        ("0.5 * bleu - 2 * length_penalty", {"bleu": 0.5, "length_penalty": -2}),
        ("-repetition", {"repetition": -1}),
        ("bleu * 3", {"bleu": 3}),
        ("bleu(max_order=2)", {"id": "bleu", "max_order": 2}),
        ("bleu(max_order=2, name='two') + bleu", [{"id": "bleu", "max_order": 2, "name": "two"}, "bleu"]),
        ("bleu * distinct", {"id": "product", "rewards": ["bleu", "distinct"]}),
        ("2 * bleu * distinct ** 2", {"id": "product", "weight": 2, "rewards": {"bleu": 1, "distinct": 2}}),
        ("distinct ** 0.5", {"id": "product", "rewards": {"distinct": 0.5}}),
        (
            "(bleu + 0.5 * chrf) * distinct",
            {"id": "product", "rewards": [{"id": "sum", "rewards": {"bleu": 1, "chrf": 0.5}}, "distinct"]},
        ),
        ("bleu - (chrf - ter)", {"bleu": 1, "chrf": -1, "ter": 1}),
        ("clip(ter, high=1)", {"id": "clip", "reward": "ter", "high": 1}),
        (
            "clip(bleu - ter, -0.5, 0.5)",
            {"id": "clip", "reward": {"bleu": 1, "ter": -1}, "low": -0.5, "high": 0.5},
        ),
        (
            "gate(bleu, language >= 0.5, otherwise=-1) + distinct",
            [
                {"id": "gate", "reward": "bleu", "condition": "language", "least": 0.5, "otherwise": -1},
                "distinct",
            ],
        ),
        (
            "gate(bleu, distinct + rouge >= 0.5)",
            {"id": "gate", "reward": "bleu", "condition": {"distinct": 1, "rouge": 1}, "least": 0.5},
        ),
        (f'"{__name__}:mine"(times=3) + bleu', [{"id": f"{__name__}:mine", "times": 3}, "bleu"]),
        (f"{__name__}:mine(times=3) + bleu", [{"id": f"{__name__}:mine", "times": 3}, "bleu"]),
        (f"bleu - 0.5 * {__name__}:mine", {"bleu": 1, f"{__name__}:mine": -0.5}),
        ("keyword_coverage(keywords=['a:b', 'c'])", {"id": "keyword_coverage", "keywords": ["a:b", "c"]}),
        (
            "keyword_coverage(keywords=['sea', 'old man'])",
            {"id": "keyword_coverage", "keywords": ["sea", "old man"]},
        ),
        ("bleu(smooth_method='none') * 1", {"id": "bleu", "smooth_method": "none"}),
    ],
)
def test_a_line_means_its_specification(line, spec):
    parsed = parse_reward(line)
    context = RewardContext(language="en")
    one, other = make_reward(parsed, context), make_reward(spec, context)
    assert one(EPISODE) == pytest.approx(other(EPISODE), abs=1e-12)
    assert one.signature == other.signature
    assert json.loads(json.dumps(parsed)) == parsed
    assert pickle.loads(pickle.dumps(one))(EPISODE) == one(EPISODE)


def mine(episode, *, times=1):
    return 0.1 * times


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bleu +", "cannot be read"),
        ("bleu / 2 + 1", "has a sign that is none of"),
        ("1 + bleu", "'1' is a number and no reward"),
        ("2 * 3", "is a number and no reward"),
        ("bleu ** chrf", "'chrf' is no number"),
        ("bleu(2)", "an option without a name"),
        ("bleu(max_order=two())", "'two.*' is no plain value"),
        ("bleu(max_order={two:three})", "'{two: three}' is no plain value"),
        ("bleu(**{'a': 1})", "an option that cannot be written here"),
        ("bleu(weight=3)", "an option that cannot be written here"),
        ("bleu.score(a=1)", "only a reward's id takes options"),
        ("[bleu] + chrf", "is no reward"),
        ("(lambda: 0)()", "only a reward's id takes options"),
        ("gate(bleu, language > 0.5)", "write 'reward >= number'"),
        ("gate(bleu, 0 <= language >= 0.5)", "is no condition"),
        ("clip(bleu, 0, 1, 2)", "takes reward, low, high"),
        ("clip(bleu, 0, low=0)", "gets low twice"),
        ("(" * 3000 + "bleu" + ")" * 3000, "cannot be read|nested too deep"),
        ("bleu + " * 2000 + "bleu", "at most 10,000 characters"),
        ("__import__('os').system('true') + bleu", "only a reward's id takes options"),
    ],
)
def test_a_line_that_cannot_be_read_says_which_part(line, said):
    with pytest.raises(ValueError, match=said):
        parse_reward(line)


@given(st.text("bleu chrf()*+->=.,0123'\"", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        parsed = parse_reward(text)
    except ValueError:
        return
    assert isinstance(parsed, str | list)


@pytest.mark.parametrize(
    "name", ["evaluate:some/folder (copy)", "http:http://host/score?a=(b)", "my_module:reward", "word-count"]
)
def test_ids_are_no_expressions(name):
    assert parse_reward(name) == name


def test_the_command_line_and_suites_read_it():
    assert reward_spec("bleu - 0.5 * ter") == parse_reward("bleu - 0.5 * ter")
    assert (
        reward_spec('"a:b"(limit=3)')
        == reward_spec("a:b(limit=3)")
        == [{"id": "a:b", "weight": 1.0, "limit": 3}]
    )
    assert reward_spec('"a:b"') == "a:b"
    env = gym.make("Translation-v0", reward=reward_spec("clip(bleu, 0, 0.5) * distinct"))
    assert env.unwrapped.task.reward.to_spec() is not None


def test_make_reward_takes_specifications_only():
    """A file may hold any text, and code in a line would not be seen: only people write lines."""
    with pytest.raises(
        ValueError, match=r"unknown reward 'bleu - ter'; .*reward=parse_reward\('bleu - ter'\)"
    ):
        make_reward("bleu - ter")


def test_a_product_refuses_a_negative_factor():
    with pytest.raises(RewardError, match="a product takes rewards >= 0, but 'sum' is -"):
        value(parse_reward("distinct * (bleu - 2 * chrf)"))
