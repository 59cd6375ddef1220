"""Specifications, the registry, and what they say when something is wrong."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import gymnasium as gym
import pytest
from small_preferences import save_preferences
from small_scorers import save_model

import llm_envs  # noqa: F401
from llm_envs.episode import Episode, Example
from llm_envs.rewards import (
    RewardContext,
    list_rewards,
    make_reward,
    register_reward,
    registry,
)

TRAIN = [
    "The sea is cold and grey today.\nA gull sits on the wall and waits.",
    "The old man walks to the sea.\nHe sings a song of rain and wind.",
    "A cold wind comes over the wall.\nThe gull flies out to the grey sea.",
]
CONTEXT = RewardContext(train_texts=lambda: TRAIN, language="en", max_new_tokens=32)
OPTIONS = {
    "format": {"kind": "regex", "pattern": "The.*"},
    "product": {"rewards": ["novelty", "constraints"]},
    "sum": {"rewards": ["novelty", "constraints"]},
    "clip": {"reward": "novelty", "high": 0.5},
    "gate": {"reward": "novelty", "condition": "constraints", "least": 0.5},
}
EPISODE = Episode(
    Example("", ("the sea is grey",), {"words": ["sea"], "name": "f", "tests": ["f()"]}),
    "The sea is a grey song",
    (1, 2, 3),
    "stop",
    measures={"success": 1.0},
)


@pytest.fixture
def clean_registry(monkeypatch):
    monkeypatch.setattr(registry, "REGISTRY", dict(registry.REGISTRY))


def length(episode, *, per=10):
    return len(episode.text) / per


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Makes the reward of any id; those that read with a model get a small random one."""
    place = tmp_path_factory.mktemp("models")
    options = {
        **OPTIONS,
        "lm_fluency": {"lm": save_model(place / "lm", "causal")},
        "perplexity": {"lm": save_model(place / "lm", "causal")},
        "poems-lm": {"lm": str(place / "lm")},
        "semantic_similarity": {"model": save_model(place / "encoder", "encoder", "bert")},
        "embedding_f1": {"model": save_model(place / "encoder", "encoder", "bert")},
        "preference": {"model": save_preferences(place / "liked")},
        "classifier": {"model": save_model(place / "classifier", "classifier", num_labels=1)},
    }
    return lambda reward_id: make_reward({"id": reward_id, **options.get(reward_id, {})}, CONTEXT)


def within(value, tolerance):
    return pytest.approx(value, rel=0, abs=tolerance)


@pytest.mark.parametrize("reward_id", list_rewards())
def test_every_reward_scores_batches_pickles_and_round_trips(reward_id, everything):
    reward = everything(reward_id)
    total = reward(EPISODE)
    assert isinstance(total, float)
    short = Episode(EPISODE.example, "the", (1,), "stop", measures={"success": 0.0})
    totals, tables = reward.score_batch([EPISODE, short])
    assert totals == within([total, reward(short)], reward.tolerance)
    for table, episode in zip(tables, (EPISODE, short), strict=True):
        assert table == within(reward.components(episode), reward.tolerance)
    assert pickle.loads(pickle.dumps(reward)).score(EPISODE) == reward.score(EPISODE)
    spec = json.loads(json.dumps(reward.to_spec()))
    again = make_reward(spec, CONTEXT)
    assert again.to_spec() == spec
    assert again.signature == reward.signature
    assert again(EPISODE) == total
    assert reward.signature.startswith(reward_id)


@pytest.mark.parametrize("reward_id", list_rewards())
def test_prefix_scorer_of_every_reward_equals_the_reward(reward_id, everything):
    reward = everything(reward_id)
    scorer = reward.prefix_scorer()
    for end in range(len(EPISODE.text) + 1):
        prefix = Episode(EPISODE.example, EPISODE.text[:end], (1,) * end)
        total, values = reward.score(prefix)
        assert scorer.score(prefix) == (
            pytest.approx(total, abs=1e-12),
            pytest.approx(values, abs=1e-12),
        )


@pytest.mark.parametrize(
    "spec",
    [
        "exact_match",
        {"exact_match": 1},
        {"id": "exact_match"},
        [{"id": "exact_match", "weight": 1}],
    ],
)
def test_all_forms_of_a_spec_mean_the_same(spec):
    assert make_reward(spec).to_spec() == [{"id": "exact_match", "weight": 1.0}]


