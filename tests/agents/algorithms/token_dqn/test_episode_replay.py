"""The replay: what goes in comes out, the oldest leave first, and memory is what is said."""

from __future__ import annotations

import tracemalloc
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_worlds import random_trajectory

from llm_baselines.algorithms.token_dqn.episode_replay import EpisodeReplay
from llm_baselines.play.trajectory import Trajectory


def assert_same(found: Trajectory, wanted: Trajectory) -> None:
    for field in fields(Trajectory):
        a, b = getattr(found, field.name), getattr(wanted, field.name)
        if isinstance(b, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name)
            assert a.dtype == b.dtype, field.name
        else:
            assert a == b, field.name


def some(count: int, seed: int = 0, **options) -> list[Trajectory]:
    rng = np.random.default_rng(seed)
    return [random_trajectory(rng, **options) for _ in range(count)]


def episode(tokens: int, answer: int, round: int = 0, name: int = 0) -> Trajectory:
    """One turn at the end of `tokens` tokens; `name` is its first token."""
    numbers = np.zeros(answer, np.float32)
    return Trajectory(
        np.array([name] * tokens, np.int32),
        np.arange(tokens - answer, tokens, dtype=np.int32),
        numbers,
        numbers,
        numbers,
        round=round,
    )


def names(replay: EpisodeReplay) -> list[int]:
    return [int(t.tokens[0]) for t in replay.newest(10**6)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 4))
@settings(deadline=None)
def test_ragged_episodes_of_several_turns_come_back_as_they_were(seed, count, turns):
    episodes = some(count, seed, turns=turns, round=3)
    replay = EpisodeReplay(10_000)
    for start in range(0, count, 7):
        replay.add(episodes[start : start + 7])
    assert len(replay) == count
    assert replay.tokens == sum(len(t.tokens) for t in episodes)
    assert replay.transitions == sum(map(len, episodes))
    for found, wanted in zip(replay.newest(count), episodes, strict=True):
        assert_same(found, wanted)


def test_the_oldest_leave_when_there_is_no_room():
    replay = EpisodeReplay(25)
    replay.add(episode(10, 4, name=i) for i in range(3))
    assert names(replay) == [1, 2]
    replay.add([episode(5, 2, name=3)])
    assert names(replay) == [1, 2, 3]
    assert [len(replay.newest(count)) for count in (0, 1, 2, 9)] == [0, 1, 2, 3]
    assert replay.newest(1)[0].tokens[0] == 3
    replay.add([episode(25, 2, name=4)])
    assert names(replay) == [4]
    assert replay.tokens == 25


@given(st.integers(0, 2**32 - 1), st.integers(20, 200))
@settings(deadline=None, max_examples=30)
def test_capacity_holds_and_what_is_left_is_the_newest(seed, capacity):
    replay, episodes = EpisodeReplay(capacity), some(200, seed)
    for t in episodes:
        replay.add([t])
        assert replay.tokens <= capacity
    kept = replay.newest(len(replay))
    for found, wanted in zip(kept, episodes[-len(kept) :], strict=True):
        assert_same(found, wanted)
    assert replay.tokens + len(episodes[-len(kept) - 1].tokens) > capacity, "no more would have had room"


def test_what_cannot_be_kept_is_refused():
    replay = EpisodeReplay(9)
    with pytest.raises(ValueError, match="10 tokens does not fit buffer_size=9"):
        replay.add([episode(10, 4)])
    with pytest.raises(ValueError, match="without an action"):
        replay.add([episode(4, 0)])
    with pytest.raises(ValueError, match="buffer_size=0"):
        EpisodeReplay(0)
    with pytest.raises(ValueError, match="the replay is empty"):
        replay.sample(1, np.random.default_rng(0))


def test_removed_episodes_are_not_sampled_and_their_room_is_free_in_order():
    replay = EpisodeReplay(100)
    replay.add(episode(10, 4, name=i) for i in range(5))
    _, keys = replay.sample(5, np.random.default_rng(0))
    order = {int(t.tokens[0]): int(k) for t, k in zip(*_sampled(replay), strict=True)}
    assert sorted(order.values()) == sorted(keys.tolist())
    replay.remove(np.array([order[1]]))
    assert names(replay) == [0, 2, 3, 4]
    assert replay.tokens == 50  # 0 is older and still there
    replay.remove(np.array([order[0]]))
    assert names(replay) == [2, 3, 4]
    assert replay.tokens == 30
    replay.remove(np.array([order[0], order[1]]))  # gone already
    assert names(replay) == [2, 3, 4]
    replay.add([episode(10, 4, name=5)])
    replay.remove(np.array([order[3]]))  # keys stay good
    assert names(replay) == [2, 4, 5]
    assert replay.transitions == 12
    assert {int(t.tokens[0]) for t in _sampled(replay)[0]} == {2, 4, 5}


