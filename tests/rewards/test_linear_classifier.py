"""Classifiers that are fitted from labelled rows: the fit, the folder and the reward."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

import llm_envs
from llm_baselines.anchors.reference import RandomAgent
from llm_baselines.registry import make_agent
from llm_benchmarks.commands.app import main
from llm_benchmarks.rewards.fit_classifier import fit, read_rows
from llm_benchmarks.rewards.shares import wilson_interval
from llm_envs.episode import Episode, Example
from llm_envs.rewards import make_reward
from llm_envs.rewards.linear_classifier import WIDTH, LinearClassifier, features_of, read_linear

GOOD, BAD = ["lovely", "warm", "bright", "kind"], ["awful", "cold", "dark", "cruel"]
NOUNS = ["sea", "boat", "wall", "door", "dog", "hill", "road", "tree", "bird", "house"]


def rows():
    return [
        (f"the {word} {noun} is {word} today", label)
        for label, words in (("good", GOOD), ("bad", BAD))
        for word in words
        for noun in NOUNS
    ]


def on(text):
    return Episode(Example("s"), text)


@pytest.fixture(scope="module")
def fitted():
    return fit(rows(), seed=0)


@pytest.fixture
def folder(fitted, tmp_path):
    fitted.classifier.save(tmp_path / "mine")
    return tmp_path / "mine"


def test_held_out_rows_measure_the_accuracy(fitted):
    assert (fitted.rows, fitted.held_out) == (64, 16)
    assert fitted.accuracy == 1.0
    assert (fitted.low, fitted.high) == pytest.approx(wilson_interval(1.0, 16), abs=1e-12)
    assert fitted.commonest == 0.5


def test_labels_drawn_at_random_are_not_learned():
    rng = np.random.default_rng(3)
    noise = [(text, str(rng.integers(2))) for text, _ in rows()]
    found = fit(noise, seed=0)
    assert found.low < 0.5 < found.high
    assert found.accuracy < 0.9


def test_the_interval_is_wilsons():
    # 8 of 10: the value that textbooks give.
    assert wilson_interval(0.8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson_interval(0.0, 5)[0] == 0.0


def test_the_weights_are_those_of_the_minimum(fitted):
    """The gradient of the penalised cross-entropy, worked out row by row, vanishes."""
    penalty = fitted.classifier.facts["penalty"]
    rng = np.random.default_rng(0)
    from llm_benchmarks.rewards import fit_classifier

    train, _ = fit_classifier._split(rows(), rng)
    labels, weights = fitted.classifier.labels, fitted.classifier.weights.astype(float)
    gradient = penalty * weights
    gradient[:, WIDTH] = 0.0
    for text, label in train:
        features = features_of(text) | {WIDTH: 1.0}
        logits = np.array([sum(w[place] * value for place, value in features.items()) for w in weights])
        shares = np.exp(logits) / np.exp(logits).sum()
        for k, name in enumerate(labels):
            for place, value in features.items():
                gradient[k, place] += (shares[k] - (label == name)) * value / len(train)
    assert np.abs(gradient).max() < 1e-4


def test_equal_texts_lie_on_one_side_and_the_seed_decides():
    from llm_benchmarks.rewards.fit_classifier import _split

    doubled = rows() * 2
    train, held_out = _split(doubled, np.random.default_rng(0))
    assert not {text for text, _ in train} & {text for text, _ in held_out}
    assert len(train) + len(held_out) == len(doubled)
    first, again = fit(rows(), seed=1), fit(rows(), seed=1)
    assert first.classifier.identity == again.classifier.identity
    assert fit(rows(), seed=2).classifier.identity != first.classifier.identity


def test_features_are_the_same_on_every_machine():
    features = features_of("The sea")
    assert len(features) == 13  # the, sea, "the sea"; of <the> and <sea> three pieces of 3 and two of 4
    assert sum(value**2 for value in features.values()) == pytest.approx(1.0, abs=1e-9)
    assert features_of("?!") == {}
    assert features == features_of("the SEA!")
    assert 49463 in features


def test_the_reward_is_the_probability_of_the_label(folder):
    reward = make_reward(f"classifier:{folder}")
    logits = read_linear(str(folder)).logits(["a lovely day"])[0]
    expected = np.exp(logits) / np.exp(logits).sum()
    assert reward(on("a lovely day")) == pytest.approx(expected[1], abs=1e-9)  # labels: bad, good
    assert reward(on("a lovely day")) > 0.7 > 0.3 > reward(on("an awful, cold, dark day"))
    bad = make_reward({"id": "classifier", "model": str(folder), "label": "bad"})
    assert bad(on("a lovely day")) == pytest.approx(expected[0], abs=1e-9)
    logit = make_reward({"id": f"classifier:{folder}", "output": "logit"})
    assert logit(on("a lovely day")) == pytest.approx(logits[1], abs=1e-9)
    label = make_reward({"id": f"classifier:{folder}", "output": "label", "label": 1})
    assert label.score_batch([on("lovely"), on("awful")])[0] == [1.0, 0.0]
    assert reward.components(on("")) == {"classifier:mine": reward(on(""))}
    assert pickle.loads(pickle.dumps(reward))(on("lovely")) == reward(on("lovely"))
    assert str(folder) not in reward.signature


def test_the_reward_needs_no_torch(folder):
    code = f"""
