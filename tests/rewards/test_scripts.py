"""Rewards in scripts with marks and in scripts without spaces."""

from __future__ import annotations

import json
import unicodedata

import gymnasium as gym
import pytest
import sacrebleu

import llm_envs  # noqa: F401
from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardContext, RewardError, make_reward

CAFE = "un café noir", unicodedata.normalize("NFD", "un café noir")
TEXTS = ["का की के को", "यह घर बड़ा है और सुंदर भी", "नदी के किनारे एक पेड़ है", "मेरा मित्र आज घर आया"]


def on(text, *references, **metadata):
    return Episode(Example("", references, metadata), text)


def test_vowel_signs_tell_words_apart():
    assert make_reward({"id": "distinct", "n": 1})(on("का की के को")) == 1.0
    assert make_reward({"id": "repetition", "n": 1})(on("का की के को")) == 0.0


@pytest.mark.parametrize("text", CAFE)
def test_constraints_ask_for_the_word_with_its_accent(text):
    reward = make_reward("constraints")
    for asked, score in (("café", 1.0), (CAFE[1].split()[1], 1.0), ("cafe", 0.0)):
        assert reward(on(text, words=[asked])) == score


def test_equal_texts_match_whichever_way_they_are_composed():
    for options in ({}, {"lowercase": True}):
        assert make_reward({"id": "exact_match", **options})(on(*CAFE)) == 1.0
    assert make_reward("exact_match")(on("un cafe noir", CAFE[0])) == 0.0


def test_characters_are_found_in_any_unicode_form_of_their_names():
    scene = on(
        "RENÉE: Bonjour, mes amis.\nRENÉE: Il fait beau.\nElle sort.",
        form="script",
        characters=["Rene\u0301e"],
    )
    assert make_reward("constraints")(scene) == 1.0


def test_a_copy_is_no_novelty_in_another_normal_form():
    context = RewardContext(train_texts=lambda: [CAFE[0]])
    assert make_reward({"id": "novelty", "n": 2}, context)(on(CAFE[1])) == 0.0
    hindi = RewardContext(train_texts=lambda: TEXTS)
    assert make_reward("novelty", hindi)(on(TEXTS[1])) == 0.0
    assert make_reward("novelty", hindi)(on("यही घर बड़े हों और")) == 1.0  # the same letters without their signs


def test_fluency_reads_words_with_their_signs():
    model = make_reward("fluency", RewardContext(train_texts=lambda: TEXTS))._components[0].reward.model
    assert not model.is_unknown("सुंदर")
    assert model.is_unknown("सदर")


def test_length_in_words_counts_characters_where_there_are_no_spaces():
    reward = make_reward({"id": "length_penalty", "unit": "words", "target": 6})
    assert reward(on("我喜欢吃饭。")) == pytest.approx(1 / 6)
    assert reward(on("one two three four five six")) == 0.0
    assert reward.signature.endswith("|v2")


JAPANESE = "今日は良い天気です。", "今日はとても良い天気です。"
UNSPACED = {
    "ja": JAPANESE,
    "th": ("วันนี้อากาศดี", "วันนี้อากาศดีมาก"),
    "lo": ("ມື້ນີ້ອາກາດດີ", "ມື້ນີ້ອາກາດດີຫຼາຍ"),
    "km": ("ថ្ងៃនេះអាកាសធាតុល្អ", "ថ្ងៃនេះអាកាសធាតុល្អណាស់"),
    "my": ("ဒီနေ့ရာသီဥတုကောင်းတယ်", "ဒီနေ့ရာသီဥတုအရမ်းကောင်းတယ်"),
    "bo": ("དེ་རིང་གནམ་གཤིས་ཡག་པོ་འདུག", "དེ་རིང་གནམ་གཤིས་ཧ་ཅང་ཡག་པོ་འདུག"),
}


@pytest.mark.parametrize("language", list(UNSPACED))
def test_bleu_of_a_language_without_spaces_is_of_characters(language):
    text, reference = UNSPACED[language]
    wanted = (
        sacrebleu.BLEU(tokenize="char", effective_order=True).sentence_score(text, [reference]).score / 100
    )
    reward = make_reward("bleu", RewardContext(language=language))
    assert reward(on(text, reference)) == pytest.approx(wanted, abs=1e-9)
    assert "tok:char" in reward.signature
    assert wanted > 0.4


@pytest.mark.parametrize(
    ("language", "tokenize"),
    [("ko", "13a"), ("hi", "13a"), ("zh-TW", "zh"), ("yue", "zh"), ("ja-JP", "char")],
)
def test_bleu_of_other_languages(language, tokenize):
    assert f"tok:{tokenize}" in make_reward("bleu", RewardContext(language=language)).signature


def test_bleu_asks_for_a_tokenizer_where_the_language_is_unknown():
    reward = make_reward("bleu")
    for text in (*JAPANESE, UNSPACED["bo"][0]):
        with pytest.raises(RewardError, match=r"tokenize='zh'.*tokenize='char'"):
            reward(on(text, text))
    chosen = make_reward({"id": "bleu", "tokenize": "char"})(on(*JAPANESE))
    assert chosen == pytest.approx(0.5820085, abs=1e-6)
    assert reward(on("a b", "a b")) == 1.0


@pytest.mark.parametrize("language", list(UNSPACED))
def test_a_file_tells_its_language_by_its_script(language, tmp_path):
    reference = UNSPACED[language][1]
    rows = [{"source": f"row {k}", "references": [reference + str(k)]} for k in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    design = {"dataset": f"file:{tmp_path / 'rows.jsonl'}", "tokenizer": "byte", "max_new_tokens": 256}
    signatures = {
        gym.make("Translation-v0", split=s, **design).unwrapped.task.reward.signature
        for s in ("train", "test")
    }
    (signature,) = signatures
    assert "tok:char" in signature
