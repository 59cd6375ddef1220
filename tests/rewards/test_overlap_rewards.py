"""Rewards that compare a text with references, its source or a request: against plain forms and by hand."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.ter import TER

from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardContext, RewardError, make_reward
from llm_envs.rewards.sequences import common_subsequence, edit_distance

EXACT = 1e-9
WORDS = ["the", "sea", "a", "Boat", "is", "grey,", "on", "sea."]
sentences = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


def on(text, *references, source="", **metadata):
    return Episode(Example(source, references, metadata), text)


def plain_distance(first, second):
    @cache
    def best(i, j):
        if not i or not j:
            return i + j
        return min(
            best(i - 1, j) + 1, best(i, j - 1) + 1, best(i - 1, j - 1) + (first[i - 1] != second[j - 1])
        )

    return best(len(first), len(second))


def plain_subsequence(first, second):
    @cache
    def best(i, j):
        if not i or not j:
            return 0
        if first[i - 1] == second[j - 1]:
            return best(i - 1, j - 1) + 1
        return max(best(i - 1, j), best(i, j - 1))

    return best(len(first), len(second))


@given(st.text("abc", max_size=20), st.text("abcd", max_size=20))
def test_bit_parallel_sequences_equal_the_tables_of_the_textbook(first, second):
    assert edit_distance(first, second) == plain_distance(first, second)
    assert common_subsequence(first, second) == plain_subsequence(first, second)


def test_sequences_longer_than_a_machine_word():
    first, second = "ab" * 300, "ba" * 300
    assert edit_distance(first, second) == 2
    assert common_subsequence(first, second) == 599
    assert edit_distance(first, "") == 600


@given(text=sentences, references=st.lists(sentences, min_size=1, max_size=3))
def test_rouge_equals_rouge_score(text, references):
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    for variant, name in (("1", "rouge1"), ("2", "rouge2"), ("l", "rougeL")):
        expected = scorer.score_multi(references, text)[name].fmeasure
        assert make_reward({"id": "rouge", "variant": variant})(on(text, *references)) == pytest.approx(
            expected, abs=EXACT
        )
        for measure in ("precision", "recall"):
            best = max(getattr(scorer.score(r, text)[name], measure) for r in references)
            spec = {"id": "rouge", "variant": variant, "measure": measure}
            assert make_reward(spec)(on(text, *references)) == pytest.approx(best, abs=EXACT)


def test_rouge_by_hand():
    episode = on("the cat sat on the mat", "the cat is on the mat")  # 5 of 6 words, 3 of 5 bigrams, LCS 5
    assert make_reward({"id": "rouge", "variant": "1"})(episode) == pytest.approx(5 / 6, abs=EXACT)
    assert make_reward({"id": "rouge", "variant": "2"})(episode) == pytest.approx(3 / 5, abs=EXACT)
    assert make_reward("rouge")(episode) == pytest.approx(5 / 6, abs=EXACT)
    assert make_reward("rouge")(on("", "a sea")) == 0.0


def test_rouge_reads_the_words_of_other_languages():
    german = on("über dem See", "über den See")
    assert make_reward("rouge", RewardContext(language="de"))(german) == pytest.approx(2 / 3, abs=EXACT)
    assert "tokens:words" in make_reward("rouge", RewardContext(language="zh")).signature
    assert make_reward("rouge", RewardContext(language="zh"))(on("我爱海", "我爱山")) > 0.6
    assert "tokens:ascii" in make_reward("rouge", RewardContext(language="en")).signature


def test_ter_by_hand():
    reward = make_reward("ter")
    assert reward(on("a grey sea", "a grey sea")) == 0.0
    assert reward(on("a blue sea", "a grey sea")) == pytest.approx(1 / 3, abs=EXACT)  # a substitution
    assert reward(on("a grey", "a grey sea")) == pytest.approx(1 / 3, abs=EXACT)  # an insertion
    assert reward(on("sea the a grey and", "a grey and sea the")) == pytest.approx(
        1 / 5, abs=EXACT
    )  # a shift
    assert reward(on("x y", "one two three four", "x z")) == pytest.approx(
        1 / 3, abs=EXACT
    )  # per mean length
    assert reward(on("x " * 99, "sea")) == 10.0
    assert make_reward({"id": "ter", "case_sensitive": True})(on("Sea", "sea")) == 1.0
    assert make_reward({"id": "ter", "no_punct": True})(on("sea!", "sea")) == 0.0


@given(text=sentences, references=st.lists(sentences.filter(bool), min_size=1, max_size=2))
def test_ter_is_sacrebleus_bounded(text, references):
    expected = TER().sentence_score(text, references).score / 100
    assert make_reward("ter")(on(text, *references)) == pytest.approx(min(10.0, expected), abs=EXACT)


def test_edit_distance():
    characters, words = (make_reward({"id": "edit_distance", "unit": u}) for u in ("characters", "words"))
    assert characters(on("kitten", "sitting")) == pytest.approx(1 - 3 / 7, abs=EXACT)
    assert characters(on("kitten", "", "mitten")) == pytest.approx(5 / 6, abs=EXACT)
    assert characters(on("", "")) == 1.0
    assert characters(on("e\u0301", "\u00e9")) == 1.0
    assert words(on("The sea, is grey", "the sea was grey")) == pytest.approx(3 / 4, abs=EXACT)
    assert make_reward({"id": "edit_distance", "lowercase": True})(on("SEA", "sea")) == 1.0


def squad_f1(text, reference):
    """The F1 of SQuAD's evaluation script."""

    def words(text):
        text = re.sub(r"[^\w\s]", "", text.lower())
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    first, second = words(text), words(reference)
    common = sum((Counter(first) & Counter(second)).values())
    if not first or not second:
        return float(first == second)
    precision, recall = common / len(first), common / len(second)
    return 2 * precision * recall / (precision + recall) if common else 0.0


