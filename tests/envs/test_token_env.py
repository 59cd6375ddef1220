"""The step function: arguments, errors, timing of rewards, rendering."""

from __future__ import annotations

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded

import llm_envs
from llm_envs.envs.dialogue import Booking, DialogueEnv
from llm_envs.episode import Turn
from llm_envs.rewards import RewardError


def finish(env, seed=0, example=None, actions=(), end=True):
    env.reset(seed=seed, options=None if example is None else {"example": example})
    rewards = []
    for action in [*actions, *([env.unwrapped.tokenizer.end_token_ids[0]] if end else [])]:
        _, reward, terminated, _, info = env.step(action)
        rewards.append(reward)
        if terminated:
            return rewards, info["outcome"]
    return rewards, None


@pytest.mark.parametrize("action", [-1, 8, 10**9])
def test_an_action_outside_the_vocabulary_is_named(action):
    env = gym.make("TextGen-Tiny-v0")
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=f"action {action} is outside the vocabulary, 0 to 7"):
        env.step(action)


@pytest.mark.parametrize("action", [1.0, "a", None, np.array([1, 2]), np.float32(2)])
def test_an_action_of_the_wrong_type_is_named(action):
    env = gym.make("TextGen-Tiny-v0")
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="one token id"):
        env.step(action)


@pytest.mark.parametrize("action", [np.int64(3), np.int32(3), np.array(3), 3])
def test_integers_of_any_kind_are_actions(action):
    env = gym.make("TextGen-Tiny-v0")
    env.reset(seed=0)
    assert env.step(action)[0][4] == 3


def test_step_before_reset_and_after_the_end():
    env = gym.make("TextGen-Tiny-v0")
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(1)
    finish(env)
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(1)


@pytest.mark.parametrize("wrong", [3, 99_999])
def test_after_a_reset_that_raised_no_episode_is_running(wrong, monkeypatch):
    env = gym.make("TextGen-Tiny-v0")
    start = env.unwrapped.task.start
    monkeypatch.setattr(env.unwrapped.task, "start", lambda index: start({3: -1_000}.get(index, index)))
    env.reset(seed=0, options={"example": 0})
    env.step(5)
    with pytest.raises(IndexError):
        env.reset(options={"example": wrong})
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(5)
    first, _ = env.reset(options={"example": 1})
    np.testing.assert_array_equal(env.step(5)[0][:4], first[:4])


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"datset": "poems"}, TypeError, "unexpected keyword argument 'datset'; did you mean 'dataset'"),
        ({"dataset": "poem"}, ValueError, "did you mean 'poems'"),
        ({"reward": "blue"}, ValueError, "unknown reward 'blue'; did you mean 'bleu'"),
        ({"reward": {"id": "bleu", "max_ordr": 2}}, ValueError, "max_order"),
        ({"tokenizer": "wrod"}, ValueError, "did you mean 'word'"),
        ({"tokenizer": {"id": "word", "spel": True}}, ValueError, "no option 'spel'"),
        ({"split": "tset"}, ValueError, "unknown split='tset'; the splits are 'train'"),
        ({"reward_timing": "sparse"}, ValueError, "'terminal', 'dense'"),
        ({"reward_timing": {"id": "shaped"}}, ValueError, "gamma"),
        (
            {"reward_timing": {"id": "dense", "potential": "bleu"}},
            ValueError,
            "only 'shaped' takes a potential",
        ),
        ({"reward_timing": {"id": "shaped", "gamma": 1, "potential": "blue"}}, ValueError, "did you mean"),
        (
            {"reward_timing": {"id": "shaped", "gamma": float("nan")}},
            ValueError,
            "reward_timing={'id': 'shaped'",
        ),
        ({"reward_timing": {"id": "shaped", "gamma": -7}}, ValueError, "a number from 0 to 1"),
        ({"reward_timing": {"id": "shaped", "gamma": None}}, ValueError, "'gamma': None}: gamma is"),
        ({"reward_timing": {"id": "shaped", "gamma": "x"}}, ValueError, "'gamma': 'x'}: gamma is"),
        ({"long_prompt": "drop"}, ValueError, "'error' or 'truncate'"),
        ({"max_new_tokens": 0}, ValueError, "max_new_tokens=0"),
        ({"max_prompt_tokens": 2.5}, ValueError, "max_prompt_tokens=2.5"),
        ({"metrics": "bleu"}, ValueError, "list of reward specs"),
    ],
)
def test_bad_arguments_name_the_thing_and_the_way_out(kwargs, error, message):
    with pytest.raises(error) as caught:
        gym.make("TextGen-v0", **kwargs)
    assert message in str(caught.value)


