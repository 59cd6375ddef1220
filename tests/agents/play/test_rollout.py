"""Rollouts: what they give on every kind of environment, and what they say of a broken contract."""

from __future__ import annotations

from collections import Counter

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from token_worlds import Talk, World, in_rows

from llm_baselines.play.rollout import play_episodes
from llm_baselines.play.rows import make_rows
from llm_baselines.play.sampling import uniforms
from llm_baselines.play.transitions import TransitionError, check_spaces, check_start, check_step

SEEDS = list(range(100, 117))


class Fixed:
    """A deterministic policy: an action is a function of the observation."""

    def __init__(self, size: int) -> None:
        self.size, self.seen = size, []

    def act(self, observation, rng):
        self.seen += [row.tobytes() for row in observation]
        numbers = uniforms(7, observation)
        return (numbers * self.size).astype(np.int64), np.log(numbers + 1e-9)

    def keep(self, rows):
        pass


def play(env, num_envs=4, seeds=SEEDS, examples=None, **options):
    space = env.single_action_space if hasattr(env, "single_action_space") else env.action_space
    policy = Fixed(int(space.n))
    trajectories = play_episodes(
        make_rows(env, num_envs),
        policy,
        seeds=seeds,
        examples=examples,
        vocabulary_size=policy.size,
        rng=np.random.default_rng(0),
        **options,
    )
    return trajectories, policy


def play_alone(env, seeds=SEEDS, examples=None):
    """The same by hand, one environment, episode by episode."""
    policy, found = Fixed(int(env.action_space.n)), []
    for k, seed in enumerate(seeds):
        observation, _ = env.reset(seed=seed, options={} if examples is None else {"example": examples[k]})
        first, actions, rewards, log_probs = int((observation >= 0).argmax()), [], [], []
        over = False
        while not over:
            action, log_prob = (x[0] for x in policy.act(observation[None], None))
            actions.append(int(np.flatnonzero(observation >= 0)[-1]) + 1 - first)
            observation, reward, terminated, truncated, _ = env.step(int(action))
            rewards.append(np.float32(reward))
            log_probs.append(np.float32(log_prob))
            over = terminated or truncated
        tokens = observation[observation >= 0].tolist()
        found.append((tokens, actions, rewards, log_probs, terminated))
    return found


def plain(trajectories):
    return [
        (t.tokens.tolist(), t.actions.tolist(), list(t.rewards), list(t.behaviour_log_probs), t.terminated)
        for t in trajectories
    ]


def assert_the_policy_saw_only_what_was_alive(policy, trajectories):
    """Every prefix that an action was taken in, once, and nothing else."""
    seen = Counter(_texts(policy.seen))
    wanted = Counter(tuple(t.tokens[:column]) for t in trajectories for column in t.actions)
    assert seen == wanted


def _texts(seen):
    for row in seen:
        tokens = np.frombuffer(row, np.int32)
        yield tuple(tokens[tokens >= 0])


@pytest.mark.parametrize("num_envs", [1, 3, 32])
@pytest.mark.parametrize("env_id", ["TextGen-Tiny-v0", "Dialogue-v0"])
def test_native_environments_give_what_single_ones_give(env_id, num_envs):
    env = gym.make(env_id)
    examples = [(5 * k) % 60 for k in range(len(SEEDS))]
    trajectories, policy = play(env, num_envs, examples=examples)
    assert plain(trajectories) == play_alone(env, examples=examples)
    assert_the_policy_saw_only_what_was_alive(policy, trajectories)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("env_id", ["TextGen-Tiny-v0", "Dialogue-v0"])
def test_vector_environments_of_ours_in_every_mode(env_id, mode):
    trajectories, policy = play(gym.make_vec(env_id, num_envs=4, autoreset_mode=mode))
    assert plain(trajectories) == play_alone(gym.make(env_id))
    assert_the_policy_saw_only_what_was_alive(policy, trajectories)


def make_world():
    return World(cut=0.2)


def make_talk():
    return Talk(cut=0.1)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("make", [make_world, make_talk])
def test_vector_environments_of_users(make, mode):
    for num_envs in (1, 4):
        trajectories, policy = play(in_rows(make, num_envs, mode))
        assert plain(trajectories) == play_alone(make())
        assert_the_policy_saw_only_what_was_alive(policy, trajectories)


@pytest.mark.parametrize("make", [make_world, make_talk])
def test_single_environments_of_users(make):
    env = make()
    trajectories, policy = play(env)
    assert plain(trajectories) == play_alone(env)
    assert_the_policy_saw_only_what_was_alive(policy, trajectories)
    assert {t.terminated for t in trajectories} == {True, False}
    if make is make_talk:
        assert any((np.diff(t.actions) > 1).any() for t in trajectories)


def test_a_time_limit_truncates():
    env = gym.wrappers.TimeLimit(World(steps=6), 2)
    for t in play(env)[0]:
        assert len(t) <= 2
        assert t.terminated == (t.tokens[-1] == 0)


def test_wrappers_around_our_environments_are_played_as_they_are():
    env = gym.wrappers.TransformReward(gym.make("TextGen-Tiny-v0"), lambda reward: reward - 5)
    assert plain(play(env)[0]) == play_alone(env)


