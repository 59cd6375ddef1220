"""Rewards of language models: their numbers against plain passes, batches against single texts, refusals."""

from __future__ import annotations

import math
import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch
from small_scorers import save_model
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

import llm_envs  # noqa: F401
from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardContext, RewardError, make_reward, pretrained
from llm_envs.rewards.pretrained import TOLERANCE, batches

TEXTS = ["the sea", "a", "Some longer text, with signs!", "", "9 boats", "the sea"]


def on(text, *references, source="a boat"):
    return Episode(Example(source, references), text)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    made = {
        "llama": save_model(place / "llama", "causal"),
        "gpt2": save_model(place / "gpt2", "causal", "gpt2", n_embd=16, n_layer=2, n_head=2, n_positions=64),
        "bert": save_model(place / "bert", "encoder", "bert"),
        "roberta": save_model(place / "roberta", "encoder", "roberta"),
        "labels": save_model(place / "labels", "classifier", "bert", num_labels=3),
        "roberta labels": save_model(place / "roberta-labels", "classifier", "roberta", num_labels=3),
        "one": save_model(place / "one", "classifier", "llama", num_labels=1),
        "no pad": save_model(place / "no-pad", "classifier", "llama", num_labels=2, pad_token_id=None),
    }
    return made


def logprobs(folder, before, text):
    """The log-probabilities of a text's tokens after <s> and `before`, by one plain pass."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    start = [tokenizer.bos_token_id, *tokenizer(before, add_special_tokens=False).input_ids]
    ids = tokenizer(text, add_special_tokens=False).input_ids
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        found = model(torch.tensor([start + ids])).logits[0].log_softmax(-1)
    return [found[len(start) + i - 1, token].item() for i, token in enumerate(ids)]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_lm_fluency_is_the_mean_log_probability(folders, family):
    reward = make_reward({"id": "lm_fluency", "lm": folders[family]})
    scores = reward.score_batch([on(text) for text in TEXTS])[0]
    for text, score in zip(TEXTS, scores, strict=True):
        if text:
            assert score == pytest.approx(np.mean(logprobs(folders[family], "", text)), abs=1e-4)
    assert scores[3] == pytest.approx(-math.log(72))  # the empty text: 72 tokens, drawn uniformly
    assert scores[0] == scores[5]


def test_lm_fluency_of_a_continuation(folders):
    reward = make_reward({"id": "lm_fluency", "lm": folders["llama"], "given": "source", "separator": " "})
    episode = on("sails", source="the boat")
    assert reward(episode) == pytest.approx(
        np.mean(logprobs(folders["llama"], "the boat ", "sails")), abs=1e-4
    )


def test_lm_fluency_between_0_and_1(folders):
    logs, units = (
        make_reward({"id": "lm_fluency", "lm": folders["llama"], "scale": scale}).score_batch(
            [on(text) for text in TEXTS]
        )[0]
        for scale in ("logprob", "unit")
    )
    for text, log, unit in zip(TEXTS, logs, units, strict=True):
        assert unit == pytest.approx(math.exp(log) if text else 0.0)
        assert 0.0 <= unit <= 1.0


def test_lm_fluency_reads_texts_and_not_an_agents_choice_of_tokens(folders):
    reward = make_reward({"id": "lm_fluency", "lm": folders["llama"]})
    odd = Episode(Example("a boat"), "the sea", action_ids=(7, 7, 7, 7))
    assert reward(odd) == reward(on("the sea"))


def test_a_text_longer_than_the_model_reads_is_an_error_that_names_it(folders):
    reward = make_reward({"id": "lm_fluency", "lm": folders["llama"]})
    with pytest.raises(RewardError, match=r"'lm_fluency' raised .*65 tokens long .* reads 64.*'xxx"):
        reward.score_batch([on("short"), on("x" * 64)])


SPECS = [
    {"id": "lm_fluency", "lm": "llama"},
    {"id": "lm_fluency", "lm": "gpt2", "given": "source"},
    {"id": "perplexity", "lm": "llama"},
    {"id": "semantic_similarity", "model": "bert"},
    {"id": "semantic_similarity", "model": "roberta", "to": "source"},
    {"id": "embedding_f1", "model": "bert"},
    {"id": "embedding_f1", "model": "roberta", "measure": "recall"},
    {"id": "classifier", "model": "labels", "label": "LABEL_1"},
    {"id": "classifier", "model": "labels", "label": 2, "pair": True},
    {"id": "classifier", "model": "roberta labels", "label": 0, "output": "logit"},
    {"id": "classifier", "model": "one"},
    {"id": "classifier", "model": "no pad", "label": 1, "output": "logit"},
]


@pytest.fixture(params=SPECS, ids=lambda spec: "-".join(map(str, spec.values())))
def spec(request, folders):
    key = "lm" if "lm" in request.param else "model"
    return {**request.param, key: folders[request.param[key]]}


def test_batched_equals_single_and_the_order_is_kept(spec):
    reward = make_reward(spec, RewardContext())
    episodes = [on(text, "the lake", "a boat") for text in TEXTS]
    together = reward.score_batch(episodes)[0]
    alone = [reward(episode) for episode in episodes]
    assert together == pytest.approx(alone, rel=1e-6, abs=1e-5)
    assert reward.score_batch(episodes[::-1])[0] == pytest.approx(together[::-1], rel=1e-6, abs=1e-5)
    assert len(set(np.round(together, 6))) > 3
    assert reward.score_batch([]) == ([], [])
    assert reward.tolerance == TOLERANCE * (1000 if spec["id"] == "perplexity" else 1)


def test_a_pickled_reward_is_small_and_scores_the_same(spec):
    reward = make_reward(spec, RewardContext())
    episode = on("the sea", "the lake")
    score = reward(episode)
    data = pickle.dumps(reward)
    assert len(data) < 4000
    again = pickle.loads(data)
    assert again(episode) == score
    assert again.signature == reward.signature


def test_signatures_know_the_weights_and_not_the_folder(folders, tmp_path):
    def signature(folder, **options):
        return make_reward({"id": "lm_fluency", "lm": folder, **options}).signature

    first = signature(folders["llama"])
    assert first == signature(save_model(tmp_path / "copy", "causal"))
    others = {
        signature(save_model(tmp_path / "other", "causal", intermediate_size=24)),
        signature(folders["llama"], given="source"),
        signature(folders["llama"], scale="unit"),
        signature(folders["llama"], start="<pad>"),
        signature(folders["llama"], dtype="bfloat16"),
    }
    assert len({first, *others}) == 6
    assert str(tmp_path) not in first


def test_a_retrained_model_is_read_again_and_gets_another_signature(tmp_path):
    spec = {"id": "classifier", "model": save_model(tmp_path, "classifier", "bert", num_labels=2), "label": 1}
    first = make_reward(spec)
    score, data = first(on("the sea")), pickle.dumps(first)
    save_model(tmp_path, "classifier", "bert", num_labels=2, intermediate_size=24)
    second = make_reward(spec)
    assert second.signature != first.signature
    assert second(on("the sea")) != score
    assert first(on("the sea")) == score
    pretrained._load.cache_clear()  # as in another process
    with pytest.raises(RewardError, match="has changed since it was first loaded"):
        pickle.loads(data)(on("the sea"))


def test_a_pooler_that_is_not_there_changes_no_signature(folders, tmp_path):
    from transformers import AutoConfig, BertModel

    config = AutoConfig.from_pretrained(folders["bert"])
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(folders["bert"]).save_pretrained(tmp_path)
    spec = {"id": "semantic_similarity", "model": str(tmp_path)}
    first = make_reward(spec, RewardContext())
    score = first(on("the sea", "a lake"))
    pretrained._load.cache_clear()
    again = make_reward(spec, RewardContext())
    assert again.signature == first.signature
    assert again(on("the sea", "a lake")) == score


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_semantic_similarity_is_the_cosine_of_mean_embeddings(folders, family):
    tokenizer = AutoTokenizer.from_pretrained(folders[family])
    model = AutoModel.from_pretrained(folders[family], dtype=torch.float32).eval()

    def embed(text):
        with torch.no_grad():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state.mean(dim=1)[0]
        return mean / mean.norm()

    reward = make_reward({"id": "semantic_similarity", "model": folders[family]}, RewardContext())
    expected = max(float(embed("the sea") @ embed(text)) for text in ("a lake", "Harbours, stones"))
    assert reward(on("the sea", "a lake", "Harbours, stones")) == pytest.approx(expected, abs=1e-5)
    assert reward(on("a lake", "x", "a lake")) == pytest.approx(1.0, abs=1e-5)
    assert reward(on("  ", "a lake")) == 0.0


def test_semantic_similarity_needs_references_unless_it_reads_sources(folders):
    spec = {"id": "semantic_similarity", "model": folders["bert"]}
    with pytest.raises(ValueError, match="needs references"):
        make_reward(spec, RewardContext(has_references=False))
    to_source = make_reward({**spec, "to": "source"}, RewardContext(has_references=False))
    assert to_source(on("a boat")) == pytest.approx(1.0, abs=1e-5)


def test_perplexity_is_the_exponential_of_the_mean_log_probability(folders):
    reward = make_reward({"id": "perplexity", "lm": folders["llama"]})
    bounded = make_reward({"id": "perplexity", "lm": folders["llama"], "limit": 2.0})
    for text in TEXTS:
        expected = math.exp(-np.mean(logprobs(folders["llama"], "", text))) if text else 72
        assert reward(on(text)) == pytest.approx(expected, rel=1e-4)
        assert bounded(on(text)) == pytest.approx(2.0, abs=1e-9)
    with pytest.raises(ValueError, match="'perplexity': limit is a number above 1"):
        make_reward({"id": "perplexity", "lm": folders["llama"], "limit": 1.0})


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_embedding_f1_matches_tokens_greedily(folders, family):
    tokenizer = AutoTokenizer.from_pretrained(folders[family])
    model = AutoModel.from_pretrained(folders[family], dtype=torch.float32).eval()

    def tokens(text):
        read = tokenizer(text, return_tensors="pt")
        special = tokenizer.get_special_tokens_mask(read.input_ids[0], already_has_special_tokens=True)
        with torch.no_grad():
            hidden = model(**read).last_hidden_state[0]
        return [v / v.norm() for v, out in zip(hidden, special, strict=True) if not out]

    text, reference = "the sea", "a lake, too"
    first, second = tokens(text), tokens(reference)
    precision = sum(max(float(a @ b) for b in second) for a in first) / len(first)
    recall = sum(max(float(a @ b) for a in first) for b in second) / len(second)
    f_score = 2 * precision * recall / (precision + recall)
    for measure, expected in (("precision", precision), ("recall", recall), ("f", f_score)):
        reward = make_reward({"id": "embedding_f1", "model": folders[family], "measure": measure})
        assert reward(on(text, reference)) == pytest.approx(expected, abs=1e-5)
        assert reward(on(text, "x", text)) == pytest.approx(1.0, abs=1e-5)
        assert reward(on(" ", reference)) == 0.0
    with pytest.raises(RewardError, match="needs references"):
        reward(on(text))


@pytest.mark.parametrize("name", ["labels", "roberta labels"])
def test_classifier_outputs(folders, name):
    tokenizer = AutoTokenizer.from_pretrained(folders[name])
    model = AutoModelForSequenceClassification.from_pretrained(folders[name], dtype=torch.float32).eval()
    with torch.no_grad():
        logits = model(**tokenizer("the sea", return_tensors="pt")).logits[0]
        paired = model(**tokenizer("a boat", "the sea", return_tensors="pt")).logits[0]

    def score(**options):
        return make_reward({"id": "classifier", "model": folders[name], **options})(on("the sea"))

    for label in range(3):
        assert score(label=label) == pytest.approx(logits.softmax(0)[label].item(), abs=1e-5)
        assert score(label=f"LABEL_{label}", output="logit") == pytest.approx(logits[label].item(), abs=1e-5)
        assert score(label=label, output="label") == float(logits.argmax() == label)
        pair = score(label=label, output="logit", pair=True)
        assert pair == pytest.approx(paired[label].item(), abs=1e-5)


def test_several_labels_that_do_not_exclude_each_other(tmp_path):
    options = {"num_labels": 3, "problem_type": "multi_label_classification"}
    folder = save_model(tmp_path / "m", "classifier", "bert", **options)
    logit, probability = (
        make_reward({"id": "classifier", "model": folder, "label": 1, "output": output})(on("the sea"))
        for output in ("logit", "probability")
    )
    assert probability == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-5)


def test_a_reward_model_of_one_output_gives_its_number(folders):
    model = AutoModelForSequenceClassification.from_pretrained(folders["one"], dtype=torch.float32).eval()
    ids = AutoTokenizer.from_pretrained(folders["one"])("the sea", return_tensors="pt").input_ids
    with torch.no_grad():
        expected = model(ids).logits.item()
    assert make_reward({"id": "classifier", "model": folders["one"]})(on("the sea")) == pytest.approx(
        expected, abs=1e-5
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"id": "lm_fluency", "lm": "bert"}, "is not a causal language model"),
        (
            {"id": "classifier", "model": "bert", "label": 0},
            "no weights for classifier.bias, classifier.weight",
        ),
        ({"id": "classifier", "model": "labels"}, "several labels, choose one: label='LABEL_0' or"),
        ({"id": "classifier", "model": "labels", "label": "joy"}, "has no label 'joy'; it has 'LABEL_0'"),
        ({"id": "classifier", "model": "labels", "label": 3}, "has no label 3"),
        ({"id": "classifier", "model": "labels", "label": 0, "output": "p"}, "unknown output='p'"),
        ({"id": "classifier", "model": "one", "output": "label"}, "has one output"),
        ({"id": "lm_fluency", "lm": "llama", "dtype": "int8"}, "unknown dtype='int8'; float32"),
        ({"id": "lm_fluency", "lm": "llama", "device": "warp"}, "device='warp' is not to be had"),
        ({"id": "lm_fluency", "lm": "llama", "scale": "ppl"}, "unknown scale='ppl'"),
        ({"id": "lm_fluency", "lm": "llama", "given": "all"}, "unknown given='all'"),
        ({"id": "lm_fluency", "lm": "llama", "start": "<go>"}, "no token '<go>'"),
        ({"id": "semantic_similarity", "model": "bert", "to": "x"}, "unknown to='x'"),
        ({"id": "lm_fluency", "lm": "nowhere"}, "cannot load .*nowhere.*: no such asset, folder or hub id"),
    ],
)
def test_what_cannot_score_is_refused_when_the_reward_is_made(folders, tmp_path, spec, said):
    key = "lm" if "lm" in spec else "model"
    (tmp_path / "nowhere").mkdir()
    place = folders.get(spec[key], str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=said):
        make_reward({**spec, key: place})


def test_a_model_that_looks_ahead_is_no_causal_language_model(tmp_path):
    folder = save_model(tmp_path / "ahead", "causal", "bert")
    with pytest.raises(ValueError, match="depends on later tokens"):
        make_reward({"id": "lm_fluency", "lm": folder})


def test_an_asset_that_is_not_fetched_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"reward 'lm_fluency': .*run: llm-envs fetch smollm2-135m"):
        make_reward("lm_fluency")
    with pytest.raises(ValueError, match="run: llm-envs fetch minilm"):
        make_reward("semantic_similarity")


def test_texts_that_end_together_are_scored_in_one_pass(folders, monkeypatch):
    reward = {"id": "lm_fluency", "lm": folders["llama"]}
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=6, reward=reward, metrics=[])
    model = make_reward(reward)._components[0].reward._source.load().model
    rows = []
    model.register_forward_hook(lambda module, given, output: rows.append(len(output.logits)))
    envs.reset(seed=0)
    rows.clear()
    ended = np.zeros(6, bool)
    while not ended.any():
        _, rewards, ended, _, _ = envs.step(np.full(6, 3))
    assert ended.all()
    assert rows == [6]
    assert (rewards < 0).all()


class CountsCalls:
    """A user's own reward model, served in batches."""

    calls: list = []  # noqa: RUF012

    def __call__(self, episode):
        return self.score_batch([episode])[0]

    def score_batch(self, episodes):
        self.calls.append(len(episodes))
        return [float(len(episode.text)) for episode in episodes]