def test_a_tokenizer_folder_that_does_not_exist_is_named():
    pytest.importorskip("transformers")
    with pytest.raises(ValueError, match="cannot load tokenizer 'hf:/no/such/folder'"):
        gym.make("TextGen-v0", tokenizer="hf:/no/such/folder")


def test_limits_are_integers_of_any_kind():
    env = gym.make("TextGen-v0", max_prompt_tokens=np.int64(20), max_new_tokens=np.int32(5))
    assert env.observation_space.shape == (25,)
    assert json.loads(json.dumps(env.unwrapped.task.describe()))["context_length"] == 25
    assert gym.make_vec("TextGen-Tiny-v0", num_envs=np.int64(3)).num_envs == 3


def test_unknown_id_is_named_by_gymnasium():
    with pytest.raises(gym.error.NameNotFound, match="TextGen"):
        gym.make("TextGenn-v0")


def test_a_prompt_that_is_too_long_is_an_error_or_truncated_never_silent():
    with pytest.raises(ValueError, match=r"max_prompt_tokens=4; pass max_prompt_tokens=\d+ or more"):
        gym.make("TextGen-v0", max_prompt_tokens=4)
    whole = gym.make("TextGen-v0").reset(options={"example": 0})[0]
    cut = gym.make("TextGen-v0", max_prompt_tokens=4, long_prompt="truncate").reset(options={"example": 0})[0]
    np.testing.assert_array_equal(cut[:4], whole[:16][-4:])


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_dialogue_that_may_open_with_too_much_is_refused_at_make(split):
    with pytest.raises(ValueError, match="max_prompt_tokens=15; pass max_prompt_tokens=19 or more"):
        gym.make("Dialogue-v0", split=split, max_prompt_tokens=15)
    env = gym.make("Dialogue-v0", split=split, max_prompt_tokens=19)
    wide = gym.make("Dialogue-v0", split=split)
    for seed in range(200):
        np.testing.assert_array_equal(env.reset(seed=seed)[0][:19], wide.reset(seed=seed)[0][13:32])
    gym.make("Dialogue-v0", split=split, max_prompt_tokens=15, long_prompt="truncate").reset(seed=0)


def test_a_reward_that_needs_references_says_so_at_make(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"write about {i}"}) + "\n" for i in range(40)))
    with pytest.raises(ValueError, match="'bleu' needs references"):
        gym.make("TextGen-v0", dataset=f"file:{path}", reward="bleu")
    env = gym.make("TextGen-v0", dataset=f"file:{path}", reward="sentiment")
    assert env.reset(seed=0)[1]["source"].startswith("write about")


def test_a_reward_that_needs_references_looks_at_every_example():
    with pytest.raises(ValueError, match="'bleu' needs references"):  # some of its train requests have none
        gym.make("TextGen-v0", dataset="poem-requests", reward="bleu")
    gym.make("TextGen-v0", dataset="poem-requests", split="test", reward="bleu")
    env = gym.make("TextGen-v0", dataset="poem-requests", metrics="default")
    last = len(env.unwrapped.task.examples) - 1
    assert set(finish(env, example=last)[1]["metrics"]) == {"distinct"}


def write_requests(path, asking):
    """A data set of 40 requests, the last 10 for testing, of which `asking` ask for a word."""
    with path.open("w") as file:
        for i in range(40):
            row = {
                "source": f"write {i}",
                "references": [f"the red sea is wide and blue today {i}"],
                "split": "train" if i < 30 else "test",
                "metadata": {"words": ["sea"]} if i in asking else {"words": []},
            }
            file.write(json.dumps(row) + "\n")


