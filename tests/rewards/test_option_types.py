"""Options of rewards: typed, and told apart in the signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

import llm_envs  # noqa: F401
from llm_envs.checks.types import check_flag, fits, type_name
from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardError, make_reward
from llm_envs.rewards.signatures import number_text, option_text

UPPER = Episode(Example("s", ("the sea",)), "THE SEA", (1, 0), "stop")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"id": "exact_match", "lowercase": "no"}, "'lowercase' is of type bool, got 'no' (str)"),
        ({"id": "exact_match", "lowercase": 1}, "'lowercase' is of type bool, got 1 (int)"),
        ({"id": "exact_match", "lowercase": None}, "'lowercase' is of type bool, got None"),
        ({"id": "bleu", "max_order": True}, "'max_order' is of type int, got True (bool)"),
        ({"id": "bleu", "max_order": "2"}, "'max_order' is of type int, got '2' (str)"),
        ({"id": "bleu", "smooth_value": "0.1"}, "'smooth_value' is of type float or None, got '0.1'"),
        ({"id": "chrf", "beta": True}, "'beta' is of type float, got True (bool)"),
        ({"id": "task_success", "key": 0}, "'key' is of type str, got 0 (int)"),
        ({"id": "product", "rewards": [{"id": "exact_match", "lowercase": "no"}]}, "'lowercase' is of type"),
        ({"id": "bleu", "smooth_value": float("nan")}, "must be JSON-able"),
    ],
)
def test_an_option_of_another_type_is_refused_with_name_value_and_type(spec, said):
    with pytest.raises(ValueError) as error:
        make_reward(spec)
    assert said in str(error.value)


def test_lowercase_false_and_true_score_apart_and_are_named_apart():
    without, ignoring = (make_reward({"id": "exact_match", "lowercase": flag}) for flag in (False, True))
    assert (without(UPPER), ignoring(UPPER)) == (0.0, 1.0)
    assert without.signature == "exact_match|lowercase:no|v1"
    assert ignoring.signature == "exact_match|lowercase:yes|v1"


def test_a_functions_own_annotations_and_defaults_type_its_options():
    def counted(episode, *, flag=False, words: Sequence[str] = (), limit: int | None = None, share=1):
        return float(len(episode.text))

    for options in ({"flag": "false"}, {"words": "sea"}, {"words": [1]}, {"limit": 1.5}, {"share": "1"}):
        with pytest.raises(ValueError, match=f"option '{next(iter(options))}' is of type"):
            make_reward({"id": counted, **options})
    for options in ({"flag": True}, {"words": ["sea"]}, {"limit": None}, {"share": 0.5}):
        assert make_reward({"id": counted, **options})(UPPER) == 7.0


@pytest.mark.parametrize(
    ("value", "annotation", "whether"),
    [
        (True, int, False),
        (True, float, False),
        (1, bool, False),
        (1, float, True),
        (1.0, int, False),
        ("a", Literal["a", "b"], True),
        (1, Literal[True], False),
        (None, int | None, True),
        ([1, 2], list[int], True),
        ([True], list[int], False),
        ({"a": 1}, Mapping[str, str], False),
        (object(), Any, True),
    ],
)
def test_what_fits_a_type(value, annotation, whether):
    assert fits(value, annotation) is whether


def test_types_are_named_plainly():
    assert type_name(float | None) == "float or None"
    assert type_name(list[int]) == "list[int]"
    with pytest.raises(ValueError, match="spell='false' must be True or False"):
        check_flag("spell", "false")


def test_weights_that_agree_in_six_digits_have_signatures_of_their_own():
    signatures = {make_reward({"bleu": w, "chrf": 1.0}).signature for w in (0.1234567, 0.1234568, 0.123457)}
    assert len(signatures) == 3


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (10.0, "10"),
        (0.2, "0.2"),
        (-0.5, "-0.5"),
        (1e9, "1e+09"),
        (1234567.0, "1234567.0"),
        (1 / 3, repr(1 / 3)),
    ],
)
def test_numbers_in_signatures_are_exact_and_short_where_that_is(number, text):
    assert number_text(number) == text
    assert float(text) == number


def test_values_of_different_types_look_different():
    values = [True, "yes", 2, "2", 2.5, "2.5", None, "null", [1], "[1]", "a", '"a"', "a|b:1"]
    texts = [option_text(value) for value in values]
    assert len(set(texts)) == len(values)
    assert texts[:3] == ["yes", '"yes"', "2"]


def test_a_default_that_is_a_function_is_named_without_an_address():
    def scored(episode, *, by=len):
        return float(by(episode.text))

    assert make_reward(scored).signature == 'callable:scored|by:"builtins:len"|v1'


@pytest.mark.parametrize("weight", [1e308, -1e10, 10**400])
def test_a_weight_whose_sums_may_overflow_is_refused(weight):
    with pytest.raises(ValueError, match=r"the weight of reward .bleu. is .*; at most 1e"):
        make_reward({"bleu": weight})


def test_a_score_whose_sums_may_overflow_is_an_error():
    with pytest.raises(RewardError, match=r"returned 1e\+308; at most 1e\+15"):
        make_reward(lambda episode: 1e308)(UPPER)


def test_a_part_that_is_no_number_is_an_error():
    class Parted:
        def __call__(self, episode):
            return 1.0

        def score_parts(self, episode):
            return 1.0, {"inner": float("nan")}

    with pytest.raises(RewardError, match="'Parted/inner' returned nan"):
        make_reward(Parted())(UPPER)
