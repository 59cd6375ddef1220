"""Weighted sums, products, batches, and rewards that fail."""

from __future__ import annotations

import pickle

import gymnasium as gym
import pytest

import llm_envs  # noqa: F401
from llm_envs.episode import Episode, Example
from llm_envs.rewards import RewardError, make_reward


def episode(text, references=(), **metadata):
    return Episode(Example("", tuple(references), metadata), text, tuple(range(len(text))))


def length(episode):
    return len(episode.text)


def half(episode):
    return 0.5


def failing(episode):
    if "bad" in episode.text:
        raise KeyError("lost")
    return 1.0


class Batched:
    """Scores a whole batch in one call."""

    def __init__(self):
        self.calls = []

    def __call__(self, episode):
        return self.score_batch([episode])[0]

    def score_batch(self, episodes):
        self.calls.append(len(episodes))
        return [float("x" in e.text) for e in episodes]


def test_weighted_sum_and_unweighted_components():
    spec = [{"id": length, "weight": 2.0}, {"id": half, "weight": -3}]
    reward = make_reward(spec)
    assert reward(episode("four")) == 2.0 * 4 - 3 * 0.5
    assert reward.components(episode("four")) == {"length": 4.0, "half": 0.5}
    assert reward.weights == {"length": 2.0, "half": -3.0}


def test_product_multiplies_and_records_its_factors():
    spec = {
        "id": "product",
        "rewards": [{"id": "constraints"}, {"id": "distinct", "n": 1, "weight": 2}],
    }
    reward = make_reward(spec)
    values = reward.components(episode("sea sea", words=["sea", "moon"]))
    assert values == {
        "product": 0.5 * 0.5**2,
        "product/constraints": 0.5,
        "product/distinct": 0.5,
    }
    assert reward.to_spec() == [{"id": "product", "weight": 1.0, "rewards": spec["rewards"]}]


def test_product_refuses_negative_factors():
    reward = make_reward({"id": "product", "rewards": ["sentiment"]})
    with pytest.raises(RewardError, match="product takes rewards >= 0, but 'sentiment' is -"):
        reward(episode("a terrible, awful, horrible day"))


def test_a_batch_is_scored_in_one_call():
    batched = Batched()
    reward = make_reward([batched, length])
    totals, tables = reward.score_batch([episode("x"), episode("yy")])
    assert batched.calls == [2]
    assert totals == [2.0, 2.0]
    assert tables == [{"Batched": 1.0, "length": 1.0}, {"Batched": 0.0, "length": 2.0}]
    assert reward.score_batch([]) == ([], [])


def test_weights_count_in_a_batch_as_for_one_text():
    texts = [episode("x"), episode("yy")]
    unbatched = [{"id": length, "weight": 2.0}, {"id": half, "weight": -3.0}]
    mixed = [{"id": Batched(), "weight": 2.0}, {"id": length, "weight": -0.5}]
    for spec, wanted in ((unbatched, [0.5, 2.5]), (mixed, [1.5, -1.0])):
        reward = make_reward(spec)
        assert reward.score_batch(texts)[0] == wanted == [reward(text) for text in texts]


def test_a_reward_that_is_subtracted_adds_its_tolerance():
    class Inexact:
        tolerance = 0.25

        def __call__(self, episode):
            return 0.5

    sum_of_three = [
        {"id": Inexact(), "name": "a", "weight": -2.0},
        {"id": Inexact(), "name": "b", "weight": 1.0},
        {"id": length, "weight": -7.0},
    ]
    assert make_reward(sum_of_three).tolerance == 0.75
    assert make_reward(length).tolerance == 0.0


def test_a_batch_of_the_wrong_size_is_an_error():
    class Short(Batched):
        def score_batch(self, episodes):
            return [1.0]

    with pytest.raises(RewardError, match="1 scores for a batch of 2"):
        make_reward(Short()).score_batch([episode("a"), episode("b")])


def test_a_reward_that_raises_names_itself_and_the_text():
    reward = make_reward(failing)
    for score in (reward, reward.prefix_scorer(), lambda e: reward.score_batch([episode("ok"), e])):
        with pytest.raises(RewardError, match=r"reward 'failing' raised KeyError.*'a bad text'") as caught:
            score(episode("a bad text"))
        assert caught.value.reward_id == "failing"
        assert caught.value.text == "a bad text"
        assert isinstance(caught.value.__cause__, KeyError)


def test_a_batched_reward_that_raises_names_the_text_to_blame():
    class Failing(Batched):
        def score_batch(self, episodes):
            return [failing(e) for e in episodes]

    with pytest.raises(RewardError) as caught:
        make_reward(Failing()).score_batch([episode("fine"), episode("so bad"), episode("fine")])
    assert caught.value.text == "so bad"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None, "0.5", [1.0], {"a": 1}])
def test_what_is_no_finite_number_is_an_error(value):
    reward = make_reward(lambda episode: value)
    with pytest.raises(RewardError, match=r"returned .*'some text'"):
        reward(episode("some text"))
    with pytest.raises(RewardError, match=r"returned .*'some text'"):
        reward.score_batch([episode("some text")])


def test_numbers_of_other_types_become_floats():
    import numpy as np

    for value in (1, True, np.float32(1.0), np.array(1.0)):
        total, parts = make_reward(lambda episode, value=value: value).score(episode(""))
        assert total == 1.0
        assert [type(part) for part in parts.values()] == [float]


def test_reward_error_travels_between_processes():
    error = pickle.loads(pickle.dumps(RewardError("mine", "a text", "raised ValueError: no")))
    assert (error.reward_id, error.text) == ("mine", "a text")
    assert str(error) == "reward 'mine' raised ValueError: no; the text was 'a text'"


@pytest.mark.filterwarnings("ignore:.*ERROR")
def test_reward_error_comes_whole_out_of_gymnasiums_workers():
    def broken(episode):
        raise KeyError("no such thing")

    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=1, vectorization_mode="async", reward=broken)
    envs.reset(seed=0)
    end = envs.get_attr("tokenizer")[0].end_token_ids[0]
    with pytest.raises(RewardError, match="'broken' raised KeyError: 'no such thing'") as caught:
        envs.step([end])
    assert (caught.value.reward_id, caught.value.text) == ("broken", "")
    envs.close()


def test_a_number_beyond_all_floats_is_named():
    with pytest.raises(RewardError, match="beyond all floats"):
        make_reward(lambda episode: 10**400)(episode(""))


def test_prefix_scorer_of_a_sum_keeps_counts_and_components():
    reward = make_reward({"bleu": 1.0, "distinct": 0.5, "length_penalty": -0.1})
    example = Example("", ("the cat sat on the mat",))
    scorer = reward.prefix_scorer()
    rewards, before = [], 0.0
    for end in range(1, 24):
        prefix = Episode(example, "the cat sat on the mats"[:end], tuple(range(end)))
        now = scorer(prefix)
        rewards.append(now - before)
        before = now
        assert scorer.components(prefix) == pytest.approx(reward.components(prefix))
    assert sum(rewards) == pytest.approx(reward(prefix))
