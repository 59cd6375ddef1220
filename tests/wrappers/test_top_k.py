"""TopKActions with scorers in numpy; those of language models are in agents/test_top_k_scorers.py."""

from __future__ import annotations

import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import FlattenObservation, TimeLimit

import llm_envs
from llm_envs import WAIT
from llm_envs.lm.candidates import LOWEST
from llm_envs.wrappers.top_k import TopKActions, TopKPolicy, VectorTopKActions

ROWS = 4


class Scorer:
    """Log-probabilities that are a function of each row alone, to the bit; remembers what it was asked."""

    def __init__(self, size):
        self.size, self.asked = size, []

    def __call__(self, observation):
        self.asked.append(observation.copy())
        read = (observation.astype(np.int64) + 2) * (np.arange(observation.shape[1]) * 7 + 3)
        logits = 4 * np.cos((read.sum(axis=1)[:, None] % 9973) * (np.arange(self.size) + 1) * 0.37)
        return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


class Fixed:
    """The same log-probabilities everywhere."""

    def __init__(self, *log_probs):
        self.log_probs = np.array(log_probs, np.float32)

    def __call__(self, observation):
        return np.tile(self.log_probs, (len(observation), 1))


def make(env_id="TextGen-Tiny-v0", k=4, lm=None, **options):
    env = gym.make(env_id)
    return TopKActions(env, lm or Scorer(env.action_space.n), k, **options)