@pytest.mark.parametrize(
    ("asking", "scored"),
    [(range(40), True), (range(1, 40), False), (range(39), False), ((0, 30), False), ((), False)],
)
def test_all_splits_have_one_default_reward_that_scores_every_request(tmp_path, asking, scored):
    path = tmp_path / "requests.jsonl"
    write_requests(path, asking)
    signatures = []
    for split, size in (("train", 30), ("test", 10)):
        env = gym.make("TextGen-v0", dataset=f"file:{path}", split=split)
        signatures.append(env.unwrapped.task.reward.signature)
        assert all(finish(env, example=example)[1] for example in range(size))
    assert signatures[0] == signatures[1]
    assert ("constraints" in signatures[0]) is scored


def test_an_empty_data_set_is_an_error(tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_text("")
    with pytest.raises(ValueError, match=r"empty\.jsonl"):
        gym.make("TextGen-v0", dataset=f"file:{path}")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "1"])
def test_a_reward_that_is_no_finite_number_is_an_error(value):
    env = gym.make("TextGen-Tiny-v0", reward=lambda episode: value)
    with pytest.raises(RewardError):
        finish(env)


def test_a_reward_that_raises_is_named_and_never_becomes_zero():
    def broken(episode):
        raise KeyError("colour")

    env = gym.make("TextGen-Tiny-v0", reward=broken)
    with pytest.raises(RewardError, match=r"broken.*colour") as caught:
        finish(env, actions=[2, 3])
    assert caught.value.text == "a b"


def test_a_reward_of_four_lines():
    @llm_envs.register_reward("test_counts_seas")
    def test_counts_seas(episode, *, word="sea"):
        return float(episode.text.split().count(word))

    env = gym.make("TextGen-Tiny-v0", reward={"id": "test_counts_seas", "word": "a"})
    assert finish(env, actions=[2, 3, 2])[1]["reward"] == 2.0
    assert test_counts_seas is not None


@pytest.mark.parametrize("env_id", ["TextGen-v0", "Translation-v0", "Translation-EnZh-v0", "Dialogue-v0"])
def test_dense_rewards_sum_to_the_terminal_one(env_id):
    terminal = gym.make(env_id, split="test")
    dense = gym.make(env_id, split="test", reward_timing="dense")
    task = terminal.unwrapped.task
    for example in range(6):
        text = (task.examples[example].references or ("what kind of food would you like ?",))[0]
        actions = task.tokenizer.encode(text)[: task.max_new_tokens - 1]
        once, outcome = finish(terminal, 3, example, [*actions, 0] * task.max_turns)
        spread, same = finish(dense, 3, example, [*actions, 0] * task.max_turns)
        assert outcome == same
        assert sum(once) == once[-1] == outcome["reward"]
        assert sum(spread) == pytest.approx(once[-1], abs=1e-12)
        assert any(spread[:-1]) or not once[-1]


def test_shaped_rewards_telescope_under_their_discount():
    gamma = 0.9
    shaped = gym.make("TextGen-Tiny-v0", reward_timing={"id": "shaped", "gamma": gamma})
    plain = gym.make("TextGen-Tiny-v0")
    answer = shaped.unwrapped.tokenizer.encode(shaped.unwrapped.task.examples[0].references[0])
    left, _ = finish(shaped, 0, 0, answer)
    right, _ = finish(plain, 0, 0, answer)

    def discounted(rewards):
        return sum(gamma**t * r for t, r in enumerate(rewards))

    assert discounted(left) == pytest.approx(discounted(right))
    assert left[0] == pytest.approx(gamma / 3)


def test_examples_can_be_chosen_and_missing_ones_are_named():
    env = gym.make("TextGen-Tiny-v0")
    assert env.reset(options={"example": 5})[1]["example"] == 5
    for wrong in (75, -1, "a"):
        with pytest.raises(IndexError, match="example"):
            env.reset(options={"example": wrong})


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_an_unknown_option_of_reset_is_named(make):
    env = make("TextGen-Tiny-v0")
    with pytest.raises(
        ValueError, match=r"no option 'exmple'; did you mean 'example'\? it takes \['example'"
    ):
        env.reset(seed=0, options={"exmple": 3})
    env.reset(seed=0, options={})


