"""`sentences` reads English by rules: what is a sentence costs nothing, what is broken costs."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from random import Random
from statistics import fmean

import gymnasium as gym
import pytest

from llm_benchmarks.rewards.search import joined
from llm_benchmarks.rewards.word_salad import Salad
from llm_envs.data import load_corpus
from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardContext, make_reward
from llm_envs.rewards.syntax.meanings import meanings
from llm_envs.rewards.syntax.readings import lists
from llm_envs.tokenizers.words import tokens_of

POEMS = load_corpus("poems")
TEST = list(POEMS.split("test"))
TRAIN = list(gym.make("TextGen-v0", split="test", reward="distinct").unwrapped.task.train_texts())
FORTY = Path(__file__).with_name("forty_poems.jsonl")

# None of them stands in the poems.
SENTENCES = [
    "The old man walks to the river, and his dogs follow him.",
    "When the rain had stopped we went out and looked for the ball.",
    "She said the kettle was too loud to hear the radio.",
    "The letter that you wrote me is still under my pillow.",
    "I know where the children hide, but I never tell.",
    "Give your brother the bigger half.",
    "Was it the wind or the neighbour's cat?",
    "Nobody came, so he ate all of the soup himself.",
    "Down the hill came three goats and a very small boy.",
    "My aunt's hat, which she never wears, hangs by the door.",
    "They have been waiting at the station since noon.",
    "Good night, says the lamp to the moth.",
    "He let me hold the rope until we reached the shore.",
    "It wasn't the bread I had bought.",
    "All afternoon we sat there watching the boats.",
]

# A sentence, and the same with one fault.
FAULTS = [
    ("The dogs follow him home.", "The dogs follows him home."),
    ("She waits at the gate.", "She wait at the gate."),
    ("He was looking for a key.", "He was looking for a keys."),
    ("These boats are new.", "These boat are new."),
    ("The cat sleeps on the chair.", "The cat sleeps the on chair."),
    ("We put the bread on the table.", "We put the on the table."),
    ("He has taken the map.", "He has take the map."),
    ("They must swim.", "They must swims."),
    ("He came in and sat down.", "He came in and sits down."),
    ("Who heard the bell?", "Who heard the bell."),
    ("A hat lies on the chair.", "A hat lies on the aunt."),
    ("The boat he built is old.", "The boat he slept is old."),
    ("The noon was hot.", "The noon was the wind."),
    ("You must see him.", "You must saw him."),
    ("The dog runs.", "Dog runs."),
    ("I don't see the child.", "I don't the child."),
    ("I'd hidden the nail.", "I'd the nail."),
    ("All plates fell.", "All plate fell."),
    ("When the gull sat down, it slept.", "When the gull sat down."),
    ("When it sees us, it hides.", "When and sees us, it hides."),
    ("The man then looked up.", "The man so looked up."),
    ("He put it down, and he cries.", "He put it down, and cry."),
]


def episode(text: str, *asked: str) -> Episode:
    return Episode(Example("", (), {"words": asked} if asked else {}), text)


@pytest.fixture(scope="module")
def sentences():
    return make_reward("sentences", RewardContext(train_texts=lambda: TRAIN, language="en"))


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_is_a_sentence(sentences, text):
    assert sentences(episode(text)) >= 0.95


@pytest.mark.parametrize(("right", "wrong"), FAULTS)
def test_a_fault_costs(sentences, right, wrong):
    assert sentences(episode(right)) > sentences(episode(wrong))


def test_what_a_text_says_again_costs(sentences):
    once = "The shawl lies on the bed, the cousin sleeps in a chair, and we wait."
    again = "The shawl lies on the bed, the shawl lies on the bed, and we wait."
    assert sentences(episode(once)) >= 0.95
    assert sentences(episode(again)) < 0.8


def test_lines_may_begin_alike_only_in_a_list(sentences):
    lines = [
        "Here is the bank that my uncle robbed.",
        "Here is the hall where they danced.",
        "Here is a road without any lights.",
        "Here is nobody you know.",
    ]
    a_list, broken = "\n".join(lines), "\n".join([lines[0], lines[1], "Now I wait.", *lines[2:]])
    assert sentences(episode(a_list)) > sentences(episode(broken))


def test_a_requested_word_has_to_be_used_as_the_word_that_it_is(sentences):
    text = "The dogs follows him home, and the cat sat under the table all day."
    assert sentences(episode(text, "follows")) < 0.5 < sentences(episode(text, "table"))
    right = text.replace("follows", "follow")
    assert sentences(episode(right, "follow")) == sentences(episode(right))


def test_phrases_without_a_verb_are_no_poem(sentences):
    assert sentences(episode("Late the child.\nLate the roll.\nLate the loaf.\nLate the prints.")) < 0.2
    assert sentences(episode("Tooth.\nOne coin.\nNow she pulls\nat the others.")) > 0.9


def test_texts_that_learners_wrote_for_earlier_rewards_earn_little(sentences):
    written = [
        "My umbrella on the mother,\nand one shape of the shape of the shoes."
        "\nThat's on the cousin.\nThat's on the cousin.",
        "My lie lie lie the stiff,\nof the flute,\nand lie on the legs, the cousin, the cousin, the cousin",
        "The pond is the spring.\nThe noon was the wind, and the worm.",
        "The want in the cat, a running the wind.\nShe took the running. Now feet.",
        "I painted the told, all polite, all knock.\nI don't the child. She's dry.",
        "When and sees on the stairs.\nWhen I'd his string.\nWhen I'd bit.",
    ]
    assert fmean(sentences(episode(text)) for text in written) < 0.2


def test_forty_poems_that_nothing_else_has_used_are_read(sentences):
    rows = map(json.loads, FORTY.read_text(encoding="utf-8").splitlines())
    assert fmean(sentences(episode(row["text"])) for row in rows) >= 0.9


@pytest.mark.parametrize("kind", ["agreement broken", "words exchanged across classes", "lines backwards"])
def test_unseen_references_score_above_their_corruptions(sentences, kind):
    corrupt, rng, above = Salad(TRAIN).held_out()[kind], Random(kind), []
    for example in TEST[::3]:
        tokens = tokens_of(example.references[0])
        broken = corrupt(tokens, rng)
        if broken != tokens:
            above.append(sentences(episode(example.references[0])) > sentences(episode(joined(broken))))
    assert fmean(above) > 0.85


def test_a_score_does_not_depend_on_texts_scored_before(sentences):
    texts = [example.references[0] for example in TEST[:40]]
    fresh = pickle.loads(pickle.dumps(sentences))
    assert [sentences(episode(text)) for text in texts] == [fresh(episode(text)) for text in reversed(texts)][
        ::-1
    ]


@pytest.mark.parametrize("text", ["", "\n", ".", "?!", ", ,"])
def test_a_text_without_words_scores_0(sentences, text):
    assert sentences(episode(text)) == 0.0


def test_other_languages_are_refused():
    german = [f"der alte mann geht heute um {hour} nach hause ." for hour in range(30)]
    with pytest.raises(ValueError, match="the grammar of English"):
        make_reward("sentences", RewardContext(train_texts=lambda: german, language="de"))


def test_the_lists_hold_one_reading_of_a_noun_and_known_marks():
    assert meanings()["mice"] == "animal"
    assert meanings()["shelves"] == "furniture"
    assert {"telling", "giving", "causing", "watching", "linking"} <= set(lists())


@pytest.mark.parametrize(("env_id", "has_rules"), [("TextGen-v0", True), ("TextGen-Script-v0", False)])
def test_poems_are_read_by_rules_and_scripts_are_not(env_id, has_rules):
    signature = gym.make(env_id).unwrapped.task.reward.signature
    assert signature.startswith("verse(") is has_rules
    assert ("sentences|" in signature) is has_rules