import sys
from llm_envs.rewards import make_reward
from llm_envs.episode import Episode, Example
print(make_reward("classifier:{folder}")(Episode(Example(""), "lovely")) > 0.5)
print([m for m in ("torch", "transformers", "scipy") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n[]\n", done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label": "ugly"}, "has no label 'ugly'; choose one: label='bad', 'good'"),
        ({"label": 2}, "has no label 2"),
        ({"output": "share"}, "unknown output='share'"),
        ({"pair": True}, "reads the text alone"),
        ({"model": "another"}, "its id already names the model"),
    ],
)
def test_options_that_do_not_fit_are_named(folder, options, said):
    with pytest.raises(ValueError, match=said):
        make_reward({"id": f"classifier:{folder}", **options})


def damage(folder, name):
    if name == "kind":
        facts = json.loads((folder / "classifier.json").read_text())
        (folder / "classifier.json").write_text(json.dumps({**facts, "kind": "other"}))
    elif name == "labels":
        facts = json.loads((folder / "classifier.json").read_text())
        (folder / "classifier.json").write_text(json.dumps({**facts, "labels": ["good", "good"]}))
    elif name == "pickle":
        np.save(folder / "weights.npy", np.array([{"a": 1}], object), allow_pickle=True)
    elif name == "shape":
        np.save(folder / "weights.npy", np.zeros((2, 3), np.float32))
    elif name == "nan":
        np.save(folder / "weights.npy", np.full((2, WIDTH + 1), np.nan, np.float32))
    else:
        (folder / "weights.npy").unlink()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kind", "is no linear-text-classifier of format 1"),
        ("labels", "labels is a list of 2"),
        ("pickle", "cannot be read"),
        ("shape", r"holds float32\(2, 3\)"),
        ("nan", "not finite"),
        ("missing", "cannot be read"),
    ],
)
def test_a_damaged_folder_is_named_and_nothing_of_it_runs(folder, name, said):
    damage(folder, name)
    with pytest.raises(ValueError, match=said):
        make_reward(f"classifier:{folder}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"text": "a", "label": "x"}\n{"text": "b"}\n', "row 2 has no 'label'; it has text"),
        ('{"text": 1, "label": "x"}\n', "'text' is 1, which is no text"),
        ('{"text": "a", "label": 0.5}\n', "'label' is 0.5; a label is a text or a whole number"),
    ],
)
def test_rows_that_cannot_be_read_are_named(tmp_path, content, said):
    file = tmp_path / "rows.jsonl"
    file.write_text(content)
    with pytest.raises(ValueError, match=said):
        read_rows(file, "text", "label")


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="needs rows of two labels or more, got good"):
        fit([("a", "good")] * 9)
    with pytest.raises(ValueError, match="label 'bad' has 1 different texts; at least 5"):
        fit([*rows()[:40], ("a", "bad"), ("a", "bad")])
    with pytest.raises(ValueError, match="no label 'fine'; the rows have bad, good"):
        fit(rows(), rewarded="fine")


def test_the_command_fits_and_names_the_reward(tmp_path, capsys):
    file = tmp_path / "rows.csv"
    file.write_text("kind,words\n" + "\n".join(f"{label},{text}" for text, label in rows()))
    line = ["rewards", "fit-classifier", str(file), "--out", str(tmp_path / "mine"), "--text", "words"]
    assert main([*line, "--label", "kind", "--rewarded", "bad"]) == 0
    printed = capsys.readouterr().out
    assert "accuracy 1.000, 95 % interval 0.806 to 1.000; always the commonest label 0.500" in printed
    assert f"use it: --reward 'classifier:{tmp_path / 'mine'}' (the probability of 'bad')" in printed
    assert make_reward(f"classifier:{tmp_path / 'mine'}")(on("awful")) > 0.5
    assert main([*line, "--label", "kind", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1.0
    assert main([*line, "--label", "sort"]) == 2
    assert "has no 'sort'" in capsys.readouterr().err


def test_training_on_it_raises_the_share_of_the_label(tmp_path):
    """Texts of letters a to f; the label is that both a and b occur. The share is counted in the texts."""
    rng = np.random.default_rng(0)
    texts = {" ".join(rng.choice(list("abcdef"), rng.integers(2, 5))) for _ in range(600)}
    has_both = {text: {"a", "b"} <= set(text.split()) for text in sorted(texts)}
    found = fit([(text, "both" if both else "not both") for text, both in has_both.items()], rewarded="both")
    assert found.low > 0.9 > found.commonest
    found.classifier.save(tmp_path / "both")
    env = gym.make("TextGen-Tiny-v0", reward=f"classifier:{tmp_path / 'both'}")

    def share(agent):
        rows = llm_envs.evaluate(agent, env, 100, seed=9).rows
        return sum({"a", "b"} <= set(row.text.split()) for row in rows) / 100

    config = {"model": "nano", "warm_start": False, "eval_freq": 0}
    agent = make_agent("rloo", env, seed=0, device="cpu", config=config)
    before = share(RandomAgent(env, 0))
    agent.learn(12000)
    assert before < 0.3 < 0.9 < share(agent)


def test_three_labels_need_a_choice(tmp_path):
    third = [(f"a plain {noun} {n}", "plain") for n, noun in enumerate(NOUNS)]
    found = fit([*rows(), *third])
    found.classifier.save(tmp_path / "three")
    with pytest.raises(ValueError, match="choose one: label='bad', 'good', 'plain'"):
        make_reward(f"classifier:{tmp_path / 'three'}")
    shares = [
        make_reward({"id": f"classifier:{tmp_path / 'three'}", "label": label})(on("a plain hill"))
        for label in found.classifier.labels
    ]
    assert sum(shares) == pytest.approx(1.0, abs=1e-9)


def test_a_constant_classifier_gives_equal_shares():
    flat = LinearClassifier(("a", "b"), np.zeros((2, WIDTH + 1), np.float32), {})
    assert (flat.logits(["the sea", ""]) == 0.0).all()