def _sampled(replay: EpisodeReplay):
    return replay.sample(len(replay), np.random.default_rng(1))


def test_old_rounds_leave():
    replay = EpisodeReplay(1000)
    replay.add(episode(10, 4, round=r, name=r) for r in (0, 0, 1, 2, 3))
    replay.remove_older(2)
    assert names(replay) == [2, 3]
    assert replay.tokens == 20
    replay.remove_older(9)
    assert len(replay) == replay.tokens == 0
    replay.add([episode(10, 4, name=7)])
    assert names(replay) == [7]


def test_a_batch_has_no_episode_twice_where_there_are_enough():
    replay = EpisodeReplay(1000)
    replay.add(episode(10, 4, name=i) for i in range(8))
    rng = np.random.default_rng(0)
    drawn = [sorted(int(t.tokens[0]) for t in replay.sample(8, rng)[0]) for _ in range(20)]
    assert drawn == [list(range(8))] * 20
    assert len(replay.sample(9, rng)[0]) == 9
    counts = np.bincount([int(t.tokens[0]) for _ in range(2000) for t in replay.sample(2, rng)[0]])
    np.testing.assert_allclose(counts / 4000, 1 / 8, atol=0.025)


def test_a_batch_of_actions_takes_episodes_until_it_has_as_many():
    replay, rng = EpisodeReplay(1000), np.random.default_rng(0)
    with pytest.raises(ValueError, match="the replay is empty"):
        replay.sample_actions(1, rng)
    replay.add(episode(12, 2 + i % 5, name=i) for i in range(10))
    drawn = [replay.sample_actions(9, rng) for _ in range(200)]
    for episodes, keys in drawn:
        assert sum(map(len, episodes)) >= 9
        assert sum(map(len, episodes[:-1])) < 9
        assert keys.tolist() == [int(t.tokens[0]) for t in episodes]
        assert len({*keys.tolist()}) == len(keys)
    assert {int(t.tokens[0]) for episodes, _ in drawn for t in episodes} == set(range(10))
    everything, _ = replay.sample_actions(1000, rng)
    assert sorted(int(t.tokens[0]) for t in everything) == list(range(10))
    replay.set_priorities(np.arange(10), np.arange(10) == 3)
    assert [int(t.tokens[0]) for t in replay.sample_actions(1, rng, 1.0)[0]] == [3]


def test_episodes_are_drawn_by_priority_new_ones_by_the_largest():
    replay = EpisodeReplay(1000)
    replay.add(episode(10, 4, name=i) for i in range(4))
    rng = np.random.default_rng(0)
    drawn, keys = replay.sample(4, rng, 0.5)
    worth = {0: 4.0, 1: 1.0, 2: 0.0, 3: 16.0}
    replay.set_priorities(keys, np.array([worth[int(t.tokens[0])] for t in drawn]))
    replay.add([episode(10, 4, name=4)])
    replay.remove(keys[[int(t.tokens[0]) == 1 for t in drawn]])
    replay.set_priorities(keys[[int(t.tokens[0]) == 1 for t in drawn]], np.array([100.0]))  # has left

    def shares(exponent: float) -> np.ndarray:
        counted = [int(replay.sample(1, rng, exponent)[0][0].tokens[0]) for _ in range(4000)]
        return np.bincount(counted, minlength=5) / 4000

    np.testing.assert_allclose(shares(0.5), np.array([2, 0, 0, 4, 4]) / 10, atol=0.03)
    np.testing.assert_allclose(shares(1.0), np.array([4, 0, 0, 16, 16]) / 36, atol=0.03)
    np.testing.assert_allclose(shares(0.0), np.array([1, 0, 1, 1, 1]) / 4, atol=0.03)
    assert len(replay.sample(4, rng, 1.0)[0]) == 4  # no priority is out of reach


def test_new_episodes_are_drawn_like_the_one_of_the_largest_priority():
    replay, rng = EpisodeReplay(1000), np.random.default_rng(0)
    replay.add(episode(10, 4, name=i) for i in range(4))
    drawn, keys = replay.sample(4, rng)
    replay.set_priorities(keys, np.array([9.0 if t.tokens[0] == 2 else 0.0 for t in drawn]))
    replay.add([episode(10, 4, name=4)])
    counted = [int(replay.sample(1, rng, 1.0)[0][0].tokens[0]) for _ in range(1000)]
    assert set(counted) == {2, 4}
    assert counted.count(4) == pytest.approx(500, abs=80)


