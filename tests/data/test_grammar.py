"""The synchronous grammars: hand-checked sentences, agreement, official splits, determinism."""

import hashlib
import itertools
import random
import re

import pytest
from grammar_gold import CHINESE, DE, GERMAN, ZH, spell

from llm_envs.data.grammar import english
from llm_envs.data.grammar.en_de import german
from llm_envs.data.grammar.en_de import pair as en_de
from llm_envs.data.grammar.en_de.german_forms import parse_verb
from llm_envs.data.grammar.en_zh import chinese
from llm_envs.data.grammar.en_zh import pair as en_zh
from llm_envs.data.grammar.engine import (
    Draft,
    enumerate_choices,
    hold_out,
    merge,
    sample_choices,
    split_drafts,
    split_overlap,
    words,
)

MODULES = {"en-de": en_de, "en-zh": en_zh}
CORPORA = [(name, level) for name in MODULES for level in (1, 2, 3)]
SPLITS = ("train", "validation", "test")
SHA256 = {
    ("en-de", 1): "a77e3fff20be8883b8e34355d6b4abc8c6de635502b0ab6a2df9a8d3fa19d7e2",
    ("en-de", 2): "a7b8df0ff2d22a2e7343f098a4b0fe6e00ca1db7e96e466a2608d68bb157827e",
    ("en-de", 3): "72fbbc547e587e5769d3bff31a2808bf47a6597830f94d4c9bacab9128d93ade",
    ("en-zh", 1): "933b20a92e9b15ee75b6c60f8a2d47be5088bc540dfcbabb950fdde70c0cf2a8",
    ("en-zh", 2): "7b8c8788ce4d47ea76cd42961cf0a0e9e8c12b9c2a974127c270f50708ba08d7",
    ("en-zh", 3): "0a1d1cea295742b26ea4ddd7d177f12200fb1acbb16b8d23d533ecdf1fe4bfcb",
}


@pytest.fixture(scope="module")
def corpora():
    return {(name, level): MODULES[name].generate(level) for name, level in CORPORA}


@pytest.mark.parametrize(("parts", "source", "reference"), GERMAN, ids=[g[2] for g in GERMAN])
def test_german_gold(parts, source, reference):
    clause = spell(DE, parts)
    assert english.sentence(clause) == source
    assert reference in german.references(clause)


@pytest.mark.parametrize(("parts", "source", "reference"), CHINESE, ids=[g[2] for g in CHINESE])
def test_chinese_gold(parts, source, reference):
    clause = spell(ZH, parts)
    assert english.sentence(clause) == source
    assert reference in chinese.references(clause)


@pytest.mark.parametrize(
    ("entry", "present", "past"),
    [
        ("kaufen gekauft", "kaufe kaufst kauft kaufen", "kaufte kauftest kaufte kauften"),
        ("arbeiten gearbeitet", "arbeite arbeitest arbeitet arbeiten", "arbeitete"),
        ("zeichnen gezeichnet", "zeichne zeichnest zeichnet zeichnen", "zeichnete"),
        ("öffnen geöffnet", "öffne öffnest öffnet öffnen", "öffnete"),
        ("lernen gelernt", "lerne lernst lernt lernen", "lernte"),
        ("tanzen getanzt", "tanze tanzt tanzt tanzen", "tanzte"),
        ("lesen liest las gelesen", "lese liest liest lesen", "las"),
        ("waschen wäscht wusch gewaschen", "wasche wäschst wäscht waschen", "wusch"),
        ("finden findet fand gefunden", "finde findest findet finden", "fand"),
        ("an=rufen ruft rief angerufen", "rufe rufst ruft rufen", "rief riefst rief riefen"),
    ],
)
def test_german_conjugation(entry, present, past):
    verb = parse_verb(entry)
    persons = ("ich", "du", "er", "wir")
    assert [verb.present(person) for person in persons] == present.split()
    expected = past.split()
    assert [verb.past(person) for person in persons[: len(expected)]] == expected


# Every legal determiner with the adjective ending and the gender of the noun behind it.
DER_WORDS = "er: m-e f-en|e: f-e pl-en|es: n-e|en: m-en pl-en|em: m-en n-en"
EIN_WORDS = ": m-er n-es|e: f-e pl-en|en: m-en pl-en|em: m-en n-en|er: f-en"


def legal_phrases():
    legal = {}
    stems = [("d", DER_WORDS.replace("e: f-e pl", "ie: f-e pl").replace("es: n", "as: n"))]
    stems += [(stem, DER_WORDS) for stem in ("dies", "welch")]
    own = ("ein", "kein", "mein", "dein", "sein", "ihr", "Ihr", "unser")
    stems += [(stem, EIN_WORDS) for stem in own]
    for stem, table in stems:
        for row in table.split("|"):
            ending, pairs = row.split(":")
            if stem + ending not in ("ihr", "Ihr"):  # pronouns as well
                legal.setdefault(stem + ending, set()).update(pairs.split())
    return legal


@pytest.mark.parametrize("level", [2, 3])
def test_every_german_noun_phrase_agrees(corpora, level):
    legal = legal_phrases()
    genders, adjectives = {}, {}
    for noun in DE.grammar.nouns.values():
        genders.setdefault(noun.target.form, set()).add(noun.target.gender)
        for form in filter(None, (noun.target.plural, noun.target.decline("dat", True))):
            if noun.target.plural:
                genders.setdefault(form, set()).add("pl")
            if noun.target.weak:
                genders[form].add(noun.target.gender)
    for adjective in DE.grammar.adjectives:
        for ending in ("e", "en", "er", "es", "em"):
            adjectives[adjective.target.stem + ending] = ending
    checked = 0
    for pair in corpora["en-de", level]:
        for reference in pair.references:
            tokens = words(reference)
            for article, adjective, noun in zip(tokens, tokens[1:], tokens[2:], strict=False):
                article = article if article in legal else article[0].lower() + article[1:]
                if article in legal and adjective in adjectives and noun in genders:
                    options = {f"{gender}-{adjectives[adjective]}" for gender in genders[noun]}
                    assert options & legal[article], (article, adjective, noun, reference)
                    checked += 1
    assert checked > 1000


