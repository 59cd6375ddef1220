"""Words in every script, and the same words as ever where re alone can tell them."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_envs.data import SPLITS, load_corpus
from llm_envs.tokenizers.words import count_words, is_plain, is_word, script_language, tokens_of, words_of

HINDI, TAMIL = "का की के को", "தமிழ் மொழி"
IN_SCRIPTS = {
    "Latin": ("Crème brûlée, isn't it?", ["crème", "brûlée", "isn't", "it"]),
    "Greek": ("Η Ελλάδα, ωραία!", ["η", "ελλάδα", "ωραία"]),
    "Cyrillic": ("Йод и ёлка.", ["йод", "и", "ёлка"]),
    "Arabic": ("كِتَابٌ جَمِيلٌ؟", ["كِتَابٌ", "جَمِيلٌ"]),
    "Hebrew": ("שָׁלוֹם, בית־ספר", ["שָׁלוֹם", "בית-ספר"]),
    "Devanagari": (HINDI, HINDI.split()),
    "Tamil": (TAMIL, TAMIL.split()),
    "Thai": ("กำลังดี", ["กำ", "ลั", "ง", "ดี"]),
    "Khmer": ("ខ្មែរ", ["ខ្មែ", "រ"]),
    "Chinese": ("我喜欢吃饭。", list("我喜欢吃饭")),
    "Japanese": ("今日はカレーです。", list("今日はカレーです")),
    "Korean": ("한국어 단어.", ["한국어", "단어"]),
    "Persian": ("می‌خواهم بروم", ["می‌خواهم", "بروم"]),
}


@pytest.mark.parametrize("script", list(IN_SCRIPTS))
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_words_of_a_script_in_both_normal_forms(script, form):
    text, words = IN_SCRIPTS[script]
    composed = [unicodedata.normalize("NFC", word) for word in words]
    written = unicodedata.normalize(form, text)
    assert words_of(written) == composed
    assert [token for token in tokens_of(written) if is_word(token)] == composed


def test_what_does_not_show_changes_no_word():
    assert words_of("so\u00adft \u200fשלום\u200e well\u2011known") == ["soft", "שלום", "well-known"]
    assert tokens_of("a\u200bb") == ["a", "b"]


def test_a_mark_stays_with_its_sign_and_is_no_word():
    assert [is_word(token) for token in tokens_of("❤\ufe0f \u0301 a")] == [False, False, True]


PLAIN = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]).filter(is_plain), max_size=60)


@given(PLAIN)
def test_both_ways_of_splitting_a_plain_text_agree(text):
    # A letter of Hindi sends the text the long way round.
    assert words_of(f"{text}\nक") == [*words_of(text), "क"]
    assert tokens_of(f"{text}x\nक") == [*tokens_of(f"{text}x"), "\n", "क"]


_OLD_LETTERS = r"[^\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
_OLD_WORD = rf"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|{_OLD_LETTERS}(?:['-]{_OLD_LETTERS})*"


@pytest.mark.parametrize("name", ["poems", "scripts", "code", "openings", "chat", "en-it", "en-de", "en-zh"])
def test_bundled_texts_have_the_words_they_had(name):
    """Rewards of the ids keep their scores, and their signatures."""
    corpus = load_corpus(name)
    texts = [
        text
        for split in SPLITS
        for example in corpus.split(split)
        for text in (example.source, *example.references)
    ]
    for text in texts:
        folded = text.lower().replace("’", "'")
        assert words_of(text) == re.findall(_OLD_WORD, folded)
        assert tokens_of(text) == re.findall(rf"\n|{_OLD_WORD}|[^\w\s]", folded.strip())


def test_words_are_counted_by_character_in_scripts_without_spaces():
    assert count_words("a - b, c") == 4
    assert count_words("我喜欢 Python3。") == 4
    assert count_words("का की") == 2


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("今日は良い天気です。", "ja"),
        ("สวัสดีครับ hello", "th"),
        ("ສະບາຍດີ", "lo"),
        ("မင်္ဂလာပါ", "my"),
        ("សួស្តី", "km"),
        ("བཀྲ་ཤིས་བདེ་ལེགས", "bo"),
        ("我喜欢吃饭。", None),
        ("hello ขอบคุณ there my good friend", None),
    ],
)
def test_a_script_of_one_language_tells_it(text, language):
    assert script_language(text) == language
