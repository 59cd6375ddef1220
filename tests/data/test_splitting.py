import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_envs.data.corpus import SPLITS
from llm_envs.data.splitting import DEFAULT_SHARES, fill_empty, normalise_source, split_examples
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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=60, unique=True))
def test_three_sources_fill_three_splits(numbers):
    splits = split_examples([Example(f"source {n}") for n in numbers])
    assert all(splits[name] for name in SPLITS)


@pytest.mark.parametrize("start", range(0, 300, 30))
def test_thirty_rows_fill_three_splits(start):
    splits = split_examples([Example(f"row {start + i}") for i in range(30)])
    assert all(splits[name] for name in SPLITS)
    assert sum(map(len, splits.values())) == 30


def test_what_fills_every_split_by_itself_is_drawn_as_before():
    draws = np.array([0.1, 0.5, 0.85, 0.95])
    drawn = np.array([0, 0, 1, 2], np.int8)
    np.testing.assert_array_equal(fill_empty(drawn, draws, DEFAULT_SHARES), drawn)


def test_an_empty_split_takes_the_nearest_of_the_largest():
    draws = np.array([0.1, 0.5, 0.75, 0.95])
    drawn = np.array([0, 0, 0, 2], np.int8)
    assert fill_empty(drawn, draws, DEFAULT_SHARES).tolist() == [0, 0, 1, 2]
    assert fill_empty(np.zeros(3, np.int8), draws[:3], DEFAULT_SHARES).tolist() == [0, 2, 1]


def test_only_splits_with_a_share_are_filled_given_enough_groups():
    draws = np.array([0.1, 0.2, 0.3])
    drawn = np.zeros(3, np.int8)
    assert fill_empty(drawn, draws, (0.8, 0.0, 0.2)).tolist() == [0, 0, 2]
    np.testing.assert_array_equal(fill_empty(drawn[:2], draws[:2], DEFAULT_SHARES), drawn[:2])