@pytest.mark.parametrize(("name", "level"), CORPORA)
def test_same_pairs_on_every_machine(corpora, name, level):
    text = repr(corpora[name, level])
    assert hashlib.sha256(text.encode()).hexdigest() == SHA256[name, level]


def test_global_random_state_is_untouched():
    random.seed(5)
    before = random.getstate()
    en_de.generate(1)
    assert random.getstate() == before


@pytest.mark.parametrize(("name", "level"), CORPORA)
def test_sizes_and_splits(corpora, name, level):
    pairs = corpora[name, level]
    sources = [pair.source for pair in pairs]
    assert len(set(sources)) == len(sources)
    assert len(pairs) >= {1: 1500, 2: 10_000, 3: 20_000}[level]
    sizes = {split: sum(pair.split == split for pair in pairs) for split in SPLITS}
    assert sum(sizes.values()) == len(pairs)
    assert sizes["test"] >= 250
    assert sizes["validation"] >= 150
    for pair in pairs:
        assert len(set(pair.references)) == len(pair.references) >= 1


@pytest.mark.parametrize(("name", "level"), CORPORA)
def test_test_split_holds_out_combinations_but_no_words(corpora, name, level):
    overlap = split_overlap(corpora[name, level])
    assert overlap["combination_overlap"] == 0
    assert overlap["source_overlap"] == 0
    assert overlap["unseen_words"] == 0
    assert overlap["template_overlap"] > 0.5


@pytest.mark.parametrize("name", MODULES)
def test_held_out_verb_and_object_never_meet_in_train(name):
    """Checked on the meanings themselves, not on the labels that the splits carry."""
    speaker, module = {"en-de": (DE, en_de), "en-zh": (ZH, en_zh)}[name]
    pairs = {pair.source: pair for pair in module.generate(3)}
    train, held_out = set(), set()
    for construction, _ in speaker.grammar.constructions():
        clauses = sample_choices(construction, random.Random(0))
        for clause in itertools.islice(clauses, 300):
            pair = pairs.get(english.sentence(clause))
            if pair and pair.split == "train":
                train.update(clause.units)
            elif pair and pair.split == "test":
                held_out.add(pair.combination)
    assert held_out
    assert not train & held_out


@pytest.mark.parametrize("name", MODULES)
def test_no_word_is_in_most_sentences_of_level_1(corpora, name):
    """A constant text must not score: no word may be in more than about a quarter of them."""
    pairs = corpora[name, 1]
    counts = {}
    for pair in pairs:
        for word in set(words(pair.references[0])):
            counts[word] = counts.get(word, 0) + 1
    assert 40 <= len(counts) <= 60
    assert max(counts.values()) <= 0.27 * len(pairs)


@pytest.mark.parametrize("name", MODULES)
def test_sentences_are_well_formed(corpora, name):
    for level in (2, 3):
        for pair in corpora[name, level]:
            assert re.fullmatch(r"[A-Z][A-Za-zé,' ]*[.?]", pair.source), pair.source
            assert "  " not in pair.source
            for reference in pair.references:
                if name == "en-de":
                    assert re.fullmatch(r"[A-ZÄÖÜ][\wé,\- ]*[.?]", reference), reference
                    assert "  " not in reference
                else:
                    assert re.fullmatch(r"[\u4e00-\u9fff，]+[。？]", reference), reference
                assert reference.endswith(("?", "？")) == pair.source.endswith("?")


def test_enumerate_choices_visits_every_path_once():
    def construction(choose):
        first = choose("ab")
        return first + choose("xyz") if first == "a" else first

    assert list(enumerate_choices(construction)) == ["ax", "ay", "az", "b"]


def test_constructions_may_refuse():
    def construction(choose):
        number = choose(range(4))
        return number if number % 2 else None

    assert list(enumerate_choices(construction)) == [1, 3]
    sampled = set(itertools.islice(sample_choices(construction, random.Random(0)), 20))
    assert sampled == {1, 3}


def test_merge_keeps_the_references_of_both_meanings():
    one = Draft("They read", ("他们看书",), "habit", ("read+book",))
    two = Draft("They read", ("他们看书了",), "past", ("read+book",))
    assert [draft.references for draft in merge([one, two])] == [("他们看书", "他们看书了")]


def test_hold_out_leaves_every_part_in_other_units():
    units = [f"{verb}+{noun}" for verb in "abcd" for noun in "wxyz"]
    taken = hold_out(units, 0.5)
    assert taken
    rest = [unit for unit in units if unit not in taken]
    for part in "abcdwxyz":
        assert sum(part in unit for unit in rest) >= 2


def test_overlap_of_empty_splits_is_an_error():
    with pytest.raises(ValueError, match="0 test pairs"):
        split_overlap(split_drafts([Draft("A", ("B",), "t", ("a+b",))], 0, 0))


@pytest.mark.parametrize("name", MODULES)
def test_unknown_level_names_the_levels(name):
    with pytest.raises(ValueError, match="levels are 1, 2 and 3"):
        MODULES[name].generate(4)
