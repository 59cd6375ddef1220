import json
import zipfile
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch

import llm_envs
from llm_baselines.agent import TrainableAgent
from llm_baselines.algorithms.sb3.callbacks import RoundCallback
from llm_baselines.configuration.tables import AGENT_OPTIONS
from llm_baselines.registry import agent_defaults, make_agent
from llm_baselines.storage.agent_folder import AgentFolderError
from llm_baselines.storage.not_finite import NotFinite
from llm_baselines.storage.rotation import newest_checkpoint

SMALL = {
    "sb3_dqn": {"embedding_dim": 16, "layers": 1, "n_envs": 4, "batch_size": 16, "learning_starts": 40},
    "sb3_ppo": {"embedding_dim": 16, "layers": 1, "n_envs": 4, "batch_size": 16, "n_steps": 8},
}
SMALL = {k: {**v, "eval_freq": 100, "n_eval_episodes": 8} for k, v in SMALL.items()}


@pytest.fixture
def env():
    return gym.make("TextGen-Tiny-v0")


def make(name, env, seed=0, **config):
    return make_agent(name, env, seed=seed, device="cpu", config={**SMALL[name], **config})


def observations(env, n=8):
    vector = llm_envs.vectorize(env, n)
    return vector.reset(seed=3)[0]