def test_a_users_own_reward_model_is_served_the_same_way():
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=6, reward=CountsCalls(), metrics=[])
    envs.reset(seed=0)
    CountsCalls.calls.clear()
    ended = np.zeros(6, bool)
    while not ended.any():
        _, _, ended, _, _ = envs.step(np.full(6, 3))
    assert CountsCalls.calls == [6]


def test_batches_hold_like_lengths_within_their_budget():
    lengths = [5, 1, 9, 1, 2, 30, 5]
    found = list(batches(lengths, 10))
    assert sorted(index for batch in found for index in batch) == list(range(7))
    assert [[lengths[i] for i in batch] for batch in found] == [[1, 1, 2], [5, 5], [9], [30]]
    assert list(batches([], 10)) == []


def test_a_text_that_spells_a_special_token_is_read_as_text(folders):
    """No agent writes itself the end of a text, or a separator."""
    for spec in ({"id": "lm_fluency", "lm": folders["llama"]}, {"id": "classifier", "model": folders["one"]}):
        reward = make_reward(spec)
        tokenizer = reward._components[0].reward._source.load().tokenizer
        assert tokenizer.eos_token_id not in tokenizer("a</s>b", add_special_tokens=False)["input_ids"]
        assert reward(on("a</s>b")) == pytest.approx(
            reward(on("a<\u00a7s>b")), abs=1e-5
        )  # "<", ">", "/" unknown
        assert reward.signature.endswith("|v2")
    encoder = make_reward({"id": "semantic_similarity", "model": folders["bert"], "to": "source"})
    assert encoder(on("a</s>b")) == pytest.approx(encoder(on("a<\u00a7s>b")), abs=1e-5)


def test_poems_lm_multiplies_the_default_reward_by_a_language_model(folders):
    train = ["The sea is cold.", "The old boat waits at home.", "A gull sings over the grey wall."]
    context = RewardContext(train_texts=lambda: train, language="en")
    reward = make_reward({"id": "poems-lm", "lm": folders["llama"], "exponent": 0.5}, context)
    poem = Episode(Example("couplet : sea", (), {"words": ["sea"]}), "The sea is at the old wall again.")
    score, parts = reward(poem), reward.components(poem)
    lm = make_reward({"id": "lm_fluency", "lm": folders["llama"], "given": "source", "scale": "unit"})(poem)
    assert parts["poems-lm/lm_fluency"] == pytest.approx(lm)
    assert parts["poems-lm/verse"] == pytest.approx(make_reward("verse", context)(poem))
    assert score == pytest.approx(parts["poems-lm/verse"] * lm**0.5)
    assert 0.0 < score < 1.0
