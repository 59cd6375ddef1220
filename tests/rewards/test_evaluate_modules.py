"""Modules of Hugging Face's `evaluate` as metrics of a whole evaluation and as rewards of single texts."""

from __future__ import annotations

import pickle
import subprocess
import sys
from types import SimpleNamespace

import evaluate
import gymnasium as gym
import numpy as np
import pytest
import sacrebleu
from evaluate_scripts import (
    ONE,
    SEVERAL,
    SOURCES,
    TEXTS,
    corpus_bleu,
    corpus_chrf,
    features,
    lengths,
    script,
)

import llm_envs
from llm_baselines.registry import make_agent
from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardError, make_reward

TINY = "TextGen-Tiny-v0"
HOUSE = Example("the house", ("das Haus", "das Gebäude"))
EPISODES = [Episode(HOUSE, text, (1, 2), "stop") for text in ("das Haus", "ein Haus am See", "Haus")]


def test_corpus_bleu_and_chrf_of_an_evaluation_are_sacrebleus(tmp_path):
    bleu, chrf = corpus_bleu(tmp_path), corpus_chrf(tmp_path)
    lower = {"id": bleu, "name": "lower", "key": "score", "lowercase": True}
    metrics = ["exact_match", bleu, chrf, lower]
    env = gym.make("Translation-v0", split="test", metrics=metrics, max_new_tokens=16)
    result = llm_envs.evaluate(make_agent("random", env, seed=3), env, 40)
    texts = [row.text for row in result.rows]
    references = [env.unwrapped.task.examples[row.example].references for row in result.rows]
    streams = list(zip(*references, strict=True))
    expected = {
        "evaluate:corpus_bleu": sacrebleu.corpus_bleu(texts, streams).score,
        "evaluate:corpus_chrf": sacrebleu.corpus_chrf(texts, streams).score,
        "lower": sacrebleu.corpus_bleu(texts, streams, lowercase=True).score,
    }
    assert result.corpus_metrics == pytest.approx(expected, abs=1e-9)
    assert result.metrics == {**result.corpus_metrics, "exact_match": 0.0}
    assert expected["evaluate:corpus_chrf"] > 1.0
    assert all(set(row["metrics"]) == {"exact_match"} for row in result.to_dicts())
    vectorized = llm_envs.vectorize(env, 7)
    again = llm_envs.evaluate(make_agent("reference", env, seed=0), vectorized, 40)
    assert again.corpus_metrics["evaluate:corpus_bleu"] == pytest.approx(100.0)


def test_a_metric_is_computed_once_for_each_evaluation(tmp_path):
    name = lengths(tmp_path)
    metrics = [{"id": name, "name": key, "key": key} for key in ("calls", "texts")]
    env = gym.make(TINY, split="test", metrics=metrics[:1])
    agent = make_agent("random", env, seed=0)
    calls = [llm_envs.evaluate(agent, env, 5).metrics["calls"] for _ in range(3)]
    assert np.diff(calls).tolist() == [1.0, 1.0]
    assert llm_envs.evaluate(agent, gym.make(TINY, metrics=metrics[1:]), 5).metrics == {"texts": 5.0}


