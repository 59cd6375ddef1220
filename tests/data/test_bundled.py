import re
from collections import Counter, defaultdict

import pytest

from llm_envs.data import SPLITS, load_corpus
from llm_envs.data.bundled.reader import read_rows
from llm_envs.data.bundled.requests import content_words
from llm_envs.data.overlap import four_grams
from llm_envs.data.splitting import normalise_source

WRITTEN = ("poems", "scripts", "code")
PINNED = {
    "poems": "adb3ee61bfede1b5a34ba43b61fc71b028c429ac869774832d683688a4e16507",
    "scripts": "6129b69bfd7a985b549429aa622e1dcfd28afd38b805af2e3064bda582d06a37",
    "code": "b3b8128fdb9d4e97108d89f1592a5455ada8db7a29c464505ef7c5a9716a56f9",
}
"""Whoever changes a bundled text changes its hash here, and says so in the changelog."""


def examples_of(name):
    corpus = load_corpus(name)
    return [example for split in SPLITS for example in corpus.split(split)]


@pytest.mark.parametrize("name", WRITTEN)
def test_the_content_is_the_pinned_one(name):
    assert load_corpus(name).content_hash == PINNED[name]


@pytest.mark.parametrize("name", [*WRITTEN, "chat", "en-it"])
def test_sources_and_groups_stand_in_one_split_only(name):
    corpus = load_corpus(name)

    def asked(example):
        return (*example.metadata.get("history", ()), normalise_source(example.source))

    for key in (lambda e: e.metadata.get("group", asked(e)), asked):
        found = [{key(example) for example in corpus.split(split)} for split in SPLITS]
        assert sum(map(len, found)) == len(set().union(*found))


@pytest.mark.parametrize(
    ("name", "least"),
    [("poems", 200), ("chat", 200), ("en-it", 200), ("scripts", 100), ("code", 50)],
)
def test_the_test_split_is_large_enough(name, least):
    assert load_corpus(name).sizes["test"] >= least


def test_no_two_pieces_share_half_of_their_4grams():
    pieces = [row["text"] for name in ("poems", "scripts") for row in read_rows(name)]
    pieces += [f"{row['docstring']}\n{row['body']}" for row in read_rows("code")]
    grams = [four_grams(piece) for piece in pieces]
    pieces_with = defaultdict(list)
    for index, found in enumerate(grams):
        for gram in found:
            pieces_with[gram].append(index)
    shared = Counter((a, b) for found in pieces_with.values() for i, b in enumerate(found) for a in found[:i])
    alike = [
        (pieces[a], pieces[b])
        for (a, b), count in shared.items()
        if count >= 0.5 * min(len(grams[a]), len(grams[b]))
    ]
    assert alike == []


@pytest.mark.parametrize(("name", "count"), [("poems", 300), ("scripts", 100), ("code", 200)])
def test_there_are_as_many_pieces_as_promised_and_all_differ(name, count):
    rows = read_rows(name)
    assert len(rows) >= count
    texts = [row["body"] if name == "code" else row["text"] for row in rows]
    assert len({normalise_source(text) for text in texts}) == len(rows)


@pytest.mark.parametrize("name", ["poems", "scripts"])
def test_references_use_the_words_asked_for(name):
    for example in examples_of(name):
        used = set(content_words(example.references[0]))
        assert set(example.metadata["words"]) <= used
        assert all(word in example.source for word in example.metadata["words"])


@pytest.mark.parametrize("name", ["poems", "scripts"])
def test_no_word_is_asked_for_often(name):
    examples = examples_of(name)
    asked = Counter(word for example in examples for word in example.metadata["words"])
    assert max(asked.values()) <= 0.025 * len(examples)


@pytest.mark.parametrize("name", ["poems", "scripts"])
def test_words_asked_for_occur_in_train(name):
    corpus = load_corpus(name)
    known = {word for text in corpus.train_texts() for word in content_words(text)}
    for split in ("validation", "test"):
        assert all(set(example.metadata["words"]) <= known for example in corpus.split(split))


def test_poem_requests_are_plain_and_name_everything():
    forms = set()
    for example in examples_of("poems"):
        form, topic, words = (example.metadata[key] for key in ("form", "topic", "words"))
        assert example.source == f"{form} about {topic} : {' , '.join(words)}".lower()
        assert 2 <= len(words) <= 3
        forms.add(form)
    assert len(forms) == 8


def test_most_poems_are_asked_for_by_three_words():
    sizes = Counter(len(example.metadata["words"]) for example in examples_of("poems"))
    assert sizes[3] >= 0.97 * sum(sizes.values())


def test_script_requests_name_setting_characters_and_topic():
    for example in examples_of("scripts"):
        metadata = example.metadata
        assert metadata["form"] == "script"
        setting, people, topic, words = example.source.split(" | ")
        assert setting == metadata["setting"]
        assert people.upper().split(" , ") == metadata["characters"]
        assert (topic, words.split(" , ")) == (metadata["topic"].lower(), metadata["words"])
        cues = set(re.findall(r"^([A-Z][A-Z .'-]*):", example.references[0], re.MULTILINE))
        assert cues <= set(metadata["characters"])


def test_code_bodies_pass_their_tests():
    for example in examples_of("code"):
        program = example.source + example.references[0] + "\n"
        names: dict = {}
        exec(compile(program, example.metadata["name"], "exec"), names)
        for statement in example.metadata["tests"]:
            exec(statement, names)
        assert example.metadata["tests"]