def test_module_path_and_callables():
    here = f"{__name__}:length"
    by_path = make_reward({"id": here, "per": 2})
    assert by_path(EPISODE) == len(EPISODE.text) / 2
    assert by_path.to_spec() == [{"id": here, "weight": 1.0, "per": 2}]
    direct = make_reward(length)
    assert direct.components(EPISODE) == {"length": len(EPISODE.text) / 10}
    assert direct.to_spec() is None
    assert make_reward(direct) is direct


def test_four_lines_of_user_code(clean_registry):
    @register_reward("my_reward")
    def my_reward(episode, *, target="sea"):
        return float(target in episode.text)

    assert "my_reward" in list_rewards()
    assert make_reward("my_reward")(EPISODE) == 1.0
    assert make_reward({"id": "my_reward", "target": "moon"})(EPISODE) == 0.0


def test_a_class_gets_its_context_and_keeps_state(clean_registry):
    @register_reward("budget", needs_text=False)
    class Budget:
        def __init__(self, *, context):
            self.limit = context.max_new_tokens

        def __call__(self, episode):
            return len(episode.action_ids) / self.limit

    reward = make_reward("budget", CONTEXT)
    assert reward(EPISODE) == 3 / 32
    assert not reward.needs_text


def test_an_id_is_taken_once(clean_registry):
    with pytest.raises(ValueError, match=r"'bleu' is taken by llm_envs\.rewards\.builtin\.bleu"):
        register_reward("bleu")(length)
    register_reward("mine")(length)
    register_reward("mine")(length)  # a notebook cell that runs again
    before = gym.make("TextGen-Tiny-v0", reward="mine").unwrapped.task

    def again(episode):
        return -1.0

    again.__qualname__, again.__module__ = length.__qualname__, length.__module__
    register_reward("mine")(again)  # and has been edited
    after = gym.make("TextGen-Tiny-v0", reward="mine").unwrapped.task
    assert (before.reward.score(EPISODE)[0], after.reward.score(EPISODE)[0]) == (length(EPISODE), -1.0)
    with pytest.raises(ValueError, match="without ':'"):
        register_reward("a:b")
    with pytest.raises(ValueError, match="'default' has a meaning of its own"):
        register_reward("default")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "blue",
            r"unknown reward 'blue'; did you mean 'bleu'\? `llm-envs list` and llm_envs.list_rewards\(\)",
        ),
        ("zzzzzz", r"unknown reward 'zzzzzz'; `llm-envs list` and llm_envs.list_rewards"),
        ({"sentimnt": 1.0}, "did you mean 'sentiment'"),
        ({"id": "bleu", "max_oder": 2}, "no option 'max_oder'; did you mean 'max_order'"),
        ({"id": "bleu", "wieght": 2}, "no option 'wieght'; did you mean 'weight'"),
        ({"id": "exact_match", "n": 2}, "no option 'n'.*it takes lowercase"),
        ({"id": "product"}, "'product' needs the option 'rewards'"),
        ({"bleu": "much"}, "weight of reward 'bleu' is a finite number, got 'much'"),
        ({"bleu": float("nan")}, "finite number"),
        ({"bleu": True}, "finite number"),
        ({"bleu": {"max_order": 2}}, "options go beside it"),
        ({}, "is empty"),
        ([], "is empty"),
        ([{"weight": 1.0}], 'has no "id"'),
        (7, "cannot make a reward from 7"),
        (None, "cannot make a reward from None"),
        ([{"id": 3}], 'the "id" of a reward is a string'),
        (["bleu", "bleu"], "'bleu' appears twice.*\"name\""),
        ("no_such_module_here:f", "no module 'no_such_module_here'"),
        ("llm_envs.rewards.builtin.bleu:Blue", "has no 'Blue'; did you mean 'Bleu'"),
        ("llm_envs.tokenizers.words:__name__", "not a function or class"),
        ("default", "an environment's own"),
        ({"default": 1.0, "length_penalty": -0.2}, "cannot be combined"),
        ({"id": "sentiment", "scale": "big"}, "reward 'sentiment': unknown scale='big'"),
        ({"id": "product", "rewards": {"blue": 1}}, "reward 'product'.*did you mean 'bleu'"),
        ({"id": "product", "rewards": {"bleu": -1}}, "exponent"),
    ],
)
def test_wrong_specs_name_the_value_and_the_way_out(spec, message):
    with pytest.raises(ValueError, match=message):
        make_reward(spec, CONTEXT)


