"""Dense rewards are differences of the scores of prefixes: in single environments, in rows and in copies."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

import llm_envs  # noqa: F401
from llm_envs.episode import Episode

SUM = {"bleu": 1.0, "chrf": 0.5, "rouge": 0.3, "length_penalty": -0.1, "repetition": -0.2}
CASES = {
    "words": ("Translation-v0", {"reward": SUM}),
    "bleu of words": ("Translation-v0", {"reward": "bleu"}),
    "bytes": ("Translation-v0", {"reward": SUM, "tokenizer": "byte", "max_prompt_tokens": 200}),
    "chinese": ("Translation-EnZh-v0", {"reward": SUM}),
    "poems": ("TextGen-v0", {"reward": {"bleu": 1.0, "fluency": 1.0}, "max_new_tokens": 40}),
    "bleu of poems": ("TextGen-v0", {"reward": "bleu", "max_new_tokens": 40}),
    "dialogues": ("Dialogue-v0", {"reward": "default"}),
    "words of dialogues": ("Dialogue-v0", {"reward": {"distinct": 1.0, "task_success": 1.0}}),
    "a part from scratch": ("Translation-v0", {"reward": {"bleu": 1.0, "token_f1": 1.0}}),
}
made = {}


def env_of(name):
    if name not in made:
        env_id, kwargs = CASES[name]
        made[name] = gym.make(env_id, reward_timing="dense", **kwargs).unwrapped
    return made[name]


def written(env, rng, count):
    """Tokens as a policy writes them: those of a reference with others among them."""
    task = env.task
    example = task.examples[0]
    text = example.references[0] if example.references else "I would like a cheap hotel ."
    ids = task.tokenizer.encode(text) * (count // 3)
    return [
        int(rng.integers(task.vocabulary_size)) if rng.random() < 0.3 or not ids else int(ids[k % len(ids)])
        for k in range(count)
    ]


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(CASES)), seed=st.integers(0, 10**6), copied=st.integers(1, 30))
def test_each_reward_is_the_difference_of_two_scores_from_scratch(name, seed, copied):
    env = env_of(name)
    env.reset(seed=seed, options={"example": 0})
    score, reward_set, start = 0.0, env.task.reward, env.task.max_prompt_tokens
    said = []
    for step, action in enumerate(written(env, np.random.default_rng(seed), 60)):
        if step == copied:
            env = copy.deepcopy(env)
        observation, reward, terminated, _, info = env.step(action)
        said.append(action)
        if terminated:
            after = info["outcome"]["reward"]
        elif env.task.max_turns > 1:
            score += reward
            continue
        else:
            text = env.tokenizer.decode(said)
            assert observation[start : start + len(said)].tolist() == said
            after = reward_set(Episode(env.task.examples[0], text, tuple(said)))
        assert reward == pytest.approx(after - score, abs=1e-12)
        score = after
        if terminated:
            break


def test_a_cheap_potential_shapes_an_expensive_reward():
    timing = {"id": "shaped", "gamma": 1.0, "potential": {"bleu": 0.5, "length_penalty": -0.1}}
    env = gym.make("Translation-v0", reward="token_f1", reward_timing=timing).unwrapped
    env.reset(seed=0, options={"example": 0})
    ids = env.tokenizer.encode(env.task.examples[0].references[0])[:4]
    potentials, paid = [0.0], 0.0
    for step, action in enumerate([*ids, env.tokenizer.end_token_ids[0]], 1):
        _, reward, terminated, _, info = env.step(action)
        paid += reward
        if not terminated:
            prefix = Episode(env.task.examples[0], env.tokenizer.decode(ids[:step]), tuple(ids[:step]))
            potentials.append(env.task.potential(prefix))
            assert reward == pytest.approx(potentials[-1] - potentials[-2], abs=1e-12)
    assert list(info["outcome"]["reward_components"]) == ["token_f1"]
    assert paid == pytest.approx(info["outcome"]["reward"])
    assert any(potentials)


@pytest.mark.parametrize("timing", ["dense", "shaped", "shaped by another"])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("name", ["bleu of words", "bleu of poems", "chinese", "bytes", "words of dialogues"])
def test_rows_pay_what_single_environments_pay(name, mode, timing):
    env_id, kwargs = CASES[name]
    shaped = {"id": "shaped", "gamma": 0.9}
    potential = "distinct" if env_id == "Dialogue-v0" else "bleu"
    timings = {"dense": "dense", "shaped": shaped, "shaped by another": {**shaped, "potential": potential}}
    kwargs = {**kwargs, "reward_timing": timings[timing]}
    native = gym.make_vec(env_id, num_envs=4, autoreset_mode=mode, **kwargs)
    loop = SyncVectorEnv([lambda: gym.make(env_id, **kwargs) for _ in range(4)], autoreset_mode=mode)
    native.reset(seed=3)
    loop.reset(seed=3)
    rng, paid = np.random.default_rng(4), 0
    task = native.unwrapped.task
    texts = [task.tokenizer.encode(text) for e in range(50) for text in task.examples[e].references] or [[]]
    words = np.array([i for ids in texts for i in ids] or range(12, 40))
    for step in range(150):
        actions = np.where(
            rng.random(4) < 0.3,
            rng.integers(task.vocabulary_size, size=4),
            words[rng.integers(len(words), size=4)],
        )
        if step % 40 == 20:
            native = pickle.loads(pickle.dumps(native))
        ours, theirs = native.step(actions), loop.step(actions)
        np.testing.assert_array_equal(ours[1], theirs[1])
        np.testing.assert_array_equal(ours[2], theirs[2])
        paid += np.count_nonzero(ours[1])
    assert paid > 20