def test_order_and_content_do_not_depend_on_the_number_of_rows():
    env, examples = gym.make("Dialogue-v0"), list(range(17))
    one, *others = (plain(play(env, n, examples=examples)[0]) for n in (1, 2, 5, 17, 40))
    for other in others:
        assert other == one


def test_rows_that_end_leave_the_batch_where_they_are_not_refilled():
    sizes = []

    class Watched(Fixed):
        def act(self, observation, rng):
            sizes.append(len(observation))
            return super().act(observation, rng)

    policy = Watched(4)
    trajectories = play_episodes(
        make_rows(in_rows(make_world, 8), 8),
        policy,
        seeds=SEEDS[:8],
        examples=None,
        vocabulary_size=4,
        rng=np.random.default_rng(0),
    )
    lengths = np.array([len(t) for t in trajectories])
    assert sizes == [int((lengths > step).sum()) for step in range(lengths.max())]


def test_the_policy_hears_which_rows_stay():
    class Remembers(Fixed):
        """Keeps what its rows have written and checks that they go on from there."""

        def __init__(self, size, prompt):
            super().__init__(size)
            self.rows, self.prompt = None, prompt

        def act(self, observation, rng):
            if self.rows is not None:
                for before, now in zip(self.rows, observation, strict=True):
                    length = int(np.flatnonzero(before >= 0)[-1]) + 1
                    begins = (now[self.prompt :] < 0).all()
                    assert begins or (now[:length] == before[:length]).all()
            self.rows = observation.copy()
            return super().act(observation, rng)

        def keep(self, rows):
            self.rows = self.rows[rows] if self.rows is not None and len(rows) else None

    for env, size, prompt in (
        (in_rows(make_world, 5), 4, 3),
        (make_world(), 4, 3),
        (gym.make("TextGen-Tiny-v0"), 8, 4),
    ):
        played = play_episodes(
            make_rows(env, 5),
            Remembers(size, prompt),
            seeds=SEEDS,
            examples=None,
            vocabulary_size=size,
            rng=np.random.default_rng(0),
        )
        assert len(played) == len(SEEDS)


def test_playing_ends_early_with_what_is_finished():
    taken = []

    def stop(over):
        taken.append(len(over))
        return sum(taken) < 12

    everything = plain(play(make_world())[0])
    trajectories, _ = play(make_world(), on_step=stop)
    assert 0 < len(trajectories) < len(SEEDS)
    assert plain(trajectories) == everything[: len(trajectories)]
    rows = make_rows(gym.make("TextGen-Tiny-v0"), 4)
    for count, going_on in ((9, False), (2, True), (6, True)):  # what was left running does not disturb
        played = play_episodes(
            rows,
            Fixed(8),
            seeds=SEEDS[:count],
            examples=range(count),
            vocabulary_size=8,
            rng=np.random.default_rng(0),
            on_step=lambda over, going_on=going_on: going_on,
        )
        wanted = play_alone(gym.make("TextGen-Tiny-v0"), SEEDS[:count], range(count))
        assert plain(played) == (wanted if going_on else [w for w in wanted[:4] if len(w[1]) == 1])


def test_every_step_and_every_end_is_told():
    for env in (make_talk(), in_rows(make_talk, 4), gym.make("TextGen-Tiny-v0")):
        told = []
        trajectories, _ = play(env, on_step=lambda over, told=told: told.extend(over) or True)
        assert len(told) == sum(map(len, trajectories))
        assert sum(told) == len(trajectories)


def test_the_round_is_noted():
    assert {t.round for t in play(make_world(), round=7)[0]} == {7}


@pytest.mark.parametrize("vector", [False, True])
def test_rollouts_store_the_first_column_after_left_padding(vector):
    played, _ = play(in_rows(make_world, 4) if vector else make_world())
    begun = {(t.start, tuple(t.tokens[: t.actions[0]].tolist())) for t in played}
    assert begun == {(1, (1, 2)), (0, (3, 2, 1))}


def test_rows_of_others_that_wait_for_resets_are_refused():
    with pytest.raises(ValueError, match=r"autoreset_mode DISABLED.*NEXT_STEP or SAME_STEP"):
        make_rows(in_rows(make_world, 2, AutoresetMode.DISABLED), 2)
    env = gym.make_vec("TextGen-Tiny-v0", num_envs=3, autoreset_mode="Disabled")
    assert plain(play(env)[0]) == play_alone(gym.make("TextGen-Tiny-v0"))


# The contract.


def box(low=-1, high=3, shape=(6,), dtype=np.int32):
    return spaces.Box(low, high, shape, dtype)