def assert_same(ours, theirs, path=""):
    """Observations and infos, nested."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), path
        for key in theirs:
            assert_same(ours[key], theirs[key], f"{path}/{key}")
    elif isinstance(theirs, tuple) or (isinstance(theirs, np.ndarray) and theirs.dtype == object):
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b, path)
    else:
        if isinstance(theirs, np.ndarray):
            assert ours.dtype == theirs.dtype, path
        np.testing.assert_array_equal(ours, theirs, err_msg=path)


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("env_id", ["TextGen-Tiny-v0", "Translation-v0"])
def test_passes_the_checkers(env_id):
    from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

    check_env(make(env_id), skip_render_check=True)
    check_env_for_sb3(make(env_id))


def test_an_action_is_the_candidate_with_its_index():
    env = make()
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert info["source"] == "e a c"
    scores = Scorer(8)(observation["tokens"][None])[0]
    np.testing.assert_array_equal(observation["candidates"][:3], np.argsort(-scores)[:3])
    np.testing.assert_array_equal(observation["log_probs"], scores[observation["candidates"]])
    taken, over = [], False
    for action in (2, 1, 2, 0, 1):
        taken.append(int(observation["candidates"][action]))
        observation, reward, over, _, info = env.step(np.int64(action))
        assert env.observation_space.contains(observation)
        assert observation["tokens"][3 + len(taken)] == taken[-1]
        if over:
            break
    assert over
    assert list(info["outcome"]["action_ids"]) == taken
    plain = gym.make("TextGen-Tiny-v0")  # what a record is replayed in
    plain.reset(seed=0)
    assert [plain.step(token)[1] for token in taken][-1] == reward
    assert (observation["candidates"] == -1).all()
    assert (observation["log_probs"] == LOWEST).all()
    with pytest.raises(ResetNeeded):
        env.step(0)


def test_equal_candidates_stand_in_the_order_of_their_ids():
    lm = Fixed(-3, -2, -2, -1, -2, -9, -9, -9)
    assert make(lm=lm, k=3, end_token_ids=()).reset(seed=0)[0]["candidates"].tolist() == [3, 1, 2]
    assert make(lm=lm, k=8).reset(seed=0)[0]["candidates"].tolist() == [3, 1, 2, 4, 0, 5, 6, 7]


def test_an_end_token_takes_the_last_place_where_none_is_among_the_best():
    lm = Fixed(-6, -5, -2, -1, -3, -9, -9, -np.inf)
    assert make(lm=lm, k=3).reset(seed=0)[0]["candidates"].tolist() == [3, 2, 0]
    assert make(lm=lm, k=3, end_token_ids=()).reset(seed=0)[0]["candidates"].tolist() == [3, 2, 4]
    assert make(lm=lm, k=3, end_token_ids=[5, 0]).reset(seed=0)[0]["candidates"].tolist() == [3, 2, 0]
    assert make(lm=lm, k=3, end_token_ids=[4, 0]).reset(seed=0)[0]["candidates"].tolist() == [3, 2, 4]
    assert make(lm=lm, k=3, end_token_ids=[3, 0]).reset(seed=0)[0]["candidates"].tolist() == [3, 2, 4]
    assert make(lm=lm, k=3, end_token_ids=[0, 1]).reset(seed=0)[0]["candidates"].tolist() == [3, 2, 1]
    unlikely = make(lm=lm, k=8).reset(seed=0)[0]
    assert unlikely["candidates"][-1] == 7
    assert unlikely["log_probs"][-1] == LOWEST


def test_what_is_done_to_an_observation_changes_no_action():
    env = make(lm=Fixed(-3, -2, -2, -1, -2, -9, -9, -9), k=3, end_token_ids=())
    observation, _ = env.reset(seed=0)
    observation["candidates"][:] = 7
    written = int((observation["tokens"] >= 0).sum())
    assert env.step(1)[0]["tokens"][written] == 1


def test_k_is_an_integer_of_any_kind():
    env = make(k=gym.make("TextGen-Tiny-v0").action_space.n)
    assert env.action_space == gym.spaces.Discrete(8)
    assert json.loads(json.dumps(env.spec.additional_wrappers[-1].kwargs["k"])) == 8
    assert llm_envs.vectorize(env, 2).single_action_space == gym.spaces.Discrete(8)


def pair(env_id, mode, limit=None, k=5):
    """The vector wrapper around native rows, or around single ones that are truncated; single wrappers."""

    def single():
        return gym.make(env_id) if limit is None else TimeLimit(gym.make(env_id), limit)

    size = gym.make(env_id).action_space.n
    if limit is None:
        many = gym.make_vec(env_id, num_envs=ROWS, autoreset_mode=mode)
    else:
        many = SyncVectorEnv([single] * ROWS, autoreset_mode=mode)
    wrapped = [lambda: TopKActions(single(), Scorer(size), k)] * ROWS
    ends = None if limit is None else gym.make(env_id).unwrapped.tokenizer.end_token_ids
    ours = VectorTopKActions(many, Scorer(size), k, end_token_ids=ends)
    return ours, SyncVectorEnv(wrapped, autoreset_mode=mode)


def assert_equal_play(ours, theirs, mode, steps=60):
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.action_space == theirs.action_space
    assert_same(ours.reset(seed=42), theirs.reset(seed=42))
    ended = 0
    for step in range(steps):
        actions = np.random.default_rng([5, step]).integers(ours.single_action_space.n, size=ROWS)
        got, wanted = ours.step(actions), theirs.step(actions)
        assert got[0] in ours.observation_space
        for a, b in zip(got, wanted, strict=True):
            assert_same(a, b)
        over = got[2] | got[3]
        ended += int(over.sum())
        if mode is AutoresetMode.DISABLED and over.any():
            assert_same(*(env.reset(options={"reset_mask": over}) for env in (ours, theirs)))
    assert ended > 2


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("env_id", ["TextGen-Tiny-v0", "Translation-v0", "Dialogue-v0"])
def test_the_vector_wrapper_equals_single_ones(env_id, mode):
    assert_equal_play(*pair(env_id, mode), mode)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_truncated_episode_has_candidates_to_bootstrap_from(mode):
    ours, theirs = pair("TextGen-Tiny-v0", mode, limit=3)
    assert_equal_play(ours, theirs, mode)
    env = make(k=3, end_token_ids=())
    limited = TimeLimit(env, 2)
    limited.reset(seed=0)
    limited.step(0)
    observation, _, terminated, truncated, _ = limited.step(0)
    assert truncated
    assert not terminated
    assert (observation["candidates"] >= 0).all()


def test_one_pass_scores_all_running_rows_of_a_step():
    many = gym.make_vec("TextGen-Tiny-v0", num_envs=3, autoreset_mode="Disabled")
    scorer = Scorer(8)
    env = VectorTopKActions(many, scorer, 8)
    observation, _ = env.reset(seed=0)
    assert len(scorer.asked) == 1
    end = (observation["candidates"] == 0).argmax(axis=1)
    other = (observation["candidates"] == 3).argmax(axis=1)
    observation, _, terminated, _, _ = env.step(np.where([True, False, False], end, other))
    assert terminated.tolist() == [True, False, False]
    assert len(scorer.asked) == 2
    np.testing.assert_array_equal(scorer.asked[1][0], scorer.asked[0][0])
    np.testing.assert_array_equal(scorer.asked[1][1:], observation["tokens"][1:])
    with pytest.raises(ResetNeeded, match="reset_mask"):
        env.step(np.array([1, 1, 1]))
    end = (observation["candidates"] == 0).argmax(axis=1)
    *_, terminated, _, _ = env.step(np.where([True, False, False], WAIT, end))
    assert terminated.tolist() == [False, True, True]
    assert len(scorer.asked) == 2, "every row is over: there is nothing to score"


def test_rows_can_begin_one_after_another():
    many = gym.make_vec("TextGen-Tiny-v0", num_envs=3, autoreset_mode="Disabled")
    scorer = Scorer(8)
    env = VectorTopKActions(many, scorer, 4)
    observation, _ = env.reset(seed=0, options={"reset_mask": np.array([False, True, False])})
    assert (scorer.asked[0] >= 0).any(axis=1).all(), "a scorer is never given a row without tokens"
    assert (observation["candidates"] >= 0).all(axis=1).tolist() == [False, True, False]
    observation, *_ = env.step(np.array([WAIT, 0, WAIT]))
    assert (observation["candidates"] >= 0).all(axis=1).tolist()[::2] == [False, False]


def test_an_environments_action_mask_bounds_the_candidates():
    class Masked(gym.Wrapper):
        def action_mask(self, observation):
            allowed = np.zeros((len(observation), 8), bool)
            allowed[:, [2, 5, 6]] = True
            return allowed

        @property
        def unwrapped(self):
            return self

        @property
        def tokenizer(self):
            return self.env.unwrapped.tokenizer

    env = TopKActions(Masked(gym.make("TextGen-Tiny-v0")), Fixed(-1, -2, -3, -4, -5, -6, -7, -8), 3)
    assert env.reset(seed=0)[0]["candidates"].tolist() == [2, 5, 6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 1}, r"k=1 must be a whole number from 2 to V=8"),
        ({"k": 9}, r"k=9 must be a whole number from 2 to V=8"),
        ({"k": 2.0}, r"k=2\.0 must be a whole number"),
        ({"k": True}, r"k=True must be a whole number"),
        ({"end_token_ids": 0}, r"end_token_ids=0: give token ids, such as \[0\]"),
        ({"end_token_ids": [1.5]}, r"end_token_ids=\[1\.5\]: give token ids"),
        ({"end_token_ids": [8]}, r"end_token_ids=\[8\]: 8 is not a token id, 0 to 7"),
        ({"lm": 3}, "lm=3 is not a scorer: give a model's name"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
    many = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    with pytest.raises(ValueError, match=message):
        VectorTopKActions(many, **{"lm": Scorer(8), "k": 4, **options})


def test_scorers_that_do_not_fit_are_named_at_the_first_reset():
    with pytest.raises(ValueError, match=r"shape \(1, 7\).*8 tokens have shape \(1, 8\)"):
        make(lm=Scorer(7)).reset(seed=0)
    with pytest.raises(ValueError, match=r"gave 2\.5.*log-softmax"):
        make(lm=Fixed(0, 1, 2, 2.5, 0, 0, 0, 0)).reset(seed=0)
    with pytest.raises(ValueError, match="gave nan"):
        make(lm=Fixed(*[np.nan] * 8)).reset(seed=0)


def test_environments_without_tokens_are_refused():
    with pytest.raises(ValueError, match=r"observation space must be Box\(-1, V-1"):
        TopKActions(gym.make("CartPole-v1"), Scorer(2), 2)
    with pytest.raises(ValueError, match=r"action space must be Discrete\(V\)"):
        TopKActions(gym.make("Pendulum-v1"), Scorer(2), 2)

    class Bare(gym.Env):
        def __init__(self, low=-1, high=4, shape=(3,), dtype=np.int32, start=0):
            self.observation_space = gym.spaces.Box(low, high, shape, dtype)
            self.action_space = gym.spaces.Discrete(5, start=start)

    with pytest.raises(ValueError, match=r"action space must be Discrete\(V\)"):
        TopKActions(Bare(start=1), Scorer(5), 2, end_token_ids=[])
    for other in ({"low": 0}, {"high": 5}, {"shape": (3, 1)}, {"dtype": np.int64}):
        with pytest.raises(ValueError, match=r"observation space must be Box\(-1, V-1"):
            TopKActions(Bare(**other), Scorer(5), 2, end_token_ids=[])
    with pytest.raises(ValueError, match="no tokenizer that names its end tokens: give end_token_ids"):
        TopKActions(Bare(), Scorer(5), 2)
    assert TopKActions(Bare(), Scorer(5), 2, end_token_ids=[]).action_space.n == 2


def test_actions_that_are_no_candidates_are_refused():
    env = make()
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (-1, 4):
        with pytest.raises(InvalidAction, match=f"action {action} is outside the candidates, 0 to 3"):
            env.step(action)
    with pytest.raises(InvalidAction, match="index of a candidate"):
        env.step(0.5)
    many = llm_envs.vectorize(env, 2)
    with pytest.raises(ResetNeeded):
        many.step(np.array([0, 0]))
    many.reset(seed=0)
    for action in (-1, 4):
        with pytest.raises(InvalidAction, match=f"action {action} of row 1 is outside the candidates"):
            many.step(np.array([0, action]))
    with pytest.raises(InvalidAction, match=r"shape|integers"):
        many.step(np.array([0.0, 1.0]))


def test_vectorize_and_the_spec_keep_the_wrapper():
    env = make(k=3, end_token_ids=[2])
    many = llm_envs.vectorize(env, 2, split="test")
    assert isinstance(many, VectorTopKActions)
    assert many.unwrapped.task.split == "test"
    again = gym.make(env.spec)
    assert isinstance(again, TopKActions)
    assert_same(again.reset(seed=3)[0], env.reset(seed=3)[0])
    assert_same(many.reset(seed=3)[0]["candidates"].shape, (2, 3))
    assert env.spec.kwargs == gym.make("TextGen-Tiny-v0").spec.kwargs, "a record names the plain environment"


@pytest.mark.parametrize("vector", [False, True])
def test_a_pickled_wrapper_goes_on_where_it_was(vector):
    env = make()
    env = llm_envs.vectorize(env, 3, autoreset_mode="SameStep") if vector else env
    actions = np.array([1, 2, 1]) if vector else 1
    env.reset(seed=0)
    copy = pickle.loads(pickle.dumps(env))
    assert_same(copy.step(actions)[0], env.step(actions)[0])


class Last:
    """Takes the last candidate that is no end token, in turn with the first."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        written = (observation["tokens"] >= 0).sum(axis=1)
        return np.where(written % 2, 0, observation["candidates"].shape[1] - 2), state


def test_evaluation_is_equal_single_in_rows_and_as_a_plain_policy():
    env = TopKActions(gym.make("TextGen-Tiny-v0", split="test"), Scorer(8), 4)
    single = llm_envs.evaluate(Last(), env, 9, seed=1).rows
    for mode in ("Disabled", "NextStep", "SameStep"):
        many = llm_envs.vectorize(env, 4, autoreset_mode=mode)
        assert llm_envs.evaluate(Last(), many, 9, seed=1).rows == single
    assert llm_envs.evaluate(TopKPolicy(Last(), env), "TextGen-Tiny-v0", 9, seed=1).rows == single
    one = env.unwrapped.reset(seed=0)[0]
    alone, among = (TopKPolicy(Last(), env).predict(shown)[0] for shown in (one, np.stack([one] * 2)))
    assert (np.shape(alone), np.shape(among)) == ((), (2,))
    assert alone in range(8)
    assert among.tolist() == [alone] * 2


def test_one_flat_box_holds_it_all():
    env = FlattenObservation(make())
    observation, _ = env.reset(seed=0)
    assert observation.shape == (9 + 4 + 4,)
    assert env.observation_space.contains(observation)