@given(text=sentences, references=st.lists(sentences, min_size=1, max_size=3))
def test_token_f1_is_squads(text, references):
    expected = max(squad_f1(text, reference) for reference in references)
    assert make_reward("token_f1")(on(text, *references)) == pytest.approx(expected, abs=EXACT)


def test_token_f1_by_hand():
    assert make_reward("token_f1")(on("the cat sat", "a cat ran")) == pytest.approx(1 / 2, abs=EXACT)
    with_articles = make_reward({"id": "token_f1", "articles": True})
    assert with_articles(on("the cat sat", "the cat ran")) == pytest.approx(2 / 3, abs=EXACT)


def test_copy_penalty():
    reward = make_reward("copy_penalty")
    source = "An old man walks to the sea and sings."
    # "walks to the" and "to the sea" are copied: 4 of 7 words.
    assert reward(on("She walks to the sea, to swim", source=source)) == pytest.approx(4 / 7, abs=EXACT)
    assert reward(on(source, source=source)) == 1.0
    assert reward(on("the man, the sea", source=source)) == 0.0
    assert reward(on("", source=source)) == 0.0
    single = make_reward({"id": "copy_penalty", "n": 1})
    assert single(on("the green sea", source=source)) == pytest.approx(2 / 3, abs=EXACT)
    to_references = make_reward({"id": "copy_penalty", "of": "references"})
    assert to_references(on("a b c x", "a b c", "b c x y", source=source)) == pytest.approx(3 / 4, abs=EXACT)


def test_keyword_coverage():
    from_example = make_reward("keyword_coverage")
    assert from_example(on("The SEA, the sea", words=["sea", "boat"])) == 0.5
    assert from_example(on("season", words=["sea"])) == 0.0
    given_words = make_reward({"id": "keyword_coverage", "keywords": ["old man", "sea", "gull"]})
    assert given_words(on("The old man and the sea")) == pytest.approx(2 / 3, abs=EXACT)
    topics = make_reward({"id": "keyword_coverage", "key": "topics"})
    assert topics(on("rain", topics=("rain",))) == 1.0
    with pytest.raises(RewardError, match=r"needs a list of words .*metadata\['topics'\], got 'rain'"):
        topics(on("rain", topics="rain"))
    for words in ([], ["sea", "?!"]):
        with pytest.raises(ValueError, match=r"'keyword_coverage': keywords(=\[\] is empty| holds '\?!')"):
            make_reward({"id": "keyword_coverage", "keywords": words})
    with pytest.raises(ValueError, match=r"key='topics': the examples have no list .*they have words"):
        make_reward({"id": "keyword_coverage", "key": "topics"}, RewardContext(lists=["words"]))


@pytest.mark.parametrize(
    ("options", "text", "score"),
    [
        ({"target": 4}, "one two three four", 1.0),
        ({"target": 4}, "one two three", 0.75),
        ({"target": 4}, "one two three four five six", 0.5),
        ({"target": 4}, "", 0.0),
        ({"target": 4, "width": 0.5}, "one two three", 0.5),
        ({"target": 10, "unit": "characters"}, "12345", 0.5),
        ({}, "one two three", 1.0),  # the second reference
        ({}, "one two three four", 2 / 3),
    ],
)
def test_length_target(options, text, score):
    reward = make_reward({"id": "length_target", **options})
    assert reward(on(text, "a", "b b b")) == pytest.approx(score, abs=EXACT)


def test_length_target_in_tokens():
    reward = make_reward({"id": "length_target", "target": 4, "unit": "tokens"})
    assert not reward.needs_text
    assert reward(Episode(Example(""), "never read", (5, 6, 0))) == 0.75
    with pytest.raises(ValueError, match="unit='tokens' needs a target"):
        make_reward({"id": "length_target", "unit": "tokens"})


@pytest.mark.parametrize("reward_id", ["rouge", "ter", "edit_distance", "token_f1", "length_target"])
def test_references_are_asked_for_early(reward_id):
    with pytest.raises(ValueError, match=f"reward '{reward_id}' needs references"):
        make_reward(reward_id, RewardContext(has_references=False))
    with pytest.raises(RewardError, match=f"{reward_id} needs"):
        make_reward(reward_id)(on("text"))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"id": "rouge", "variant": "3"}, "unknown variant='3'; '1', '2' or 'l'"),
        ({"id": "rouge", "measure": "f1"}, "unknown measure='f1'"),
        ({"id": "rouge", "tokens": "bpe"}, "unknown tokens='bpe'"),
        ({"id": "ter", "limit": 0.0}, "limit is a number above 0"),
        ({"id": "edit_distance", "unit": "lines"}, "unknown unit='lines'"),
        ({"id": "copy_penalty", "n": 0}, "n is a whole number from 1, got 0"),
        ({"id": "copy_penalty", "of": "train"}, "unknown of='train'"),
        ({"id": "length_target", "target": 0}, "target is a whole number from 1, got 0"),
        ({"id": "length_target", "width": -1.0}, "width is a share above 0"),
        ({"id": "length_target", "unit": "lines"}, "unknown unit='lines'"),
    ],
)
def test_an_option_out_of_range_is_named_with_its_value(spec, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        make_reward(spec)
