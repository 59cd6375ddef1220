"""Home Assistant's translation files: from a wheel to pairs to examples."""

from __future__ import annotations

import json
import zipfile

import pytest
from fake_assets import Copy, asset_of, make_wheel

from llm_envs.assets import ASSETS, fetch
from llm_envs.assets.ui_strings import convert_homeassistant
from llm_envs.data import DataError, catalogue, load_corpus
from llm_envs.data.packages.homeassistant import is_sentence, is_sound

PLACE = "homeassistant/components"


def all_of(corpus):
    """Every split's examples, of splits that may be empty."""
    return corpus._loaded()


def strings(count: int, word: str) -> dict:
    return {"config": {"step": {f"key_{i}": f"{word} {i} {'long ' * (i % 3)}enough." for i in range(count)}}}


@pytest.fixture
def fake(home, tmp_path, monkeypatch):
    """The asset `homeassistant`, with two integrations and few languages."""
    tables = {
        f"{PLACE}/alarm/translations/en.json": {"title": "The alarm", "state": {"on": "It is on now."}},
        f"{PLACE}/alarm/translations/de.json": {"title": "Der Alarm", "state": {"on": "Er ist jetzt an."}},
        f"{PLACE}/lamp/translations/en.json": {"state": {"on": "It is on now."}, "only": "Only in English."},
        f"{PLACE}/lamp/translations/de.json": {"state": {"on": "Sie ist jetzt an."}},
        f"{PLACE}/lamp/translations/zh-Hans.json": {"state": {"on": "现在已经开启。"}},
        f"{PLACE}/many/translations/en.json": strings(60, "The number"),
        f"{PLACE}/many/translations/de.json": strings(60, "Die Zahl"),
        f"{PLACE}/none/translations/de.json": {"title": "Kein Englisch"},
    }
    files = {name: json.dumps(table).encode() for name, table in tables.items()}
    wheel = make_wheel(tmp_path / "ha", files)
    convert = "llm_envs.assets.ui_strings:convert_homeassistant"
    made = asset_of(wheel, {}, name="homeassistant", convert=convert)
    monkeypatch.setitem(ASSETS, "homeassistant", made)
    monkeypatch.setattr(catalogue, "OPEN_CORPORA", {})
    return made, wheel


def test_pairs_stand_in_the_order_of_files_and_keys_once(fake, tmp_path):
    _, wheel = fake
    convert_homeassistant(zipfile.ZipFile(wheel), tmp_path)
    pairs = [json.loads(line) for line in (tmp_path / "en-de.jsonl").read_text().splitlines()]
    assert pairs[:3] == [
        ["The alarm", "Der Alarm"],
        ["It is on now.", "Er ist jetzt an."],
        ["It is on now.", "Sie ist jetzt an."],
    ]
    assert len(pairs) == 63
    chinese = (tmp_path / "en-zh.jsonl").read_text(encoding="utf-8")
    assert chinese == '["It is on now.", "现在已经开启。"]\n'
    assert (tmp_path / "en-es.jsonl").read_text() == ""


def test_the_corpus_needs_the_asset(fake):
    with pytest.raises(
        DataError, match="'homeassistant' is not fetched yet; run: llm-envs fetch homeassistant"
    ):
        load_corpus("homeassistant:en-de")


def test_translations_of_one_text_are_references_of_one_example(fake):
    made, wheel = fake
    fetch(made, say=lambda line: None, download=Copy(wheel))
    corpus = load_corpus("homeassistant:en-de")
    assert corpus.language == "de"
    examples = [example for found in all_of(corpus).values() for example in found]
    by_source = {example.source: example.references for example in examples}
    assert by_source["It is on now."] == ("Er ist jetzt an.", "Sie ist jetzt an.")
    assert by_source["The alarm"] == ("Der Alarm",)
    assert len(examples) == len(by_source) == 62
    sentences = load_corpus("homeassistant:en-de-sentences")
    assert sum(sentences.sizes.values()) == 61


def test_texts_that_differ_in_numbers_only_share_a_split(fake):
    made, wheel = fake
    fetch(made, say=lambda line: None, download=Copy(wheel))
    corpus = load_corpus("homeassistant:en-de")
    found = [
        split
        for split, examples in all_of(corpus).items()
        for example in examples
        if example.metadata["group"] == "the number enough"
    ]
    assert len(found) == 20
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("source", "target", "sound"),
    [
        ("The door is open.", "Die Tür ist offen.", True),
        ("The {name} is open.", "Die Tür ist offen.", False),
        ("The door is open.", "Siehe https://x.de", False),
        ("Status", "Status", False),
        ("status", "Status ", False),
        ("No", "Nein", False),
        ("The door is open.", "Ja", False),
        ("The door " * 14, "Die Tür " * 14, False),
    ],
)
def test_sound_pairs(source, target, sound):
    assert is_sound(source, target, "de") is sound


def test_sentences():
    assert is_sentence("The door is open.")
    assert not is_sentence("The door is open")
    assert not is_sentence("Open it.")


def test_columns_cannot_be_chosen(fake):
    with pytest.raises(DataError, match="'homeassistant:en-de' has none to choose"):
        load_corpus("homeassistant:en-de", columns={"source": "x"})
    with pytest.raises(DataError, match="unknown data set 'homeassistant:en-fr'; did you mean"):
        load_corpus("homeassistant:en-fr")