def test_metrics_are_recorded_and_not_summed():
    env = gym.make("Translation-v0", metrics=["chrf", {"id": "exact_match"}])
    task = env.unwrapped.task
    _, outcome = finish(env, 0, 0, task.tokenizer.encode(task.examples[0].references[0]))
    assert outcome["reward"] == 1.0
    assert outcome["reward_components"] == {"bleu": 1.0}
    assert outcome["metrics"] == {"chrf": pytest.approx(1.0), "exact_match": 1.0}


def test_render_shows_source_text_and_components(capsys):
    env = gym.make("Translation-v0", render_mode="ansi")
    env.reset(seed=0, options={"example": 0})
    task = env.unwrapped.task
    first = task.tokenizer.encode(task.examples[0].references[0])[0]
    env.step(first)
    shown = env.render()
    assert task.examples[0].source in shown
    assert task.tokenizer.decode([first]) in shown
    assert "bleu 0." in shown
    env.step(0)
    assert "ended by stop" in env.render()
    human = gym.make("Dialogue-v0", render_mode="human")
    human.reset(seed=0)
    assert "user:" in capsys.readouterr().out


def test_data_of_the_user_trains_a_vocabulary_of_its_own(tmp_path):
    path = tmp_path / "pairs.csv"
    rows = "".join(f"question {i},answer {i % 7}\n" for i in range(60))
    path.write_text("q,a\n" + rows)
    env = gym.make(
        "TextGen-v0", dataset=f"file:{path}", columns={"source": "q", "references": "a"}, reward="bleu"
    )
    task = env.unwrapped.task
    assert task.tokenizer.decode(task.tokenizer.encode("answer 3")) == "answer 3"
    assert sum(task.corpus.sizes.values()) == 60


def test_signature_tells_apart_what_cannot_be_compared():
    signature = gym.make("Translation-v0").unwrapped.task.signature
    assert signature == gym.make("Translation-v0", split="test").unwrapped.task.signature
    for change in ({"reward": "chrf"}, {"max_new_tokens": 9}, {"tokenizer": "byte", "max_prompt_tokens": 90}):
        assert gym.make("Translation-v0", **change).unwrapped.task.signature != signature


class Unmoved:
    """The other side of a dialogue, and its reply: says the same for ever."""

    speaker, text, done = "user", "what kind of food ?", False

    def open(self):
        return self.text

    def reply(self, text):
        return self

    def measures(self):
        return {}


def talk(max_turns, width=384):
    """Dialogue-v0 with a user who never leaves."""

    class Talk(Booking):
        _context_length = width

        def conversation(self, example, rng):
            return Unmoved()

    Talk.max_turns = max_turns

    class TalkEnv(DialogueEnv):
        task_class = Talk

    return TalkEnv


def tokens(episode):
    return float(len(episode.action_ids))


def test_signatures_of_dialogues_differ_by_what_the_agent_may_say_alone():
    task = Booking()
    assert Booking(max_new_tokens=31).context_length == task.context_length
    assert Booking(max_new_tokens=31).signature != task.signature
    assert talk(max_turns=13)().task.signature != talk(max_turns=12)().task.signature


@pytest.mark.parametrize("turns", [2, 3])
def test_a_dialogue_is_over_after_so_many_turns_of_the_agent(turns):
    rewards, outcome = finish(talk(max_turns=turns)(reward=tokens), actions=[5, 0] * 9)
    assert len(rewards) == 2 * turns
    assert outcome["finish_reason"] == "length"


@pytest.mark.parametrize("room", [0, 1, 2])
def test_an_answer_that_leaves_no_room_for_a_token_ends_the_dialogue(room):
    limits = {"max_prompt_tokens": 19, "max_new_tokens": 8}
    task = talk(max_turns=3)(**limits).task
    heard = len(task.turn_tokens(Turn("user", Unmoved.text)))
    env = talk(max_turns=3, width=19 + 4 + heard + room)(**limits, reward=tokens)
    rewards, outcome = finish(env, actions=[5, 5, 5, 0, 6, 6, 6])
    assert len(rewards) == 4 + room
    assert len(outcome["action_ids"]) == 4 + room
    assert outcome["finish_reason"] == "length"
