"""Classes of words, the skeleton of sentences, and the corruptions that fluency learns from."""

from __future__ import annotations

from random import Random

import pytest

from llm_envs.data import load_corpus
from llm_envs.rewards.grammar.corruptions import CORRUPTIONS, Stock
from llm_envs.rewards.grammar.discriminator import Discriminator
from llm_envs.rewards.grammar.features import Onsets, Typical
from llm_envs.rewards.grammar.lexicon import english, paradigms
from llm_envs.rewards.grammar.word_classes import WordClasses
from llm_envs.tokenizers.words import is_word, tokens_of

TRAIN = [tokens_of(example.references[0]) for example in load_corpus("poems").split("train")]
CLASSES = WordClasses(TRAIN)


def tagged(text: str) -> list[tuple[str, str]]:
    tokens = tokens_of(text)
    return list(zip(tokens, CLASSES(tokens)[1], strict=True))


@pytest.mark.parametrize(
    ("word", "classes"),
    [
        ("running", {"G"}),
        ("stopped", {"D", "F"}),
        ("wrote", {"D"}),
        ("written", {"F"}),
        ("children", {"P"}),
        ("loaves", {"P"}),
        ("bigger", {"K"}),
        ("goes", {"Z"}),
        ("blorping", {"G", "N"}),
        ("zebra's", {"PG", "CZ"}),
        ("1984", {"NU", "OR"}),
    ],
)
def test_a_word_has_the_classes_of_its_form(word, classes):
    assert set(english().classes(word)) == classes


def test_forms_of_a_word_know_each_other():
    assert paradigms()["goes", "Z"]["D"] == "went"
    assert paradigms()["mice", "P"]["N"] == "mouse"


def test_neighbours_decide_between_the_classes_of_a_word():
    assert dict(tagged("They walk home."))["walk"] == "V"
    assert dict(tagged("The walk was long."))["walk"] == "N"
    assert dict(tagged("The dog that barked left."))["that"] == "WP"


def test_function_words_are_items_and_rare_words_are_their_class():
    items, classes = CLASSES(tokens_of("The heron of the glockenspiel"))
    assert items[0] == "the"
    assert items[1] == classes[1] == "N"
    assert items[2] == "of"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("The old dog sleeps in the sun.", "N+ Zi pp ."),
        ("She took the red coat, and he laughed.", "PH Dt N+ , CC PH Di ."),
        ("She just the wind.", "PH N+ ."),
        ("He kept a stones.", "PH Dt P! ."),
        ("It stood on the and fell.", "PH Di DT! CC Di ."),
    ],
)
def test_a_skeleton_has_the_parts_of_a_sentence(text, parts):
    tokens = tokens_of(text)
    assert " ".join(CLASSES.skeleton(tokens, CLASSES(tokens)[1])) == parts


def test_texts_are_english_by_the_words_of_the_list():
    assert CLASSES.is_english
    assert not WordClasses([tokens_of("der alte Hund schläft in der Sonne")] * 3).is_english


def test_onsets_are_learned_from_the_texts():
    onsets = Onsets([*[["a", "dog"]] * 30, *[["an", "owl"]] * 30, *[["the", "owl"], ["the", "dog"]] * 30])
    assert onsets.wrong(["a", "owl", "the", "owl", "an", "owl"]) == 1
    assert onsets.wrong(["an", "dog", "a", "dog"]) == 1


@pytest.mark.parametrize("kind", list(CORRUPTIONS))
def test_a_corruption_changes_texts_and_repeats_itself(kind):
    stock = Stock(TRAIN, CLASSES.is_function_word)
    corrupt = CORRUPTIONS[kind]
    made = [corrupt(tokens, Random(5), stock) for tokens in TRAIN[:50]]
    assert made == [corrupt(tokens, Random(5), stock) for tokens in TRAIN[:50]]
    changed = [new != old for new, old in zip(made, TRAIN[:50], strict=True)]
    assert sum(changed) >= 45
    assert all(any(map(is_word, new)) for new in made)


def test_a_discriminator_finds_the_fault_and_gives_no_merits():
    rng = Random(1)
    rows = [(rng.random(), rng.random() + (i % 2), -rng.random()) for i in range(400)]
    found = Discriminator.fit(rows, [i % 2 == 0 for i in range(400)], [1.0] * 400)
    assert found.weights[1] < -1.0
    assert max(found.weights) <= 0.0
    assert found((0.5, 0.2, -0.5)) > 0.0 > found((0.5, 1.8, -0.5))


def test_distances_grow_on_both_sides_of_the_typical():
    typical = Typical.of([(float(i),) for i in range(101)])
    low, middle, high = (typical.features((value,)) for value in (-200.0, 50.0, 300.0))
    assert low[0] > middle[0] > high[0] == 0.0
    assert high[1] > middle[1] > low[1] == 0.0
