from collections import Counter

import pytest

from llm_envs.data import SPLITS, DataError, load_corpus
from llm_envs.data.packages.chat import ALTERNATIVES, SUBJECTS, Exchange, filter_report, objection
from llm_envs.data.packages.chatterbot import RUDE, read_conversations
from llm_envs.data.packages.en_it import is_sound
from llm_envs.data.splitting import normalise_source


def examples_of(name):
    return [example for split in SPLITS for example in load_corpus(name).split(split)]


def exchange(source, reply):
    return Exchange("ai", source, (), source, reply)


@pytest.mark.parametrize(
    ("source", "reply", "why"),
    [
        ("Do you know rain", "what is rain", "echo of a pattern, no reply"),
        ("Tell me", "tell me", "echo of a pattern, no reply"),
        ("How far is it", "it", "torn or garbled"),
        ("What are you", "I am superintelligent.", "boasts"),
        ("Do you like guns?", "No.", "rude"),
        ("What soccer", "A game.", "torn from a pattern"),
        ("What is rain?", "What is it like outside?", None),
        ("Good morning, how are you?", "I am doing well, how about you?", None),
    ],
)
def test_filters(source, reply, why):
    assert objection(exchange(source, reply)) == why


def test_what_the_filters_leave_out_is_counted():
    report = filter_report()
    assert report["kept"] > 700
    assert all(report[why] > 0 for why in ("rude", "boasts", "torn or garbled"))


def test_nothing_rude_or_empty_is_left():
    for example in examples_of("chat"):
        for text in (example.source, *example.references):
            assert text.strip()
            assert not RUDE.search(text)
            assert text == " ".join(text.split())


def test_examples_are_distinct_and_so_are_their_replies():
    examples = examples_of("chat")
    asked = Counter(
        (*map(normalise_source, e.metadata["history"]), normalise_source(e.source)) for e in examples
    )
    assert max(asked.values()) == 1
    for example in examples:
        assert len(set(map(normalise_source, example.references))) == len(example.references)


def test_several_replies_are_several_references():
    greeting = next(e for e in examples_of("chat") if e.source == "Hi, How is it going?")
    assert len(greeting.references) >= 5


def test_longer_talks_keep_their_history():
    turns = [e for e in examples_of("chat") if len(e.metadata["history"]) >= 2]
    assert len(turns) >= 20
    talks = {
        tuple(talk)
        for subject in SUBJECTS
        if subject not in ALTERNATIVES
        for talk in read_conversations("english", subject)
    }
    for example in turns:
        said = (*example.metadata["history"], example.source)
        assert any(talk[: len(said)] == said for talk in talks)


def test_alternatives_are_not_taken_for_turns():
    replies = [e for e in examples_of("chat") if e.metadata["subject"] in ALTERNATIVES]
    assert replies
    assert not any(example.metadata["history"] for example in replies)


def test_scalars_are_read_as_text():
    replies = {reply for e in examples_of("chat") for reply in e.references}
    assert {"No.", "1963"} <= replies
    assert not {"True", "False", "None"} & replies


def test_a_file_that_is_gone_is_named():
    with pytest.raises(DataError, match=r"has no file english/nothing\.yml any more"):
        read_conversations("english", "nothing")


def test_aligned_pairs_are_translations():
    examples = examples_of("en-it")
    assert len(examples) > 650
    for example in examples:
        assert example.references
        assert all(is_sound(example.source, reference) for reference in example.references)
    by_source = {example.source: example.references for example in examples}
    assert "Non ho paura." in by_source["I have no fear."] or any(
        "paura" in reference for reference in by_source["I have no fear."]
    )


@pytest.mark.parametrize(
    ("source", "target"), [("Thomas", "thomas"), ("it", "esso"), ("one", "una frase molto lunga")]
)
def test_pairs_that_are_no_translations_are_left_out(source, target):
    assert not is_sound(source, target)
