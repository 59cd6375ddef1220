import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_envs.data.corpus import SPLITS
from llm_envs.data.splitting import normalise_source, split_examples
from llm_envs.episode import Example


def test_normalisation_unites_case_width_and_space():
    assert normalise_source("  Ｈello\t\nSTRASSE ") == normalise_source("hello straße") == "hello strasse"


texts = st.text(alphabet="abAB ", max_size=4)
examples = st.builds(
    Example,
    texts,
    st.tuples(st.sampled_from("xy")),
    st.one_of(st.just({}), st.fixed_dictionaries({"group": st.integers(0, 5)})),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(examples, max_size=40))
def test_a_source_and_a_group_stand_in_one_split_only(rows):
    splits = split_examples(rows)
    for key in (
        lambda e: normalise_source(e.source),
        lambda e: e.metadata.get("group", ("source", normalise_source(e.source))),
    ):
        found = [{key(example) for example in splits.get(name, ())} for name in SPLITS]
        assert sum(map(len, found)) == len(set().union(*found))


@settings(max_examples=30, deadline=None)
@given(st.lists(examples, max_size=20), st.randoms())
def test_the_split_of_a_row_does_not_depend_on_the_order(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    first, second = split_examples(rows), split_examples(shuffled)
    for name in SPLITS:
        assert sorted(map(repr, first.get(name, ()))) == sorted(map(repr, second.get(name, ())))


def test_exact_duplicates_are_removed_and_others_kept():
    rows = [Example("a", ("b",)), Example("a", ("b",)), Example("A ", ("c",))]
    splits = split_examples(rows)
    assert sum(map(len, splits.values())) == 2


def test_shares_hold_on_many_sources_and_are_pinned():
    splits = split_examples([Example(f"source {i}") for i in range(5000)], (0.6, 0.1, 0.3))
    sizes = [len(splits[name]) for name in SPLITS]
    assert sizes == SIZES_OF_5000
    assert np.allclose(np.divide(sizes, 5000), (0.6, 0.1, 0.3), atol=0.02)


def test_shares_hold_for_groups_too():
    rows = [Example(f"source {i}", metadata={"group": i // 5}) for i in range(5000)]
    splits = split_examples(rows, (0.6, 0.1, 0.3))
    sizes = [len(splits[name]) for name in SPLITS]
    assert np.allclose(np.divide(sizes, 5000), (0.6, 0.1, 0.3), atol=0.05)


SIZES_OF_5000 = [2990, 519, 1491]