def test_the_same_reward_twice_under_two_names():
    both = [{"id": "bleu"}, {"id": "bleu", "name": "bleu2", "max_order": 2, "weight": 0.5}]
    reward = make_reward(both)
    assert set(reward.components(EPISODE)) == {"bleu", "bleu2"}
    assert reward.to_spec()[1] == {"id": "bleu", "name": "bleu2", "weight": 0.5, "max_order": 2}


@pytest.mark.parametrize("reward_id", ["bleu", "chrf", "exact_match"])
@pytest.mark.parametrize("wrap", [lambda i: i, lambda i: {"id": "product", "rewards": [i]}])
def test_references_are_asked_for_when_made(reward_id, wrap):
    reward = make_reward(wrap(reward_id))
    assert reward.needs_references
    for spec in (wrap(reward_id), reward):
        with pytest.raises(ValueError, match="needs references"):
            make_reward(spec, RewardContext(has_references=False))


@pytest.mark.parametrize("reward_id", ["fluency", "novelty"])
def test_train_texts_are_asked_for_when_made(reward_id):
    for context in (None, RewardContext(), RewardContext(train_texts=lambda: [])):
        with pytest.raises(ValueError, match=f"{reward_id}.*train split"):
            make_reward(reward_id, context)


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        ("length_penalty", False),
        ({"id": "length_penalty", "unit": "words"}, True),
        ("task_success", False),
        ({"task_success": 1, "length_penalty": -1}, False),
        ({"task_success": 1, "sentiment": 1}, True),
        (length, True),
    ],
)
def test_needs_text(spec, needed):
    assert make_reward(spec).needs_text is needed


@pytest.mark.parametrize(
    ("reward_id", "options"),
    [
        *[("bleu", o) for o in ({"max_order": 2}, {"lowercase": True}, {"tokenize": "char"})],
        *[("bleu", o) for o in ({"smooth_method": "floor"}, {"effective_order": False})],
        *[("chrf", o) for o in ({"char_order": 5}, {"word_order": 2}, {"beta": 1})],
        *[("length_penalty", o) for o in ({"target": 5}, {"unit": "words"}, {"max": 5})],
        *[("novelty", o) for o in ({"n": 3}, {"limit": 1.0})],
        ("fluency", {"scale": "logprob"}),
        ("sentiment", {"scale": "unit"}),
        ("language", {"language": "de"}),
        ("exact_match", {"lowercase": True}),
        ("distinct", {"n": 1}),
        ("repetition", {"n": 1}),
        ("task_success", {"key": "inform"}),
    ],
)
def test_signature_changes_with_every_option(reward_id, options):
    plain = make_reward(reward_id, CONTEXT).signature
    changed = make_reward({"id": reward_id, **options}, CONTEXT).signature
    assert plain != changed
    assert plain == make_reward(reward_id, CONTEXT).signature


def test_signature_changes_with_weights_and_train_texts():
    assert make_reward({"bleu": 2}).signature == "2*" + make_reward("bleu").signature
    other = RewardContext(train_texts=lambda: TRAIN[:2])
    for reward_id in ("fluency", "novelty"):
        here, there = make_reward(reward_id, CONTEXT), make_reward(reward_id, other)
        assert here.signature != there.signature


def test_importing_and_listing_rewards_imports_no_metric():
    code = (
        "import sys, llm_envs.rewards as r; r.list_rewards(); "
        "heavy = {'torch', 'transformers', 'datasets', 'evaluate', 'sacrebleu', 'vaderSentiment', "
        "'py3langid', 'llm_envs.rewards.builtin.bleu', 'llm_envs.rewards.builtin.fluency'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); "
        "r.make_reward('bleu'); assert 'sacrebleu' not in sys.modules; "
        "r.make_reward('sentiment'); assert 'vaderSentiment' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