def test_nothing_is_loaded_before_the_first_score(tmp_path):
    code = f"""
import sys
import gymnasium as gym, llm_envs
env = gym.make({TINY!r}, metrics=["default", {corpus_bleu(tmp_path)!r}], reward={lengths(tmp_path)!r})
env.reset(seed=0)
env.unwrapped.task.describe()
assert not {{"evaluate", "datasets", "pandas"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_texts_that_end_together_are_scored_in_one_call(tmp_path):
    reward = make_reward({"id": lengths(tmp_path), "key": "lengths", "name": "many"})
    totals, parts = reward.score_batch(EPISODES)
    assert totals == [8.0, 15.0, 4.0]
    assert parts == [{"many": total} for total in totals]
    texts = make_reward({"id": lengths(tmp_path), "key": "texts"})
    assert texts.score_batch(EPISODES)[0] == [1.0, 1.0, 1.0]  # a number is of one text: a call for each
    several = make_reward({"id": lengths(tmp_path), "key": "calls"})
    first = several(EPISODES[0])
    reward.score_batch(EPISODES * 9)
    assert several(EPISODES[0]) - first == 2.0  # the batch in between was one call


def test_a_reward_scores_each_text_as_sacrebleu_does(tmp_path):
    reward = {"id": corpus_bleu(tmp_path), "weight": 0.01}
    envs = gym.make_vec("Translation-v0", num_envs=3, reward=reward, max_new_tokens=2)
    envs.reset(seed=0)
    _, _, _, _, _ = envs.step(np.full(3, 5))
    _, rewards, terminated, _, infos = envs.step(np.full(3, 6))
    assert terminated.all()
    outcome = infos["outcome"]
    for text, references, paid in zip(outcome["text"], outcome["references"], rewards, strict=True):
        score = sacrebleu.corpus_bleu([text], [[r] for r in references]).score
        assert paid == pytest.approx(0.01 * score, abs=1e-9)


def test_a_list_of_values_is_averaged_over_an_evaluation(tmp_path):
    metrics = make_reward([{"id": lengths(tmp_path), "key": "lengths"}])
    assert metrics.score_corpus(EPISODES) == {"evaluate:lengths": 9.0}
    precisions = make_reward([{"id": corpus_bleu(tmp_path), "key": "precisions"}])
    with pytest.raises(RewardError, match=r"'precisions' of module .* is 4 values"):
        precisions.score_corpus([*EPISODES, EPISODES[0]])  # four values for four texts, by chance


def test_inputs_take_the_form_that_the_module_asks_for(tmp_path):
    seen = 'return {"seen": float(repr(inputs) == expected)}'
    nested = [list(HOUSE.references)] * 3
    flat, sources = ["das Haus"] * 3, ["the house"] * 3
    texts = [episode.text for episode in EPISODES]
    for number, (inputs, given) in enumerate(
        [
            (features(TEXTS, SEVERAL), {"predictions": texts, "references": nested}),
            (features(TEXTS, ONE), {"predictions": texts, "references": flat}),
            (features(SOURCES, TEXTS, ONE), {"sources": sources, "predictions": texts, "references": flat}),
            (
                f"[{features(TEXTS, ONE)}, {features(TEXTS, SEVERAL)}]",
                {"predictions": texts, "references": nested},
            ),
            (features('"data": datasets.Value("string")'), {"data": texts}),
        ]
    ):
        body = f"inputs = dict(sorted(inputs.items()))\n        {seen}"
        name = script(tmp_path, f"seen_{number}", body, "expected, **inputs", inputs)
        metric = make_reward({"id": name, "expected": repr(dict(sorted(given.items())))})
        assert metric.score_corpus(EPISODES) == {f"evaluate:seen_{number}": 1.0}, given


@pytest.mark.parametrize(
    ("body", "spec", "inputs", "message"),
    [
        ('return {"a": 1, "b": 2}', {"key": "c"}, TEXTS, "has no 'c'; key= one of 'a', 'b'"),
        ('return {"a": 1, "b": 2}', {}, TEXTS, "has several entries; key= one of 'a', 'b'"),
        ('return {"a": "high"}', {}, TEXTS, "'a' of module .* is 'high', neither a number"),
        ('return {"a": [1.0] * 7}', {}, TEXTS, "'a' of module .* is 7 values"),
        ('return {"a": None}', {}, TEXTS, "is None, neither a number"),
        ('return {"a": float("nan")}', {}, TEXTS, "returned nan, which is not finite"),
        ("return 0.5", {}, TEXTS, "gave 0.5, which has no entries by name"),
        ('return {"a": 1}', {}, TEXTS + ', "images": datasets.Value("string")', "asks for 'images'"),
        ('return {"a": 1}', {}, '"predictions": datasets.Value("int32")', "of type Value"),
        ('raise OSError("no disk")', {}, TEXTS, "raised OSError.*no disk"),
    ],
)
def test_what_a_module_cannot_do_is_said(tmp_path, body, spec, inputs, message):
    metric = make_reward({"id": script(tmp_path, "wrong", body, "**inputs", features(inputs)), **spec})
    with pytest.raises(RewardError, match=message) as raised:
        metric.score_corpus(EPISODES)
    assert "evaluate:wrong" in str(raised.value)
    with pytest.raises(RewardError, match=message):
        metric.score_batch(EPISODES)


def test_an_option_that_a_module_does_not_take_is_named(tmp_path):
    with pytest.raises(RewardError, match="unexpected keyword argument 'beam'"):
        make_reward({"id": corpus_bleu(tmp_path), "beam": 4})(EPISODES[0])


def test_references_that_are_not_there_are_missed(tmp_path):
    env = gym.make(TINY, metrics=[corpus_chrf(tmp_path)])
    without = Episode(Example("hello"), "hi")
    metric = env.unwrapped.task.corpus_metrics
    with pytest.raises(RewardError, match="needs references, and the example 'hello' has none"):
        metric.score_corpus([without])
    context = llm_envs.rewards.RewardContext(has_references=False)
    with pytest.raises(RewardError, match="examples without any; add a references column"):
        make_reward(corpus_chrf(tmp_path), context)(without)


def test_scripts_that_cannot_be_used_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "no_python").mkdir()
    (tmp_path / "no_python" / "no_python.py").write_text("def (:\n")
    for name, message in (
        ("empty", "has no 'empty.py': a module's script has the name of its folder"),
        ("none", "there is no folder"),
        ("none.py", "there is no script"),
        ("no_python", "is not valid Python: .* in line 1"),
    ):
        with pytest.raises(ValueError, match=f"reward 'evaluate:{name.partition('.')[0]}'.*{message}"):
            make_reward(f"evaluate:{tmp_path / name}")
    bleu = corpus_bleu(tmp_path)
    for spec, message in (
        ({"references": ["a"]}, "'references' is not an option: the episodes supply it"),
        ({"module": "bleu"}, "its id already names the module"),
        ({"key": 3}, "option 'key' is of type str or None, got 3"),
        ({"revision": "main"}, "is a local script, which has no revision='main'"),
    ):
        with pytest.raises(ValueError, match=message):
            make_reward({"id": bleu, **spec})
    for before in ("from evaluate import Metric", "import json, re"):
        reward = make_reward(script(tmp_path, "clumsy", 'return {"a": 1}', "**inputs", before=before))
        with pytest.raises(RewardError, match=r"cannot be loaded.*imports one module a line"):
            reward(EPISODES[0])


def test_a_signature_says_content_options_and_version(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    here, elsewhere = corpus_bleu(tmp_path), corpus_bleu(tmp_path / "elsewhere")
    spec = {"id": here, "key": "score", "lowercase": True}
    reward = make_reward(spec)
    parts = reward.signature.split("|")
    assert parts[:3] == ["evaluate:corpus_bleu", "key:score", "lowercase:yes"]
    assert parts[4:] == [f"evaluate {evaluate.__version__}", "v1"]
    path = here.removeprefix("evaluate:")
    for equal in (elsewhere, f"evaluate:{path}/corpus_bleu.py"):
        assert make_reward({**spec, "id": equal}).signature == reward.signature
    assert make_reward(here).signature != reward.signature
    place = tmp_path / "elsewhere" / "corpus_bleu"
    (place / "beside.py").write_text("x = 1\n")
    assert make_reward({**spec, "id": elsewhere}).signature == reward.signature
    text = (place / "corpus_bleu.py").read_text()
    (place / "corpus_bleu.py").write_text(text + "\nfrom .beside import x\n")
    importing = make_reward({**spec, "id": elsewhere}).signature
    (place / "beside.py").write_text("x = 2\n")
    assert len({reward.signature, importing, make_reward({**spec, "id": elsewhere}).signature}) == 3


def test_specs_come_back_and_rewards_can_be_pickled(tmp_path):
    spec = {"id": corpus_bleu(tmp_path), "key": "score", "weight": 0.5, "lowercase": True}
    reward = make_reward(spec)
    assert reward.to_spec() == [spec]
    assert make_reward(reward.to_spec()).signature == reward.signature
    assert list(make_reward({spec["id"]: 0.5}).weights.items()) == [("evaluate:corpus_bleu", 0.5)]
    copy = pickle.loads(pickle.dumps(reward))
    assert copy(EPISODES[0]) == reward(EPISODES[0])
    product = make_reward({"id": "product", "rewards": [spec]})
    assert product.lazy
    assert product(EPISODES[0]) == pytest.approx((2 * reward(EPISODES[0])) ** 0.5)


def test_a_script_that_changes_is_read_anew_and_never_mixed_up(tmp_path):
    name = script(tmp_path, "changing", 'return {"a": 1}', "**inputs")
    before = gym.make(TINY, reward=name)
    early, late = before.unwrapped.task.reward, make_reward(name)
    assert early(EPISODES[0]) == 1.0
    script(tmp_path, "changing", 'return {"a": 2 + 0}', "**inputs")
    assert early(EPISODES[0]) == 1.0
    assert late(EPISODES[0]) == 1.0  # of the same content, loaded before
    after = gym.make(TINY, reward=name)
    assert after.unwrapped.task.signature != before.unwrapped.task.signature
    script(tmp_path, "changing", 'return {"a": 3 + 0}', "**inputs")
    with pytest.raises(RewardError, match="has changed since it was named here"):
        after.unwrapped.task.reward(EPISODES[0])


def test_a_call_that_fails_leaves_nothing_behind(tmp_path):
    body = 'if "Haus" in predictions: raise ValueError("no")\n        return {"texts": len(predictions)}'
    metric = make_reward(script(tmp_path, "failing", body))
    with pytest.raises(RewardError):
        metric.score_corpus(EPISODES)
    assert metric.score_corpus(EPISODES[:2]) == {"evaluate:failing": 2.0}


def test_scores_draw_on_no_global_generator(tmp_path):
    name = script(tmp_path, "drawing", 'return {"a": numpy.random.random()}', "**inputs")
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.RandomState(5).random_sample()
    first = make_reward(name)(EPISODES[0])
    assert np.random.random() == expected  # noqa: NPY002
    assert make_reward(name)(EPISODES[1]) == first


def test_names_on_the_hub_are_loaded_when_named(monkeypatch):
    asked = []

    def load(name, **options):
        asked.append((name, options["config_name"], options["revision"]))
        if name == "none":
            raise FileNotFoundError("no such module on the hub")
        return SimpleNamespace(
            _hash="ab" * 32,
            name="some",
            features={"predictions": SimpleNamespace(dtype="string")},
            compute=lambda predictions: {"some": len(predictions), "other": 0},
        )

    monkeypatch.setattr(evaluate, "load", load)
    with pytest.raises(
        ValueError, match=r"no folder or script 'none' exists, and it cannot be loaded from the hub"
    ):
        make_reward("evaluate:none")
    spec = {"id": "evaluate:somebody/some", "config_name": "large", "revision": "v2"}
    reward, again = make_reward(spec), make_reward(spec)
    assert "|config_name:large|key:null|content:abababababababab|" in reward.signature
    assert again.signature == reward.signature
    assert asked == [("none", None, None), ("somebody/some", "large", "v2")]
    assert reward(EPISODES[0]) == 1.0


def test_the_environments_own_metrics_may_stand_in_the_list(tmp_path):
    env = gym.make("Translation-v0", metrics=["default", lengths(tmp_path)])
    task = env.unwrapped.task
    assert list(task.metrics.weights) == ["chrf", "exact_match"]
    assert list(task.corpus_metrics.weights) == ["evaluate:lengths"]
    assert task.corpus_metrics.signature in task.describe()["corpus_metrics_signature"]
    assert gym.make("Translation-v0", metrics="default").unwrapped.task != task
