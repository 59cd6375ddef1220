"""What there is to imitate, and that imitating it is learned; what a fresh learner begins with."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import gymnasium as gym
import numpy as np
import pytest
import torch
from filelock import FileLock
from small_models import small_model
from stable_baselines3.common.callbacks import BaseCallback, ConvertCallback
from tiny_agents import equal, make, weights
from token_worlds import SMALL, World

import llm_envs
from llm_baselines import TokenDQN
from llm_baselines.algorithms.supervised import supervised
from llm_baselines.algorithms.supervised.copying import teach_copying
from llm_baselines.algorithms.supervised.supervised import Supervised
from llm_baselines.algorithms.supervised.warm_start import complete_start
from llm_baselines.anchors.reference import has_demonstrations
from llm_baselines.configuration.options import values_of
from llm_baselines.configuration.tables import AGENT_OPTIONS
from llm_baselines.lm.build import build_language_model
from llm_baselines.training.demonstrations import demonstrations, train_examples

MODEL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.mark.parametrize("env_id", ["TextGen-Tiny-v0", "Translation-v0"])
def test_demonstrations_equal_references_played_in_the_environment(env_id):
    env = gym.make(env_id)
    task = env.unwrapped.task
    examples = np.arange(5)
    shown = iter(demonstrations(env, examples))
    for index in examples.tolist():
        for _ in task.examples[index].references:
            t = next(shown)
            observation, _ = env.reset(options={"example": index})
            for column in t.actions.tolist():
                np.testing.assert_array_equal(observation[observation >= 0], t.tokens[:column])
                observation, reward, terminated, _, _ = env.step(int(t.tokens[column]))
            assert terminated
            np.testing.assert_array_equal(observation[observation >= 0], t.tokens)
            if env_id == "TextGen-Tiny-v0":
                assert reward == 1.0
    assert next(shown, None) is None


def test_dialogues_are_the_experts():
    env = gym.make("Dialogue-v0")
    shown = demonstrations(env, np.arange(6), per_example=2, seed=1)
    assert len(shown) == 12
    progress = [t.score / (1 - len(t.actions) / 200) for t in shown]
    assert np.mean(progress) > 0.8
    assert max(progress) == pytest.approx(1.0)
    assert all((np.diff(t.actions) > 1).any() for t in shown), "users speak too"
    again = demonstrations(env, np.arange(6), per_example=2, seed=1)
    for a, b in zip(shown, again, strict=True):
        np.testing.assert_array_equal(a.tokens, b.tokens)


def test_the_smaller_part_of_the_examples_is_in_the_larger():
    task = gym.make("TextGen-Tiny-v0").unwrapped.task
    count = len(task.examples)
    parts = [set(train_examples(task, fraction).tolist()) for fraction in (0.01, 0.1, 0.5, 1.0)]
    assert [len(part) for part in parts] == [1, -(-count // 10), -(-count // 2), count]
    for smaller, larger in itertools.pairwise(parts):
        assert smaller <= larger


def test_spelling_is_learned_from_references():
    options = {"learning_rate": 5e-3, "learning_rate_end": 5e-4, "warmup_steps": 20, "batch_size": 32}
    options |= {"context_weight": 0.2, "copy_steps": 0, "eval_freq": 4000, "keep_best": True}
    agent = Supervised(MODEL, "TextGen-Tiny-v0", seed=0, device="cpu", **options).learn(30_000)
    assert llm_envs.evaluate(agent, "TextGen-Tiny-v0").mean_reward >= 0.8
    curve = [row["eval/mean_reward"] for row in agent.report.curve]
    assert curve[0] < max(curve)


def test_the_best_weights_on_validation_are_kept():
    best = make("supervised", keep_best=True, eval_freq=100).learn(1500)
    rewards = [row["eval/mean_reward"] for row in best.report.curve]
    envs = best.validation_envs()
    assert llm_envs.evaluate(best, envs, best.config.n_eval_episodes).mean_reward == max(rewards)
    kept = [row for row in best.report.curve if row["timesteps"] == best.report.kept_timesteps]
    assert [row["eval/mean_reward"] for row in kept] == [max(rewards)]
    last = make("supervised", keep_best=False, eval_freq=100).learn(1500)
    assert llm_envs.evaluate(last, envs, best.config.n_eval_episodes).mean_reward == rewards[-1]


@pytest.mark.parametrize("name", ["logits", "rloo"])
def test_training_that_only_harms_keeps_the_first_weights(name):
    taught = {"total_timesteps": 6000, "learning_rate": 5e-3, "copy_steps": 0, "eval_freq": 0}
    agent = make(name, supervised=taught, learning_rate=0.1, learning_rate_end=0.1, n_eval_episodes=30)
    rewards = [row["eval/mean_reward"] for row in agent.learn(300).report.curve]
    assert max(rewards[1:]) < rewards[0]
    assert agent.report.curve[0]["timesteps"] == 0
    assert llm_envs.evaluate(agent, agent.validation_envs(), 30).mean_reward == rewards[0]


def test_training_ends_at_the_plateau():
    agent = make("supervised", learning_rate=1e-9, learning_rate_end=1e-9, patience=3, eval_freq=100)
    agent.learn(100_000)
    assert len(agent.report.curve) == 4
    agent.learn(200_000)
    assert len(agent.report.curve) == 7, "a second call has patience anew"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_dataset": "poem-requests"}, "train_dataset='poem-requests' is for agents that play"),
        ({"reward": "bleu"}, "reward='bleu' is for agents that play"),
        ({"patience": 2, "eval_freq": 0}, "patience=2 counts evaluations"),
    ],
)
def test_options_that_would_do_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make("supervised", **options)
    with pytest.raises(ValueError, match=message):
        make("logits", supervised=options)


def test_copying_is_taught_whole_or_not_at_all(monkeypatch):
    whole, broken = (make("supervised", copy_steps=6) for _ in range(2))
    whole.learn(60)
    step = torch.optim.AdamW.step

    def third(self, *args, **kwargs):
        steps.append(self)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    steps = []
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", third)
        with pytest.raises(KeyboardInterrupt):
            broken.learn(60)
    assert len(steps) == 3
    assert equal(weights(broken.learn(60)), weights(whole))


def batches_of(agent, steps):
    """What its updates learn from."""
    seen, update = [], agent.update
    agent.update = lambda batch, run: (seen.append(batch), update(batch, run))[1]
    agent.learn(steps)
    return seen


def test_every_epoch_shows_all_demonstrations_in_an_order_of_its_own():
    agent = make("supervised", copy_steps=0, eval_freq=0, train_fraction=0.2)
    batches = batches_of(agent, 1000)
    shown, per_epoch = len(agent._trajectories), -(-len(agent._trajectories) // 8)
    assert len(batches) >= 2 * per_epoch
    epochs = [
        [t.tokens.tobytes() for batch in batches[start : start + per_epoch] for t in batch]
        for start in (0, per_epoch)
    ]
    assert len(epochs[0]) == shown
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(t.tokens.tobytes() for t in agent._trajectories)


@pytest.mark.parametrize("disguise", [True, False])
def test_database_values_are_replaced_only_with_disguise(disguise):
    env = gym.make("Dialogue-v0")
    options = {"copy_steps": 0, "eval_freq": 0, "train_fraction": 0.02, "batch_size": 4}
    agent = make("supervised", env, disguise=disguise, **options)
    batches = batches_of(agent, 400)
    as_they_were = {t.tokens.tobytes() for t in agent._trajectories}
    learned_from = {t.tokens.tobytes() for batch in batches for t in batch}
    assert (learned_from <= as_they_were) == (not disguise)


def test_there_must_be_something_to_imitate(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(f'{{"prompt": "write {i}"}}\n' for i in range(60)))
    env = gym.make("TextGen-v0", dataset=f"file:{path}", reward="sentiment")
    assert not has_demonstrations(env.unwrapped.task)
    for refused in (env, World()):
        for folder in ("", str(tmp_path / "starts")):
            with pytest.raises(ValueError, match="has neither"):
                Supervised(SMALL, refused, device="cpu", warm_start_folder=folder).learn(10)


def test_a_model_learns_to_copy_from_random_tokens():
    lm = build_language_model("nano", vocabulary_size=50, context_length=64, seed=0)
    state = torch.get_rng_state()
    # The tokens are uniform: only who looks back can do better than log 50.
    assert teach_copying(lm, 300, seed=0) < np.log(50) - 0.2
    assert torch.equal(torch.get_rng_state(), state)


def test_a_display_can_follow_the_copying(monkeypatch):
    agent, seen = make("supervised", copy_steps=3), []

    def teach(lm, steps, seed, *, progress_bar, on_step):
        for done in range(1, steps + 1):
            on_step(done)
            seen.append(agent.training_stage)

    monkeypatch.setattr(supervised, "teach_copying", teach)
    agent.learn(20)
    assert seen == [("training: copying", done, 3) for done in (1, 2, 3)]
    assert agent.training_stage is None


# The start of other learners.


@pytest.mark.parametrize("name", ["logits", "head", "rloo"])
def test_a_fresh_learner_begins_from_demonstrations(name):
    agent = make(name)
    fresh = agent.lm.identity()
    agent.learn(0)
    begun = agent.lm.identity()
    assert begun != fresh
    assert agent.report.gradient_steps > 0
    assert agent.report.environment_steps == 0
    if agent.network.reference is not None:
        assert agent.network.reference.identity() == begun, "the reference is what it begins as"
    without = make(name, warm_start=False)
    without.learn(0)
    assert without.lm.identity() == fresh


def test_warm_start_options_override_the_table(monkeypatch):
    begun = []
    monkeypatch.setattr(Supervised, "learn", lambda self, total, **_: begun.append((self.config, total)))
    table = AGENT_OPTIONS.options("supervised", "Dialogue-v0")
    mine = {"batch_size": 7, "learning_rate_end": 3e-5, "copy_steps": 5, "total_timesteps": 90}
    make("logits", gym.make("Dialogue-v0"), eval_freq=0, supervised=mine).learn(0)
    ((config, total),) = begun
    assert (config.batch_size, config.learning_rate_end, config.copy_steps, total) == (7, 3e-5, 5, 90)
    assert config.learning_rate == table["learning_rate"], "what is not said is the table's"
    assert config.eval_freq == table["eval_freq"]


def test_the_complete_warm_start_options_are_those_it_trains_with(monkeypatch):
    begun = []
    monkeypatch.setattr(Supervised, "learn", lambda self, total, **_: begun.append((self.config, total)))
    mine = {"batch_size": 7, "relabel": 2}
    make("logits", gym.make("TextGen-v0"), eval_freq=0, train_fraction=0.5, supervised=mine).learn(0)
    ((config, total),) = begun
    written = complete_start(mine, "TextGen-v0", 0.5)
    assert written.pop("total_timesteps") == total
    assert (written.pop("dtype"), written.pop("adapter")) == ("auto", "auto")  # the learner finds out
    assert written == {name: value for name, value in values_of(config).items() if name in written}
    aside = {"warm_start_folder", "checkpoint_freq", "report_to", "eval_metrics"}  # they change no result
    assert set(values_of(config)) - set(written) == aside | {"dtype", "adapter"}


def test_an_interrupted_start_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    learn_round, rounds, stop = Supervised.learn_round, [], 200

    def watched(self, run):
        rounds.append(self.num_timesteps)
        if self.num_timesteps > stop:
            raise KeyboardInterrupt
        learn_round(self, run)

    whole = make("logits").learn(0)
    monkeypatch.setattr(Supervised, "learn_round", watched)
    with pytest.raises(KeyboardInterrupt):
        make("logits").learn(0, run_folder=tmp_path)
    assert rounds[0] == 0
    rounds, stop = [], 10**9
    resumed = make("logits").learn(0, run_folder=tmp_path, resume=True)
    assert rounds[0] >= 100
    assert equal(weights(resumed), weights(whole))


def test_a_users_model_is_not_trained_on_demonstrations():
    model = small_model("gpt2", 8)
    agent = TokenDQN(model, "TextGen-Tiny-v0", device="cpu", warm_start=True, eval_freq=0)
    before = agent.lm.identity()
    agent.learn(0)
    assert agent.lm.identity() == before


def kept_in(folder):
    """The warm starts in a folder; what locks them is hidden."""
    return sorted(folder.glob("[!.]*"))


def test_warm_starts_are_kept_and_shared(tmp_path):
    kept = [make(name, warm_start_folder=str(tmp_path)).learn(60) for name in ("logits", "head", "logits")]
    assert len(kept_in(tmp_path)) == 1, "the same start of two kinds"
    assert equal(weights(kept[0]), weights(kept[2]))
    assert equal(weights(kept[0]), weights(make("logits").learn(60))), "kept or not makes no difference"
    make("rloo", seed=1, warm_start_folder=str(tmp_path)).learn(0)
    make("rloo", warm_start_folder=str(tmp_path), train_fraction=0.5).learn(0)
    assert len(kept_in(tmp_path)) == 3, "another seed and another part of the examples are others"


@pytest.mark.parametrize(("eval_freq", "starts"), [(0, 1), (30, 2)])
def test_rewards_share_a_start_if_none_of_them_chose_its_weights(eval_freq, starts, tmp_path):
    for reward in ("default", "exact_match"):
        env = gym.make("TextGen-Tiny-v0", reward=reward)
        supervised = {"total_timesteps": 60, "eval_freq": eval_freq, "copy_steps": 0}
        make("logits", env, warm_start_folder=str(tmp_path), supervised=supervised).learn(0)
    assert len(kept_in(tmp_path)) == starts


def test_starts_of_another_length_or_model_are_others(tmp_path):
    options = {"warm_start_folder": str(tmp_path), "eval_freq": 0}
    larger = {**SMALL, "hidden_size": 32}
    for total, changes in ((60, {}), (120, {}), (60, {"model": larger}), (60, {})):
        make("supervised", **options, **changes).learn(total)
    assert len(kept_in(tmp_path)) == 3
    assert make("supervised", **options).learn(120).num_timesteps >= 120
    assert make("supervised", **options, model=larger).learn(60).lm.hidden_size == 32


class Stop(BaseCallback):
    """Ends a training at its second update."""

    def _on_step(self):
        return self.n_calls < 2


def test_a_training_that_a_callback_broke_off_is_no_warm_start(tmp_path):
    make("supervised", warm_start_folder=str(tmp_path)).learn(2000, callback=Stop())
    assert not kept_in(tmp_path)
    make("supervised", warm_start_folder=str(tmp_path)).learn(60, callback=ConvertCallback(lambda *_: True))
    assert len(kept_in(tmp_path)) == 1


def test_a_warm_start_that_is_taken_has_begun(tmp_path, monkeypatch):
    trained, taken = (make("supervised", warm_start_folder=str(tmp_path)).learn(60) for _ in range(2))
    assert not taken.is_fresh
    assert taken.updates == trained.updates
    monkeypatch.setattr(supervised, "teach_copying", lambda *_, **__: pytest.fail("it was taught again"))
    taken.learn(200)


def test_a_warm_start_that_another_process_trains_is_waited_for(tmp_path, monkeypatch, capsys):
    make("supervised", warm_start_folder=str(tmp_path / "theirs")).learn(60)
    (trained,) = kept_in(tmp_path / "theirs")
    monkeypatch.setattr(supervised, "teach_copying", lambda *_, **__: pytest.fail("it was trained again"))
    mine = tmp_path / "mine"
    mine.mkdir()
    with ThreadPoolExecutor(1) as pool:
        with FileLock(mine / f".{trained.name}.lock"):
            waiting = pool.submit(make("supervised", warm_start_folder=str(mine)).learn, 60)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=1)
            trained.rename(mine / trained.name)
        assert waiting.result().num_timesteps >= 60
    assert f"another process trains the warm start {trained.name}" in capsys.readouterr().err


def test_a_warm_start_that_is_there_is_taken_without_a_lock(tmp_path, monkeypatch):
    make("supervised", warm_start_folder=str(tmp_path)).learn(60)

    def cannot(*_, **__):
        raise PermissionError("read only")

    monkeypatch.setattr(FileLock, "acquire", cannot)
    taught = []
    monkeypatch.setattr(supervised, "teach_copying", lambda *_, **__: taught.append(1))
    make("supervised", warm_start_folder=str(tmp_path)).learn(60)
    assert not taught
    make("supervised", warm_start_folder=str(tmp_path), seed=1).learn(60)
    assert taught, "where there is none it is trained, lock or not"
    assert len(kept_in(tmp_path)) == 2


def test_a_training_that_went_on_to_more_steps_is_no_warm_start(tmp_path):
    options = {"warm_start_folder": str(tmp_path / "kept")}
    make("supervised").learn(200, run_folder=tmp_path / "run")
    with pytest.warns(UserWarning, match="schedules"):
        make("supervised", **options).learn(400, run_folder=tmp_path / "run", resume=True)
    make("supervised", **options).learn(400, run_folder=tmp_path / "run", resume=True)  # as it is by now
    assert not kept_in(tmp_path / "kept")


def test_warm_starts_of_another_split_are_others(tmp_path):
    for split in ("train", "validation"):
        env = gym.make("TextGen-Tiny-v0", split=split)
        make("supervised", env=env, warm_start_folder=str(tmp_path)).learn(60)
    assert len(kept_in(tmp_path)) == 2


@pytest.mark.parametrize("name", ["logits", "rloo"])
@pytest.mark.parametrize("wrong", [{"reward": "blue"}, {"train_dataset": "poem-reqests"}])
def test_a_bad_training_environment_fails_before_the_warm_start(name, wrong, monkeypatch):
    monkeypatch.setattr(Supervised, "learn", lambda *_, **__: pytest.fail("the warm start began"))
    with pytest.raises(ValueError, match=next(iter(wrong.values()))):
        make(name, **wrong).learn(20)