def test_a_priority_of_an_episode_that_left_is_no_others():
    replay, rng = EpisodeReplay(40), np.random.default_rng(0)
    replay.add(episode(10, 4, name=i) for i in range(4))
    drawn, keys = replay.sample(4, rng)
    key = {int(t.tokens[0]): int(k) for t, k in zip(drawn, keys, strict=True)}
    replay.add(episode(10, 4, name=i) for i in (4, 5))  # 0 and 1 had to make room
    drawn, keys = replay.sample(4, rng)
    replay.set_priorities(keys, np.array([1.0 if t.tokens[0] == 3 else 0.0 for t in drawn]))
    replay.set_priorities(np.array([key[0], key[1]]), np.array([1e9, 1e9]))
    assert {int(replay.sample(1, rng, 1.0)[0][0].tokens[0]) for _ in range(100)} == {3}


def test_the_replay_stores_the_first_column_of_an_episode(tmp_path):
    replay = EpisodeReplay(1000)
    replay.add(replace(episode(10, 4, name=i), start=3 * i) for i in range(4))
    replay.save(tmp_path / "replay.safetensors")
    for kept in (replay, EpisodeReplay.load(tmp_path / "replay.safetensors", 1000)):
        assert [t.start for t in kept.newest(4)] == [0, 3, 6, 9]
        drawn, _ = kept.sample(4, np.random.default_rng(0))
        assert all(t.start == 3 * t.tokens[0] for t in drawn)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_samples_are_the_same_after_saving_and_loading(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("replay") / "replay.safetensors"
    replay = EpisodeReplay(150)
    rng = np.random.default_rng(seed)
    replay.add(random_trajectory(rng, round=i // 4) for i in range(40))
    _, keys = replay.sample(5, rng)
    replay.remove(keys[1:3])
    replay.set_priorities(keys[3:], np.array([3.0, 0.5]))
    replay.save(path)
    loaded = EpisodeReplay.load(path, 150)
    assert (len(loaded), loaded.tokens, loaded.transitions) == (
        len(replay),
        replay.tokens,
        replay.transitions,
    )
    both = [replay, loaded]
    for step in range(3):
        drawn = [r.sample(6, np.random.default_rng(step), step / 2) for r in both]
        for a, b in zip(drawn[0][0], drawn[1][0], strict=True):
            assert_same(a, b)
        for r, (_, removed) in zip(both, drawn, strict=True):  # and they go on alike
            r.remove(removed[:1])
            r.add(some(3, seed + step))
        assert names(replay) == names(loaded)


def test_what_is_sampled_is_a_copy():
    replay = EpisodeReplay(12)
    replay.add([episode(10, 4, name=1)])
    sampled = replay.sample(1, np.random.default_rng(0))[0][0]
    sampled.tokens[:] = 7
    sampled.rewards[:] = 7.0
    assert names(replay) == [1]
    assert replay.newest(1)[0].score == 0.0
    replay.add([episode(10, 4, name=2)])
    assert set(sampled.tokens.tolist()) == {7}


def test_memory_is_the_sum_of_what_is_kept():
    replay = EpisodeReplay(10_000)
    assert np.isnan(replay.memory().bytes_per_transition)
    two_turns = Trajectory(
        np.arange(7, dtype=np.int32), np.array([2, 3, 5], np.int32), *np.zeros((3, 3), np.float32)
    )
    replay.add([episode(10, 4), two_turns])
    memory = replay.memory()
    tokens, numbers, turns, episodes = 17 * 4, 7 * 3 * 4, 3 * 8, 2 * (3 * 8 + 7 * 4 + 2)
    assert memory.used == tokens + numbers + turns + episodes
    assert memory.transitions == 7
    assert memory.bytes_per_transition == memory.used / 7


def test_a_transition_takes_at_most_24_bytes():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(3, 32)).astype(np.float32)
    tokens, actions = rng.integers(50_000, size=64, dtype=np.int32), np.arange(32, 64, dtype=np.int32)
    tracemalloc.start()
    try:
        replay = EpisodeReplay(1_000_000)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5000):
            replay.add([Trajectory(tokens, actions, *numbers)])
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    memory = replay.memory()
    assert memory.transitions == 160_000
    assert memory.bytes_per_transition <= 24
    assert abs(taken - memory.allocated) < 20_000
    assert memory.allocated <= 1.35 * memory.used


def test_memory_does_not_grow_once_it_is_full():
    replay = EpisodeReplay(2000)
    allocated = []
    for t in some(4000):
        replay.add([t])
        allocated.append(replay.memory().allocated)
    assert max(allocated[2000:]) <= max(allocated[:2000])
