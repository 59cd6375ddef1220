"""Bradley-Terry models of comparisons: the fit, what it says of itself, and the files it reads."""

from __future__ import annotations

import json
import math

import gymnasium as gym
import numpy as np
import pytest
from rated import asked, pairs

import llm_envs
from llm_baselines.anchors.reference import RandomAgent
from llm_baselines.registry import make_agent
from llm_benchmarks.commands.app import main
from llm_benchmarks.rewards.comparison_features import Comparison
from llm_benchmarks.rewards.comparisons import read_comparisons
from llm_benchmarks.rewards.fit_preferences import fit_preferences
from llm_benchmarks.rewards.rating.items import Item
from llm_benchmarks.rewards.rating.judgements import JudgementFile, judgement_of
from llm_benchmarks.rewards.shares import share_interval, wilson_interval
from llm_envs.episode import Episode, Example
from llm_envs.rewards import make_reward

WORDS = ("warm", "kind", "soft", "bright", "cold", "harsh", "rough", "dull", "sea", "road", "tree", "bird")
WORTH = dict(zip(WORDS, (2.0, 1.5, 1.0, 0.5, -2.0, -1.5, -1.0, -0.5, 0, 0, 0, 0), strict=True))


def worth(text):
    return sum(WORTH[word] for word in text.split())


def simulated(count, seed=0, noise=0.0, ties=0.0):
    rng = np.random.default_rng(seed)

    def text():
        return " ".join(rng.choice(WORDS, 5))

    found = []
    while len(found) < count:
        a, b = text(), text()
        difference = worth(a) - worth(b)
        if difference:
            share = float((difference > 0) != (rng.random() < noise))
            found.append(Comparison(f"p{len(found) // 2}", a, b, 0.5 if rng.random() < ties else share))
    return found


def right_of(model, comparisons):
    prompts = [one.prompt for one in comparisons]
    a, b = (model.scores(prompts, texts) for texts in zip(*((c.a, c.b) for c in comparisons), strict=True))
    return float(np.mean((a > b) == np.array([c.share == 1.0 for c in comparisons])))


@pytest.fixture(scope="module")
def noisy():
    return fit_preferences(simulated(300, noise=0.2))


def test_300_comparisons_with_20_percent_noise_reach_75_percent_of_noiseless_ones(noisy):
    assert right_of(noisy.model, simulated(1000, seed=9)) >= 0.75


def test_its_own_accuracy_is_that_of_new_comparisons_with_the_same_noise(noisy):
    truth = right_of(noisy.model, simulated(2000, seed=10, noise=0.2))
    assert noisy.low - 0.02 <= truth <= noisy.high + 0.02
    assert (noisy.comparisons, noisy.ties, noisy.prompts) == (300, 0, 150)


def test_its_probabilities_come_true():
    """People who answer as Bradley and Terry say: of new comparisons as many come true as it says, to 7 %."""

    def answered(count, seed):
        rng = np.random.default_rng(seed)
        chances = 1 / (1 + np.exp(-np.array([worth(c.a) - worth(c.b) for c in simulated(count, seed)]) / 2))
        said = rng.random(count) < chances
        return [c._replace(share=float(one)) for c, one in zip(simulated(count, seed), said, strict=True)]

    model = fit_preferences(answered(300, 1)).model
    fresh = answered(3000, 2)
    prompts = [one.prompt for one in fresh]
    a, b = (model.scores(prompts, texts) for texts in zip(*((c.a, c.b) for c in fresh), strict=True))
    said = 1 / (1 + np.exp(-np.abs(a - b)))
    came = (a > b) == np.array([c.share == 1.0 for c in fresh])
    for low, high in ((0.5, 0.7), (0.7, 0.85), (0.85, 1.0)):
        inside = (said >= low) & (said < high)
        assert inside.sum() > 100
        assert said[inside].mean() == pytest.approx(came[inside].mean(), abs=0.07)


def test_answers_at_random_are_not_learned():
    rng = np.random.default_rng(3)
    guesses = [c._replace(share=float(rng.integers(2))) for c in simulated(120, seed=4)]
    found = fit_preferences(guesses)
    assert found.low < 0.5 < found.high
    assert found.log_loss > 0.65


def test_texts_that_score_the_same_count_half():
    found = [Comparison(f"p{i}", f"the road {i}", f"the  road {i}", 1.0) for i in range(40)]
    assert fit_preferences(found).accuracy == 0.5


