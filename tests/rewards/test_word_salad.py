"""`fluency` tells the references of TextGen-v0 from word salad of kinds that it has not learned from."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from random import Random
from statistics import fmean

import gymnasium as gym
import pytest

from llm_benchmarks.rewards.degenerate import fixed_frame
from llm_benchmarks.rewards.search import hill_climb, joined
from llm_benchmarks.rewards.word_salad import Salad
from llm_envs.data import load_corpus
from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardContext, make_reward
from llm_envs.rewards.grammar.corruptions import CORRUPTIONS
from llm_envs.rewards.grammar.features import MEASURES
from llm_envs.rewards.grammar.fitted import fit_fluency
from llm_envs.rewards.grammar.found import Found, found
from llm_envs.tokenizers.words import tokens_of

PAIRS = 0.95
OPEN = ("words exchanged within classes", "agreement broken")
"""Kinds that fall short of it; docs/rewards/fluency.md has their figures."""

POEMS = load_corpus("poems")
TEST = list(POEMS.split("test"))
TRAIN = list(gym.make("TextGen-v0", split="test").unwrapped.task.train_texts())
SALAD = Salad(TRAIN)
HELD_OUT = SALAD.held_out()


def episode(text: str, **metadata: object) -> Episode:
    return Episode(Example("", (), metadata), text)


@pytest.fixture(scope="module")
def fluency():
    return make_reward("fluency", RewardContext(train_texts=lambda: TRAIN, language="en"))


@pytest.fixture(scope="module")
def references(fluency):
    return {example.source: fluency(episode(example.references[0])) for example in TEST}


@pytest.fixture(scope="module", params=list(HELD_OUT))
def measured(request, fluency, references):
    """A held-out kind, the scores of its texts, and for each whether the reference is above."""
    kind, rng = request.param, Random(request.param)
    scores, pairs = [], []
    for example in TEST:
        tokens = tokens_of(example.references[0])
        corrupted = HELD_OUT[kind](tokens, rng)
        if corrupted != tokens:
            scores.append(fluency(episode(joined(corrupted))))
            pairs.append(references[example.source] > scores[-1])
    assert len(pairs) > 0.9 * len(TEST)
    return kind, scores, pairs


def test_references_score_above_their_corruptions(measured):
    kind, _, pairs = measured
    assert (fmean(pairs) >= PAIRS) is (kind not in OPEN)


def test_the_page_states_what_is_measured(measured):
    kind, scores, pairs = measured
    page = (Path(__file__).parents[2] / "docs" / "rewards" / "fluency.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {kind} \| yes \| ([\d.]+) \| \d+ % \| ([\d.]+) % \|$", page, re.MULTILINE)
    assert row == (f"{fmean(scores):.3f}", f"{100 * fmean(pairs):.1f}")


def held_out_finders() -> dict[str, list[Found]]:
    rows = defaultdict(list)
    for row in found():
        if not row.used and not row.kind.endswith("fluency v3"):  # those were found against this very reward
            rows[", ".join(row.kind.split(", ")[:2])].append(row)
    return dict(rows)


@pytest.mark.parametrize("finder", list(held_out_finders()))
def test_references_score_above_what_held_out_learners_found(fluency, references, finder):
    rows = held_out_finders()[finder]
    assert len(rows) >= 30
    pairs = []
    for row in rows:
        score = fluency(episode(row.text))
        if row.source in references:
            pairs.append(float(references[row.source] > score))
        else:  # a request of the train split
            pairs.append(fmean(reference > score for reference in references.values()))
    assert fmean(pairs) >= PAIRS


def test_found_texts_are_held_out_by_whole_kinds():
    used = {row.text for row in found() if row.used}
    assert used
    assert used.isdisjoint(row.text for row in found() if not row.used)
    for row in found():
        assert row.source.count(" : ") == 1
    assert {row.used for row in found() if row.kind.startswith(("rloo", "token_dqn, seed 3"))} == {False}


def test_poems_written_for_this_test_earn_the_default_reward():
    task = gym.make("TextGen-v0", split="test").unwrapped.task
    lines = Path(__file__).with_name("forty_poems.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == len({row["text"] for row in rows}) == 40
    scores = [task.reward(episode(row["text"], form=row["form"], words=row["words"])) for row in rows]
    assert fmean(scores) >= 0.8


def test_a_fixed_frame_earns_at_most_half_of_the_references():
    task = gym.make("TextGen-v0", split="test").unwrapped.task
    frames = [task.reward(Episode(example, fixed_frame(example))) for example in TEST]
    earned = [task.reward(Episode(example, example.references[0])) for example in TEST]
    assert fmean(frames) <= 0.5 * fmean(earned)


def test_searches_find_more_the_longer_they_search():
    task = gym.make("TextGen-v0", split="train").unwrapped.task
    example = task.examples[0]
    few, many = (task.reward(Episode(example, hill_climb(task, example, Random(3), n))) for n in (1, 300))
    assert many > few
    assert hill_climb(task, example, Random(3), 30) == hill_climb(task, example, Random(3), 30)


def test_nothing_speaks_for_a_text_but_the_absence_of_faults():
    fitted = fit_fluency(TRAIN[:120])
    assert max(fitted.discriminator.weights) <= 0.0
    assert len(fitted.discriminator.weights) == 2 * len(MEASURES)
    assert any(weight < -0.1 for weight in fitted.discriminator.weights)


def test_the_fit_is_the_same_in_every_process():
    code = (
        "from llm_envs.data import load_corpus\n"
        "from llm_envs.rewards.grammar.fitted import fit_fluency\n"
        "from llm_envs.tokenizers.words import tokens_of\n"
        "texts = [e.references[0] for e in load_corpus('poems').split('train')][:90]\n"
        "fitted = fit_fluency(texts)\n"
        "print(fitted.discriminator, fitted.centre, fitted.score(tokens_of('The sea is at the old gate.')))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert "Discriminator" in printed.pop()


def test_a_pickled_reward_scores_alike(fluency):
    text = "The kettle sings. Nobody sings along."
    assert pickle.loads(pickle.dumps(fluency))(episode(text)) == fluency(episode(text))


@pytest.mark.parametrize("name", ["en-de", "en-zh"])
def test_other_languages_have_classes_of_their_own(name):
    corpus = load_corpus(name)
    train = [example.references[0] for example in corpus.split("train")]
    fitted = fit_fluency(list(dict.fromkeys(train)))
    assert not fitted.measures.classes.is_english
    salad = Salad(train).stock
    rng = Random(4)
    real = [tokens_of(example.references[0]) for example in list(corpus.split("test"))[:100]]
    mean = fmean(map(fitted.score, real))
    for kind in ("words shuffled", "random letters"):
        corrupted = [CORRUPTIONS[kind](tokens, rng, salad) for tokens in real]
        assert fmean(map(fitted.score, corrupted)) < 0.25 * mean