@pytest.mark.parametrize(
    ("observation", "action", "message"),
    [
        (box(), spaces.MultiDiscrete([4]), r"must be Discrete\(V\), got MultiDiscrete"),
        (box(), spaces.Discrete(4, start=1), r"must be Discrete\(V\), got Discrete\(4, start=1\)"),
        (spaces.Discrete(4), spaces.Discrete(4), r"a Box of shape \(L,\), got Discrete\(4\)"),
        (box(shape=(2, 3)), spaces.Discrete(4), r"a Box of shape \(L,\)"),
        (box(dtype=np.float32), spaces.Discrete(4), "dtype float32"),
        (box(low=0, dtype=np.uint8), spaces.Discrete(4), "dtype uint8"),
        (box(low=0), spaces.Discrete(4), "from 0 to 3, with V=4 it must go from -1 to 3"),
        (box(high=4), spaces.Discrete(4), "from -1 to 4, with V=4 it must go from -1 to 3"),
    ],
)
def test_spaces_that_are_no_token_environments(observation, action, message):
    with pytest.raises(ValueError, match=message):
        check_spaces(observation, action)


def test_spaces_of_a_token_environment():
    assert check_spaces(box(dtype=np.int64), spaces.Discrete(4)) == (4, 6)


def rows(*tokens):
    return np.array(tokens, np.int32)


GOOD = rows([-1, 2, 3, -1, -1, -1], [1, 2, 3, -1, -1, -1])


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([-1] * 6, "row 1: reset.. returned no token"),
        ([1, 2, 3, 0, 1, 2], "row 1: reset.. returned an observation without room"),
        ([1, 2, 4, -1, -1, -1], "row 1: 4 in column 2 is no token .0 to 3"),
        ([1, -2, 3, -1, -1, -1], "row 1: -2 in column 1 is no token"),
        ([1, -1, 3, -1, -1, -1], "row 1: there is a gap between tokens"),
        ([-1, 1, -1, 3, -1, -1], "row 1: there is a gap between tokens"),
    ],
)
def test_first_observations_that_break_the_contract(second, message):
    check_start(GOOD, 4)
    with pytest.raises(TransitionError, match=message):
        check_start(np.stack([GOOD[0], second]), 4)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([1, 0, 3, 2, -1, -1], r"row 1: column 1 held 2 before step\(2\) and 0 after it; .*only append"),
        ([2, 3, 2, -1, -1, -1], "row 1: column 0 held 1 before"),  # it slides
        ([-1, 2, 3, 2, -1, -1], "row 1: column 0 held 1 before"),  # it forgets
        ([1, 2, 3, 1, -1, -1], r"row 1: step\(2\) must write .* first free column, 3; that column holds 1"),
        ([1, 2, 3, -1, 2, -1], r"row 1: step\(2\) must write .* first free column, 3; that column holds -1"),
        ([1, 2, 3, -1, -1, -1], "that column holds -1"),
        ([1, 2, 3, 2, -1, 1], "row 1: there is a gap"),
        ([1, 2, 3, 2, 4, -1], "row 1: 4 in column 4 is no token"),
        ([1, 2, 3, 2, -5, -1], "row 1: -5 in column 4 is no token"),
        ([-1] * 6, r"row 1: step\(\) returned an observation without a token"),
    ],
)
def test_steps_that_break_the_contract(second, message):
    actions, first = np.array([0, 2]), [-1, 2, 3, 0, -1, -1]
    for fine in ([1, 2, 3, 2, -1, -1], [1, 2, 3, 2, 0, 1]):
        check_step(GOOD, actions, rows(first, fine), 4)
    with pytest.raises(TransitionError, match=message):
        check_step(GOOD, actions, rows(first, second), 4)


class Full(World):
    """Goes on when its observation is full."""

    def __init__(self):
        super().__init__(prompts=[(1, 2)], steps=2)

    def over(self, text, taken):
        return False


class Slides(World):
    """Its second step moves everything to the left."""

    def over(self, text, taken):
        return taken == self.steps

    def step(self, action):
        observation, *rest = super().step(action)
        return (np.roll(observation, -1) if self._taken == 2 else observation), *rest


@pytest.mark.parametrize(("make", "message"), [(Full, "the observation is full"), (Slides, "column 0 held")])
@pytest.mark.parametrize("vector", [False, True])
def test_a_learner_stops_at_a_broken_contract(make, message, vector):
    from token_worlds import SMALL

    from llm_baselines import TokenDQN

    agent = TokenDQN(SMALL, in_rows(make, 2) if vector else make(), device="cpu", n_envs=4)
    with pytest.raises(TransitionError, match=message):
        agent.learn(100)


def test_wrapped_native_vector_env_without_autoreset_raises():
    rows = gym.make_vec("TextGen-Tiny-v0", num_envs=4, autoreset_mode="Disabled")
    with pytest.raises(ValueError, match="NEXT_STEP or SAME_STEP"):
        make_rows(gym.wrappers.vector.TransformReward(rows, lambda reward: reward - 1.0), 4)


def test_rows_that_were_left_running_are_played_around():
    fresh, used = (gym.make_vec("TextGen-Tiny-v0", num_envs=8, autoreset_mode="Disabled") for _ in range(2))
    used.reset(seed=0)
    examples = [0, 1, 2]
    played, again = (play(env, seeds=SEEDS[:3], examples=examples)[0] for env in (fresh, used))
    assert [t.tokens.tolist() for t in played] == [t.tokens.tolist() for t in again]
