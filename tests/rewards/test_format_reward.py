"""Formats: patterns, JSON, verse and scripts, against other readings of them and by hand."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import jsonschema
import pytest

from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardError, make_reward
from llm_envs.rewards.forms import script_score

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
COUPLET = "The cat sat down upon the mat\nand wore a green and silver hat"
HAIKU = "the old quiet pond\na frog jumps into the pond\nsplash silence again"


def on(text, **metadata):
    return Episode(Example("", (), metadata), text)


def score(text, **options):
    return make_reward({"id": "format", **options})(on(text))


@pytest.mark.parametrize("text", ["12:30", "12:3", "", "12:30\n", "at 12:30"])
def test_a_pattern_matches_the_whole_text(text):
    pattern = r"\d\d:\d\d"
    assert score(text, kind="regex", pattern=pattern) == float(re.fullmatch(pattern, text) is not None)


def test_a_pattern_that_takes_too_long_is_an_error():
    with pytest.raises(RewardError, match="took more than 1 s"):
        score("a" * 40 + "!", kind="regex", pattern=r"(?:(a+)(?=.*\1))+b?c")


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ada"}',
        '{"name": "Ada", "age": 36}',
        '{"age": 36}',
        '{"name": 7}',
        '{"name": "a", "b": 1}',
        "[]",
    ],
)
def test_json_fits_a_schema(text):
    expected = float(jsonschema.Draft202012Validator(SCHEMA).is_valid(__import__("json").loads(text)))
    assert score(text, kind="json", schema=SCHEMA) == expected


@pytest.mark.parametrize("text", ["", "{", "NaN", "{'name': 'Ada'}", "[" * 100_000])
def test_other_texts_are_no_json(text):
    assert score(text, kind="json", schema={}) == 0.0
    assert score('{"any": 1}', kind="json", schema={}) == 1.0


def test_a_schema_fetches_nothing():
    with pytest.raises(RewardError, match="Unresolvable"):
        score("{}", kind="json", schema={"$ref": "http://127.0.0.1:9/schema.json"})


@pytest.mark.parametrize(
    ("text", "rhyme", "expected"),
    [
        (COUPLET, "AA", 1.0),
        (COUPLET, "AB", 0.0),
        ("the cat\nthe cat", "AA", 0.0),  # a word does not rhyme with itself
        ("the cat\nthe hat\nthe sea\nto be", "AABB", 1.0),
        ("the cat\nthe hat\nthe sea\nthe wall", "AABB", 3 / 4),  # 1 of 2 rhymes; all of 4 others
        ("the cat\nthe sea\nthe hat\nthe wall", "A-A-", 1.0),
        ("the cat\nthe hat\nthe mat", "AA", 2 / 3),  # a line too many
        ("the cat", "AA", 0.0),
        ("", "AA", 0.0),
    ],
)
def test_rhyme(text, rhyme, expected):
    assert score(text, kind="verse", rhyme=rhyme) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "syllables", "expected"),
    [
        (HAIKU, [5, 7, 5], 1.0),
        (HAIKU, [5, 7, 4], (1 + 1 + 4 / 5) / 3),
        (HAIKU, [5, 7], 2 / 3),
        ("blorfle", [2], 1.0),  # not in the dictionary: by its vowels, without the last e
        ("the sea", [4], 1 / 2),
    ],
)
def test_syllables(text, syllables, expected):
    assert score(text, kind="verse", syllables=syllables) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "foot", "expected"),
    [
        ("a window shall arrive", "iamb", 1.0),  # a WIN-dow shall ar-RIVE
        ("the window arrives", "iamb", 3 / 5),  # ar-RIVES stands the wrong way round
        ("upon a hill", "iamb", 1.0),
        ("upon a hill", "trochee", 1 / 2),
        ("silver water", "trochee", 1.0),
        ("poetry", "dactyl", 1.0),
    ],
)
def test_metre(text, foot, expected):
    assert score(text, kind="verse", foot=foot) == pytest.approx(expected, abs=1e-9)


def test_demands_are_multiplied():
    text = "upon a hill\nthe water still"
    assert score(text, kind="verse", rhyme="AA", syllables=[4, 5], foot="iamb") == pytest.approx(
        score(text, kind="verse", rhyme="AA")
        * score(text, kind="verse", syllables=[4, 5])
        * score(text, kind="verse", foot="iamb"),
        abs=1e-9,
    )


def test_a_script_has_the_characters_of_its_request():
    text = "The door opens.\nADA: Come in.\nBEN: Thank you."
    reward = make_reward({"id": "format", "kind": "script"})
    assert reward(on(text, characters=["Ada", "Ben"])) == script_score(text, ["Ada", "Ben"]) == 1.0
    assert score(text, kind="script", characters=["Ada"]) == script_score(text, ["Ada"])
    with pytest.raises(RewardError, match="needs a list of characters"):
        reward(on(text))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "xml"}, "unknown kind='xml'; 'regex', 'json', 'verse', 'script'"),
        ({"kind": "regex"}, "kind='regex' needs pattern"),
        ({"kind": "json"}, "kind='json' needs schema"),
        ({"kind": "verse"}, "needs rhyme, syllables or foot"),
        ({"kind": "regex", "pattern": "("}, "is no regular expression"),
        ({"kind": "json", "schema": {"type": "thing"}}, "schema is no JSON schema"),
        ({"kind": "json", "schema": {}, "rhyme": "AA"}, "belongs to kind='verse', not to kind='json'"),
        ({"kind": "verse", "rhyme": "A"}, "has one letter for each of two lines or more"),
        ({"kind": "verse", "syllables": [5, 0]}, "has a number from 1 for each line"),
        ({"kind": "verse", "foot": "spondee"}, "unknown foot='spondee'"),
        ({"kind": "verse", "rhyme": "AA", "syllables": [5]}, "are of different lengths"),
        ({"kind": "script", "characters": []}, "names nobody"),
    ],
)
def test_options_that_cannot_be_used_are_named(options, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        make_reward({"id": "format", **options})


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "regex", "pattern": "a+"},
        {"kind": "json", "schema": SCHEMA},
        {"kind": "verse", "rhyme": "AA", "syllables": [4, 4]},
        {"kind": "script", "characters": ["Ada"]},
    ],
)
def test_it_pickles_and_names_its_options(options):
    reward = make_reward({"id": "format", **options})
    again = pickle.loads(pickle.dumps(reward))
    assert again.signature == reward.signature
    assert again(on("aaa")) == reward(on("aaa"))
    assert f"kind:{options['kind']}" in reward.signature


@pytest.mark.parametrize(
    ("module", "spec", "extra"),
    [
        ("jsonschema", {"id": "format", "kind": "json", "schema": {}}, "formats"),
        ("pronouncing", {"id": "format", "kind": "verse", "rhyme": "AA"}, "formats"),
        ("profanity_check", "toxicity", "toxicity"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(module, spec, extra):
    code = f"""
import sys
sys.modules[{module!r}] = None
from llm_envs.rewards import make_reward
try:
    make_reward({spec!r})
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"pip install 'llm-envs[{extra}]'" in done.stdout, done.stderr


def test_toxicity():
    reward = make_reward("toxicity")
    nice, rude = on("You are a lovely person."), on("You stupid idiot.")
    assert reward(nice) < 0.1
    assert reward(rude) > 0.9
    assert reward(on(" ")) == 0.0
    from profanity_check import predict_prob

    expected = predict_prob([nice.text, rude.text])
    assert reward.score_batch([nice, rude])[0] == pytest.approx(list(expected), abs=1e-9)
    assert reward.score_batch([])[0] == []
    assert reward.signature.startswith("toxicity|alt-profanity-check:")