def weights(agent):
    return {name: tensor.clone() for name, tensor in agent.policy.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_optimizer_steps_are_counted_not_epochs(env):
    agent = make("sb3_ppo", env, n_envs=4, n_steps=8, batch_size=8, n_epochs=2).learn(64)
    assert agent.report.gradient_steps == 2 * 2 * 4  # rollouts, epochs, batches


@pytest.mark.parametrize("name", SMALL)
def test_saved_and_loaded_it_acts_the_same(name, env, tmp_path):
    agent = make(name, env).learn(200)
    assert isinstance(agent, TrainableAgent)
    agent.save(tmp_path / "agent")
    loaded = make_agent(str(tmp_path / "agent"), env, seed=1, device="cpu")
    assert equal(weights(agent), weights(loaded))
    seen = observations(env)
    acts = [a.predict(seen, deterministic=True)[0] for a in (agent, loaded)]
    np.testing.assert_array_equal(*acts)
    assert loaded.config == agent.config
    assert loaded.report == agent.report
    assert agent.report.environment_steps >= 200
    assert agent.report.gradient_steps > 0
    assert agent.report.reward_calls > 0
    assert [r["timesteps"] for r in agent.report.curve] == sorted(
        {r["timesteps"] for r in agent.report.curve}
    )


@pytest.mark.parametrize("name", SMALL)
def test_two_runs_with_one_seed_are_equal_and_another_seed_is_not(name, env):
    first, second = (make(name, env).learn(200) for _ in range(2))
    assert equal(weights(first), weights(second))
    assert not equal(weights(first), weights(make(name, env, seed=1).learn(200)))


def test_nothing_pickled_and_altered_files_are_refused(env, tmp_path):
    folder = tmp_path / "agent"
    make("sb3_dqn", env).save(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["agent.json", "manifest.json", "weights.safetensors"]
    for path in folder.iterdir():
        assert not zipfile.is_zipfile(path)
        whole = path.read_bytes()
        assert b"cbuiltins" not in whole
        for damaged in (whole[: len(whole) // 2], whole[:-2] + b"!!"):
            path.write_bytes(damaged)
            with pytest.raises(AgentFolderError, match=path.name):
                make_agent(str(folder), env, seed=0)
        path.write_bytes(whole)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(AgentFolderError, match=r"weights\.safetensors.*missing"):
        make_agent(str(folder), env, seed=0)


def test_the_class_comes_from_the_registry_alone(env, tmp_path):
    from llm_baselines.spec import AgentSpec, EnvironmentSpec, RunSpec
    from llm_baselines.storage.agent_folder import write_agent_folder

    spec = RunSpec(environment=EnvironmentSpec(id="TextGen-Tiny-v0"), agent=AgentSpec(name="os:system"))
    write_agent_folder(tmp_path / "bad", spec, {})
    with pytest.raises(AgentFolderError, match="unknown agent 'os:system'"):
        make_agent(str(tmp_path / "bad"), env, seed=0)


def test_an_agent_of_another_environment_is_refused(env, tmp_path):
    make("sb3_dqn", env).save(tmp_path / "agent")
    other = gym.make("TextGen-Tiny-v0", max_new_tokens=6)
    with pytest.raises(AgentFolderError, match="context length"):
        make_agent(str(tmp_path / "agent"), other, seed=0)


@pytest.mark.parametrize("name", SMALL)
def test_interrupted_and_resumed(name, env, tmp_path, monkeypatch):
    measure = RoundCallback.measure

    def interrupt(self):
        measure(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(RoundCallback, "measure", interrupt)
    agent = make(name, env)
    with pytest.raises(KeyboardInterrupt):
        agent.learn(400, run_folder=tmp_path)
    monkeypatch.undo()
    stopped_at, updates = agent.model.num_timesteps, agent.report.gradient_steps
    assert 100 <= stopped_at < 400
    before = weights(agent)

    resumed = make(name, env)
    seen = []

    def begin(callback):
        seen.append((callback.model.num_timesteps, weights(resumed)))
        callback.evaluations.next_timesteps = 10**9

    monkeypatch.setattr(RoundCallback, "_on_training_start", begin)
    resumed.learn(400, run_folder=tmp_path, resume=True)
    assert seen[0][0] == stopped_at
    assert equal(seen[0][1], before)
    assert resumed.report.environment_steps >= 400
    assert resumed.report.gradient_steps > updates
    assert resumed.report.curve[0] == agent.report.curve[0]
    assert len(list((tmp_path / "resume").iterdir())) == 1
    assert list((tmp_path / "logs").rglob("progress.csv"))


def test_resume_refuses_another_configuration_and_damaged_files(env, tmp_path):
    agent = make("sb3_dqn", env).learn(120, run_folder=tmp_path, resume=True)
    assert agent.report.environment_steps >= 120
    with pytest.raises(AgentFolderError, match="batch_size=16"):
        make("sb3_dqn", env, batch_size=8).learn(200, run_folder=tmp_path, resume=True)
    place = next((tmp_path / "resume").iterdir())
    (place / "network.safetensors").write_bytes(b"PK")
    with pytest.raises(AgentFolderError, match=r"network\.safetensors' was altered or cut short"):
        make("sb3_dqn", env).learn(200, run_folder=tmp_path, resume=True)


def test_training_reward_and_the_environments_own(env):
    design = {"reward": {"bleu": 1.0}, "reward_timing": "dense"}
    venv = make("sb3_dqn", env, **design).vector_env(training=True)
    assert venv.task.reward_timing == "dense"
    assert "bleu" in venv.task.reward.signature
    agent = make("sb3_dqn", gym.make("TextGen-Tiny-v0", reward="chrf"))
    assert agent.config.reward is None
    assert "chrf" in agent.vector_env(training=True).task.reward.signature
    assert "chrf" in agent.vector_env(training=False).task.reward.signature
    agent = make("sb3_dqn", env, reward="chrf")
    assert "chrf" not in agent.vector_env(training=False).task.reward.signature


def test_unknown_options_name_the_nearest(env):
    with pytest.raises(ValueError, match="did you mean 'batch_size'"):
        make("sb3_dqn", env, batchsize=3)
    with pytest.raises(ValueError, match="of type int"):
        make("sb3_dqn", env, batch_size="many")


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    "env_id", ["TextGen-Tiny-v0", "TextGen-v0", "Translation-v0", "Dialogue-v0", "Other-v0"]
)
def test_every_table_of_hyperparameters_is_valid(name, env_id):
    defaults = agent_defaults(name, env_id, "tuned")
    json.dumps(defaults)
    assert 0 < defaults["gamma"] <= 1
    assert defaults["gamma"] == 1 or defaults["reward_timing"] == "dense", (
        "a terminal reward is not discounted"
    )
    assert AGENT_OPTIONS.timesteps(name, env_id, "demo") <= AGENT_OPTIONS.timesteps(name, env_id, "bench")


def test_known_pairs_counts_what_the_train_texts_know():
    from llm_envs import Episode, Example, make_reward
    from llm_envs.rewards import RewardContext

    context = RewardContext(train_texts=lambda: ["the rain falls", "the sea sleeps"])
    reward = make_reward("llm_baselines.sb3.training_rewards:KnownPairs", context)
    counts = {"": 0, "the": 1, "the rain": 2, "the sea falls": 2, "rain the rain the rain": 1}
    assert {text: reward(Episode(Example(""), text)) for text in counts} == counts
    assert reward(Episode(Example(""), "the rain falls", finish_reason="stop")) == 4


def test_dqn_learns_to_spell(env):
    torch.set_num_threads(1)
    agent = make_agent("sb3_dqn", env, seed=0, device="cpu")
    agent.learn(AGENT_OPTIONS.timesteps("sb3_dqn", "TextGen-Tiny-v0", "demo"))
    assert llm_envs.evaluate(agent, "TextGen-Tiny-v0").mean_reward >= 0.9


@pytest.mark.parametrize("name", SMALL)
def test_a_second_call_goes_on_with_the_first(name, env):
    agent = make(name, env).learn(100)
    steps, updates, curve = agent.model.num_timesteps, agent.report.gradient_steps, len(agent.report.curve)
    with pytest.warns(UserWarning, match="nothing to do: total_timesteps=100 .* has made"):
        agent.learn(100)
    agent.learn(300)
    assert agent.model.num_timesteps == agent.report.environment_steps >= 300 > steps
    assert agent.report.gradient_steps > updates > 0
    assert len(agent.report.curve) > curve
    if name == "sb3_dqn":  # what was played before is still in the replay buffer
        assert agent.model.replay_buffer.size() * agent.model.n_envs == agent.model.num_timesteps


def test_without_curve_or_run_folder_the_report_is_filled_too(env):
    report = make("sb3_dqn", env, eval_freq=0).learn(100).report
    assert report.environment_steps >= 100
    assert report.gradient_steps > 0
    assert report.reward_calls > 0


def test_a_new_run_puts_the_checkpoint_of_an_earlier_one_aside(env, tmp_path):
    make("sb3_dqn", env).learn(200, run_folder=tmp_path)
    kept = {place.name for place in (tmp_path / "resume").iterdir()}
    make("sb3_dqn", env).learn(60, run_folder=tmp_path)
    assert {place.name for place in (tmp_path / "resume-earlier").iterdir()} == kept


@pytest.mark.parametrize(
    ("seed", "options", "error"), [(7, {}, "the seed 0, not 7"), (0, {"split": "validation"}, "environment")]
)
def test_a_checkpoint_of_another_seed_or_environment_is_refused(seed, options, error, env, tmp_path):
    make("sb3_dqn", env).learn(60, run_folder=tmp_path)
    with pytest.raises(AgentFolderError, match=error):
        make("sb3_dqn", gym.make("TextGen-Tiny-v0", **options), seed=seed).learn(
            100, run_folder=tmp_path, resume=True
        )


def test_dqn_learns_with_the_discount_and_the_steps_it_was_given(env):
    model = make("sb3_dqn", env, gamma=0.5, n_steps=3, eval_freq=0).learn(60).model
    assert (model.gamma, model.n_steps) == (0.5, 3)
    assert (model.replay_buffer.gamma, model.replay_buffer.n_steps) == (0.5, 3)


@pytest.mark.parametrize(("first", "last"), [(1.0, 0.0), (0.0, 1.0)])
def test_dqn_plays_with_the_last_epsilon(first, last, env):
    options = {"exploration_initial_eps": first, "exploration_final_eps": last, "eval_freq": 0}
    agent, seen = make("sb3_dqn", env, **options).learn(60), observations(env, 64)
    drawn, best = (agent.predict(seen, deterministic=deterministic)[0] for deterministic in (False, True))
    assert (drawn == best).all() == (last == 0.0)


def test_a_wrapped_environment_is_refused(env):
    wrapped = gym.wrappers.TransformReward(env, lambda reward: -reward)
    with pytest.raises(ValueError, match=r"TransformReward.* is wrapped, and sb3_dqn trains on"):
        make("sb3_dqn", wrapped)


def test_a_callable_reward_is_not_saved_and_a_warning_says_so(env, tmp_path):
    make("sb3_dqn", env, reward=lambda episode: -1.0).save(tmp_path / "agent")
    with pytest.warns(UserWarning, match="further training is on the environment's own reward"):
        loaded = make_agent(str(tmp_path / "agent"), env, seed=0, device="cpu")
    loaded.learn(60)


def test_resume_makes_an_interrupted_last_evaluation(env, tmp_path, monkeypatch):
    measure = RoundCallback.measure

    def interrupt(self):
        if self.model.num_timesteps >= 200:
            raise KeyboardInterrupt
        measure(self)

    monkeypatch.setattr(RoundCallback, "measure", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make("sb3_dqn", env).learn(200, run_folder=tmp_path)
    monkeypatch.undo()
    for _ in range(2):
        resumed = make("sb3_dqn", env).learn(200, run_folder=tmp_path, resume=True)
        steps = [row["timesteps"] for row in resumed.report.curve]
        assert steps.count(resumed.report.environment_steps) == 1
        assert steps[-1] == resumed.report.environment_steps >= 200


def test_no_return_sums_rewards_across_a_seam(env, tmp_path):
    """Where a run stopped the rows go on with other episodes."""
    make("sb3_dqn", env, n_steps=3).learn(60, run_folder=tmp_path)
    agent = make("sb3_dqn", env, n_steps=3).learn(120, run_folder=tmp_path, resume=True)
    buffer = agent.model.replay_buffer
    before, after = buffer.next_observations[: buffer.pos - 1], buffer.observations[1 : buffer.pos]
    over = (buffer.dones + buffer.timeouts)[: buffer.pos - 1] > 0
    goes_on = (before == after).all(axis=2)
    assert (goes_on | over).all()
    assert not goes_on.all()


def test_an_interrupted_training_keeps_what_was_best(env, monkeypatch):
    measure = RoundCallback.measure

    def interrupt(self):
        measure(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(RoundCallback, "measure", interrupt)
    agent = make("sb3_dqn", env)
    with pytest.raises(KeyboardInterrupt):
        agent.learn(400)
    best = weights(agent)
    monkeypatch.setattr(RoundCallback, "measure", lambda self: None)
    agent.learn(400)
    assert equal(weights(agent), best)


@pytest.mark.parametrize("name", SMALL)
def test_of_equally_good_weights_the_later_are_kept(name, env, monkeypatch):
    as_good = SimpleNamespace(mean_reward=0.5, mean_length=4.0, metrics={}, rows=())
    monkeypatch.setattr("llm_baselines.training.evaluations.evaluate", lambda *_, **__: as_good)
    kept, last = (make(name, env, keep_best=best).learn(200) for best in (True, False))
    assert len(kept.report.curve) >= 2
    assert kept.report.kept_timesteps == kept.num_timesteps
    assert last.report.kept_timesteps is None
    assert equal(weights(kept), weights(last))


@pytest.mark.parametrize("name", SMALL)
def test_a_learning_rate_that_makes_nan_stops_the_training(name, env, tmp_path):
    agent = make(name, env, learning_rate=1e30)
    with pytest.raises(NotFinite, match=r"is nan at step \d+; there is no checkpoint .* Lower learning_rate"):
        agent.learn(400, run_folder=tmp_path)
    assert newest_checkpoint(tmp_path / "resume") is None
    with pytest.raises(NotFinite, match="hold NaN or infinity"):
        agent.save(tmp_path / "agent")
    assert not (tmp_path / "agent").exists()


@pytest.mark.parametrize("name", SMALL)
def test_nan_keeps_the_last_checkpoint_and_the_best_weights(name, env, tmp_path, monkeypatch):
    agent = make(name, env, checkpoint_freq=40)
    begin = RoundCallback._on_rollout_start

    def spoil(callback):
        begin(callback)
        if callback.model.num_timesteps >= 160:
            with torch.no_grad():
                next(callback.model.policy.parameters()).fill_(float("nan"))

    with monkeypatch.context() as patch:
        patch.setattr(RoundCallback, "_on_rollout_start", spoil)
        with pytest.raises(NotFinite, match=r"step \d+; the last good checkpoint is") as stopped:
            agent.learn(400, run_folder=tmp_path)
    place = newest_checkpoint(tmp_path / "resume")
    assert f"'{place}'" in str(stopped.value)
    assert all(tensor.isfinite().all() for tensor in agent.best[1].values())
    resumed = make(name, env, checkpoint_freq=40).learn(240, run_folder=tmp_path, resume=True)
    assert all(tensor.isfinite().all() for tensor in weights(resumed).values())
    assert resumed.report.environment_steps >= 240


def test_an_interruption_writes_no_checkpoint_of_nan(env, tmp_path, monkeypatch):
    agent = make("sb3_dqn", env)

    def interrupted(callback):
        with torch.no_grad():
            next(callback.model.policy.parameters()).fill_(float("nan"))
        raise KeyboardInterrupt

    monkeypatch.setattr(RoundCallback, "_on_rollout_start", interrupted)
    with pytest.raises(NotFinite):
        agent.learn(400, run_folder=tmp_path)
    assert newest_checkpoint(tmp_path / "resume") is None