def test_no_prompt_lies_on_both_sides():
    """Comparisons of one prompt say the same, and those of other prompts say nothing of it."""
    rng = np.random.default_rng(5)
    found = []
    for k in range(40):
        share = float(rng.integers(2))
        found += [Comparison(f"p{k}", f"one{k} x{i}", f"other{k} x{i}", share) for i in range(5)]
    assert fit_preferences(found).accuracy < 0.75  # 1.0 if the copies leaked


def test_a_middle_length_can_be_the_best():
    rng = np.random.default_rng(6)

    def text():
        return " ".join(rng.choice(WORDS, rng.integers(2, 30)))

    def near(text):
        return -abs(len(text.split()) - 12)

    found = []
    for k in range(300):
        a, b = text(), text()
        if near(a) != near(b):
            found.append(Comparison(f"p{k}", a, b, float(near(a) > near(b))))
    model = fit_preferences(found).model
    scores = model.scores([""] * 3, [" ".join(["sea", "road"] * n) for n in (1, 6, 15)])
    assert scores[1] > max(scores[0], scores[2])


def test_ties_pull_scores_together(noisy):
    tied = fit_preferences(simulated(300, noise=0.2, ties=0.5))
    assert tied.comparisons + tied.ties == 300
    assert 100 < tied.ties < 200
    spread = np.ptp(tied.model.scores(["", ""], ["warm kind", "cold harsh"]))
    assert 0 < spread < np.ptp(noisy.model.scores(["", ""], ["warm kind", "cold harsh"]))


def test_two_fits_are_the_same_and_swapping_sides_changes_nothing(noisy):
    rows = simulated(60, noise=0.1)
    first = fit_preferences(rows, seed=1)
    assert first.model.identity == fit_preferences(rows, seed=1).model.identity
    swapped = fit_preferences([Comparison(c.prompt, c.b, c.a, 1 - c.share) for c in rows], seed=1)
    texts = ["warm sea", "cold road", ""]
    scores, others = first.model.scores([""] * 3, texts), swapped.model.scores([""] * 3, texts)
    assert scores - scores[2] == pytest.approx(others - others[2], abs=1e-3)
    assert first.model.identity != noisy.model.identity


def test_too_little_is_refused():
    with pytest.raises(ValueError, match="19 comparisons of different texts without ties; at least 20"):
        fit_preferences([*simulated(19), Comparison("p", "same", "same", 1.0)])
    with pytest.raises(ValueError, match="comparisons of 1 prompts; at least 5"):
        fit_preferences([c._replace(prompt="p") for c in simulated(30)])


def test_shares_have_intervals_within_0_and_1():
    alike = share_interval([1.0] * 10, list("abcdefghij"))
    assert (alike.estimate, alike.low, alike.high) == (1.0, *wilson_interval(1.0, 10))
    mixed = share_interval([1.0, 0.0] * 10, [str(k) for k in range(20)])
    assert (mixed.low, mixed.high) == pytest.approx(wilson_interval(0.5, 19), abs=0.01)
    copied = share_interval([1.0, 0.0, 1.0, 1.0] * 2, list("abcd") * 2)
    assert (copied.low, copied.high) == pytest.approx(wilson_interval(0.75, 3), abs=0.01)
    assert share_interval([0.5, 0.5], ["a", "b"]).low > 0.0


def test_judgements_become_comparisons(tmp_path):
    items = pairs(3)
    file = JudgementFile(tmp_path / "said.jsonl", asked(items))
    for item, choice in zip(items, ("b", "tie", "skip"), strict=True):
        file.add(judgement_of(item, "Ana", choice, "a", 1.0, "now"))
    file.add(judgement_of(items[0], "Ben", "a", "b", 1.0, "now"))
    file.close()
    assert read_comparisons(tmp_path / "said.jsonl") == [
        Comparison("about 0", "alpha 0", "beta 0", 0.0),
        Comparison("about 1", "alpha 1", "beta 1", 0.5),
        Comparison("about 0", "alpha 0", "beta 0", 1.0),
    ]


