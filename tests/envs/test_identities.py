"""True is no token, seed, example or count; "" and 0 are no defaults; "false" is not False."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import Error, InvalidAction

import llm_envs
from llm_baselines.anchors.reference import ReferenceAgent
from llm_envs.data import DataError, load_corpus
from llm_envs.tokenizers import WordTokenizer, make_tokenizer
from llm_envs.wrappers.top_k import TopKActions

TINY = "TextGen-Tiny-v0"
TEXTS = ["the sea", "a gull"]


def uniform(observation):
    return np.full((len(observation), 8), -np.log(8), np.float32)


@pytest.mark.parametrize("action", [True, False, np.True_, np.array(True)])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_bool_is_no_action(action, wrapped):
    env = gym.make(TINY)
    env = TopKActions(env, uniform, k=4) if wrapped else env
    env.reset(seed=0)
    with pytest.raises(InvalidAction):
        env.step(action)
    env.step(1)


def test_bools_are_no_actions_of_rows():
    env = gym.make_vec(TINY, num_envs=2)
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="dtype bool"):
        env.step(np.array([True, False]))


@pytest.mark.parametrize("seed", [True, False, np.True_])
def test_a_bool_is_no_seed(seed):
    single, rows = gym.make(TINY), gym.make_vec(TINY, num_envs=2)
    for reset in (single.reset, rows.reset):
        with pytest.raises(Error, match="is a bool; a seed is a whole number"):
            reset(seed=seed)
    with pytest.raises(Error, match="is a bool"):
        rows.reset(seed=[1, seed])


@pytest.mark.parametrize("example", [True, False, np.True_, "0", 1.0])
def test_an_example_is_a_whole_number(example):
    single, rows = gym.make(TINY), gym.make_vec(TINY, num_envs=1)
    for env, wanted in ((single, example), (rows, example), (rows, [example])):
        with pytest.raises((IndexError, ValueError), match="example"):
            env.reset(options={"example": wanted})


@pytest.mark.parametrize("options", [0, "", [], False, "example"])
def test_options_are_a_mapping_or_none(options):
    for env in (gym.make(TINY), gym.make_vec(TINY, num_envs=1)):
        with pytest.raises(ValueError, match=r"options=.* must be a dict"):
            env.reset(options=options)


@pytest.mark.parametrize("name", ["max_new_tokens", "max_prompt_tokens"])
def test_a_bool_is_no_count(name):
    with pytest.raises(ValueError, match=f"{name}=True must be a whole number"):
        gym.make(TINY, **{name: True})
    with pytest.raises(ValueError, match="num_envs=True must be a whole number"):
        gym.make_vec(TINY, num_envs=True)
    with pytest.raises(ValueError, match="k=True must be a whole number"):
        TopKActions(gym.make(TINY), uniform, k=True)
    with pytest.raises(ValueError, match="give token ids"):
        TopKActions(gym.make(TINY), uniform, k=4, end_token_ids=[False])


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ({"n_eval_episodes": True}, "n_eval_episodes=True must be a whole number"),
        ({"n_eval_episodes": 1.5}, "n_eval_episodes=1.5 must be a whole number"),
        ({"seed": True}, "seed=True must be a whole number"),
        ({"seed": -1}, "seed=-1 must be a whole number"),
        ({"deterministic": "no"}, "deterministic='no' must be True or False"),
    ],
)
def test_an_evaluation_is_asked_for_in_numbers_and_flags(argument, said):
    env = gym.make(TINY)
    with pytest.raises(ValueError, match=said):
        llm_envs.evaluate(ReferenceAgent(env, 0), env, **argument)


@pytest.mark.parametrize("env_id", [TINY, "TextGen-v0", "Dialogue-v0"])
@pytest.mark.parametrize("dataset", ["", 0, False])
def test_an_empty_data_set_is_not_the_default(env_id, dataset):
    with pytest.raises(ValueError, match=repr(dataset)):
        gym.make(env_id, dataset=dataset)


@pytest.mark.parametrize("tokenizer", ["", 0, {}, False])
def test_an_empty_tokenizer_is_not_the_default(tokenizer):
    with pytest.raises(ValueError, match="tokenizer"):
        gym.make("TextGen-v0", tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"id": "word", "spell": "false"}, "option 'spell' is of type bool, got 'false' (str)"),
        ({"id": "word", "spell": 0}, "option 'spell' is of type bool, got 0 (int)"),
        ({"id": "word", "spell": None}, "option 'spell' is of type bool, got None"),
        ({"id": "hf:x", "bos": "no"}, "option 'bos' is of type bool or None, got 'no'"),
        ({"id": "hf:x", "chat_template": 1}, "option 'chat_template' is of type bool, got 1"),
        ({"id": "hf:x", "separator": 0}, "option 'separator' is of type str, got 0"),
        ({"id": "hf:x", "end_tokens": [1]}, "option 'end_tokens' is of type str or list[str] or None"),
        ("word:0500", "unknown tokenizer 'word:0500'"),
        ("word:٥", "unknown tokenizer"),
        ("word:", "unknown tokenizer 'word:'"),
        ({"id": 5}, "unknown tokenizer {'id': 5}"),
    ],
)
def test_options_of_tokenizers_are_typed_and_written_one_way(spec, said):
    with pytest.raises(ValueError) as error:
        make_tokenizer(spec, lambda: TEXTS)
    assert said in str(error.value)


def test_spelling_is_a_flag():
    sizes = [
        make_tokenizer({"id": "word", "spell": flag}, lambda: TEXTS).vocabulary_size for flag in (False, True)
    ]
    assert sizes[0] < sizes[1]


def test_columns_that_name_nothing_are_not_the_usual_ones(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"source": "a", "target": "b"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"columns\['source'\] names 0 columns; expected one"):
        load_corpus(f"file:{path}", columns={"source": []})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_words": -1}, "max_words=-1"),
        ({"max_words": True}, "max_words=True"),
        ({"spell": "no"}, "spell='no'"),
    ],
)
def test_a_word_tokenizer_is_trained_with_counts_and_flags(options, said):
    with pytest.raises(ValueError, match=said):
        WordTokenizer.train(TEXTS, **options)
