"""Requests to practise on that have no poem yet."""

from __future__ import annotations

import pytest

from llm_envs.data import load_corpus
from llm_envs.data.bundled.requests import content_words


@pytest.fixture(scope="module")
def fresh():
    return [e for e in load_corpus("poem-requests").split("train") if not e.references]


def test_only_the_train_split_has_more(fresh):
    poems, more = load_corpus("poems"), load_corpus("poem-requests")
    assert len(fresh) == 4000
    assert tuple(more.split("train"))[: len(poems.split("train"))] == tuple(poems.split("train"))
    for split in ("validation", "test"):
        assert tuple(more.split(split)) == tuple(poems.split(split))
    assert more.train_texts() == poems.train_texts()


def test_none_is_asked_for_in_another_split_or_twice(fresh):
    corpus = load_corpus("poem-requests")
    sources = [e.source for split in ("train", "validation", "test") for e in corpus.split(split)]
    assert len(set(sources)) == len(sources)


def test_no_poem_to_paste_answers_one(fresh):
    poems = load_corpus("poems").split("train")
    used = [set(content_words(text)) for text in {e.references[0] for e in poems}]
    forms, topics = {e.metadata["form"] for e in poems}, {e.metadata["topic"] for e in poems}
    for example in fresh:
        asked = set(example.metadata["words"])
        assert len(asked) == 3
        assert example.metadata["form"] in forms
        assert example.metadata["topic"] in topics
        assert not [words for words in used if asked <= words]