def test_ratings_of_one_rater_and_prompt_become_comparisons(tmp_path):
    items = [Item("p", (text,), ("",)) for text in ("bad", "good", "as good")] + [
        Item("q", ("alone",), ("",))
    ]
    file = JudgementFile(tmp_path / "said.jsonl", asked(items, "absolute"))
    for item, score in zip(items, (1, 4, 4, 5), strict=True):
        file.add(judgement_of(item, "Ana", score, "", 1.0, "now"))
    file.add(judgement_of(items[0], "Ben", 5, "", 1.0, "now"))
    file.close()
    assert read_comparisons(tmp_path / "said.jsonl") == [
        Comparison("p", "bad", "good", 0.0),
        Comparison("p", "bad", "as good", 0.0),
    ]


def test_usual_tables_become_comparisons(tmp_path):
    (tmp_path / "chosen.csv").write_text("prompt,chosen,rejected\np,x,y\n")
    assert read_comparisons(tmp_path / "chosen.csv") == [Comparison("p", "x", "y", 1.0)]
    rows = [{"prompt": "p", "a": "x", "b": "y", "choice": choice} for choice in ("a", "b", "tie", "skip")]
    (tmp_path / "ab.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [one.share for one in read_comparisons(tmp_path / "ab.jsonl")] == [1.0, 0.0, 0.5]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "p", "chosen": "x"}, "row 1 has no 'rejected'; it has prompt, chosen"),
        ({"prompt": "p", "a": "x", "b": "y"}, "row 1 has no 'choice'"),
        ({"prompt": "p", "a": "x", "b": "y", "choice": "c"}, "'choice' is 'c'; 'a', 'b', 'tie' or 'skip'"),
        ({"prompt": "p", "a": 1, "b": "y", "choice": "a"}, "'a' is 1, which is no text"),
    ],
)
def test_rows_that_are_no_comparison_are_named(tmp_path, row, said):
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(ValueError, match=said):
        read_comparisons(tmp_path / "rows.jsonl")


def test_the_command_fits_and_names_the_reward(tmp_path, capsys):
    rows = [
        {"prompt": c.prompt, "a": c.a, "b": c.b, "choice": "a" if c.share else "b"} for c in simulated(80)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    line = ["rewards", "fit-preferences", str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "liked")]
    assert main(line) == 0
    printed = capsys.readouterr().out
    assert "80 comparisons and 0 ties of 40 prompts; held-out accuracy 0." in printed
    assert f"use it: --reward 'preference:{tmp_path / 'liked'}'" in printed
    reward = make_reward(f"preference:{tmp_path / 'liked'}")
    good, bad = (reward(Episode(Example("p"), text)) for text in ("warm kind", "cold harsh"))
    assert 0 < bad < good < 1
    assert main([*line, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["identity"] in reward.signature
    assert math.isfinite(facts["log_loss"])
    (tmp_path / "few.csv").write_text("prompt,chosen,rejected\np,x,y\n")
    assert main(["rewards", "fit-preferences", str(tmp_path / "few.csv"), "--out", str(tmp_path / "x")]) == 2
    assert "at least 20 are needed" in capsys.readouterr().err
    assert main(["rewards", "fit-preferences", str(tmp_path / "no.csv"), "--out", str(tmp_path / "x")]) == 2
    assert "no.csv" in capsys.readouterr().err


def test_training_on_the_fitted_reward_raises_the_hidden_score(tmp_path):
    """Texts of letters a to f; the person likes a and b, and four letters. Texts are counted."""

    def hidden(text):
        letters = text.split()
        return sum(letter in ("a", "b") for letter in letters) - abs(len(letters) - 4)

    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdef"), rng.integers(1, 7))) for _ in range(800)]
    said = []
    for k, (a, b) in enumerate(zip(texts[::2], texts[1::2], strict=True)):
        if hidden(a) != hidden(b):
            said.append(Comparison(f"p{k}", a, b, float((hidden(a) > hidden(b)) != (rng.random() < 0.2))))
    fit_preferences(said[:300]).model.save(tmp_path / "liked")
    env = gym.make("TextGen-Tiny-v0", reward=f"preference:{tmp_path / 'liked'}")

    def mean(agent):
        return float(np.mean([hidden(row.text) for row in llm_envs.evaluate(agent, env, 100, seed=9).rows]))

    config = {"model": "nano", "warm_start": False, "eval_freq": 0}
    agent = make_agent("rloo", env, seed=0, device="cpu", config=config)
    before = mean(RandomAgent(env, 0))
    agent.learn(8000)
    assert mean(agent) > before + 1.5
