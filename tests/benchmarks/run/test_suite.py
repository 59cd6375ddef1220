"""Suites: what they mean, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_baselines.configuration.tables import AGENT_OPTIONS
from llm_baselines.spec import RunSpec
from llm_benchmarks.run.cells import Cell, Evaluation, SuiteError
from llm_benchmarks.run.environments import evaluation_arguments, training_env
from llm_benchmarks.run.resolve import resolve, resolve_agent
from llm_benchmarks.run.suite import find_suite, load_suite

BLOCK = '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "suite.toml"
    path.write_text(text)
    return path


def test_cells_are_the_product_of_each_block(tmp_path: Path) -> None:
    text = """
        name = "mine"
        [evaluation]
        episodes = 7
        [[cells]]
        envs = ["TextGen-Tiny-v0", "TextGen-v0"]
        agents = ["sb3_dqn"]
        seeds = [0, 1]
        rewards = ["default", {bleu = 1.0}]
        total_timesteps = 100
        [[cells]]
        envs = ["TextGen-v0"]
        agents = ["random"]
    """
    suite = load_suite(write(tmp_path, text))
    assert suite.name == "mine"
    assert len(suite.cells) == 2 * 2 * 2 + 1
    assert {cell.evaluation.episodes for cell in suite.cells} == {7}
    assert suite.cells[3] == Cell(
        env="TextGen-Tiny-v0",
        agent="sb3_dqn",
        seed=1,
        reward={"bleu": 1.0},
        total_timesteps=100,
        evaluation=suite.cells[0].evaluation,
        experiment="mine",
    )
    assert suite.env_ids == ["TextGen-Tiny-v0", "TextGen-v0"]


def test_a_reward_in_one_line_becomes_its_specification(tmp_path: Path) -> None:
    text = BLOCK + 'rewards = ["bleu - 0.5 * ter", "chrf"]\n'
    suite = load_suite(write(tmp_path, text))
    assert [cell.reward for cell in suite.cells][:2] == [
        [{"id": "bleu", "weight": 1.0}, {"id": "ter", "weight": -0.5}],
        "chrf",
    ]
    with pytest.raises(SuiteError, match=r"rewards: reward 'bleu \+' cannot be read"):
        load_suite(write(tmp_path, BLOCK + 'rewards = ["bleu +"]\n'))


def test_an_environment_has_one_name(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, BLOCK.replace('"TextGen', '"llm_envs:TextGen')))
    assert suite.env_ids == load_suite(write(tmp_path, BLOCK)).env_ids
    with pytest.raises(SuiteError, match="unknown environment 'Nothing-v0'"):
        load_suite(write(tmp_path, BLOCK.replace('"TextGen-Tiny-v0"', '"llm_envs:Nothing-v0"')))


def test_a_models_pretraining_decides_its_track() -> None:
    def track(cell: Cell) -> str:
        return resolve_agent(cell).spec.agent.track

    found = {
        model: track(Cell(env="TextGen-Tiny-v0", agent="token_dqn", config={"model": model}))
        for model in ("nano", "somebody/model")
    }
    assert found == {"nano": "demonstrations", "somebody/model": "pretrained"}
    scratch = Cell(env="TextGen-Tiny-v0", agent="token_dqn", config={"warm_start": False})
    assert track(scratch) == "scratch"


@pytest.mark.parametrize("agent", ["token_dqn", "rloo"])
def test_the_options_of_a_warm_start_change_the_identity(agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def key(**config: object) -> str:
        cell = Cell(env="Translation-EnZh-v0", agent=agent, total_timesteps=9, config=config)
        return resolve(cell).spec.identity()

    usual = key()
    budget = AGENT_OPTIONS.timesteps("supervised", "Translation-EnZh-v0")
    assert key(supervised={"total_timesteps": budget}) == usual  # the default written out is the same run
    others = [
        key(supervised={"total_timesteps": budget + 1}),
        key(supervised={"learning_rate": 1e-5}),
        key(warm_start=False),
    ]
    options = {"model": "mini", "eval_freq": 777}
    monkeypatch.setattr(
        type(AGENT_OPTIONS), "options", lambda self, agent, env_id, design=None: dict(options)
    )
    monkeypatch.setattr(type(AGENT_OPTIONS), "timesteps", lambda *args: budget + 2)
    others.append(key())
    assert len({usual, *others}) == 1 + len(others)


def test_only_a_fresh_models_start_is_written_out() -> None:
    env_id = "Translation-EnZh-v0"

    def start(**config: object) -> object:
        cell = Cell(env=env_id, agent="token_dqn", total_timesteps=9, config=config)
        return resolve_agent(cell).spec.agent.config["supervised"]

    assert start(train_fraction=0.5)["train_fraction"] == 0.5  # type: ignore[index]
    env_id = "Translation-v0"  # whose table has a start of its own, that leaves something to learn
    assert start()["train_fraction"] == 0.05  # type: ignore[index]
    assert start(model="somebody/model") == start(warm_start=False) == {}


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"total_timesteps": 0}, r"supervised\.total_timesteps=0 must be at least 1; warm_start=False"),
        ({"total_timesteps": "many"}, r"supervised\.total_timesteps='many' must be at least 1"),
        ({"batch_sise": 4}, "unknown option 'batch_sise' of SupervisedConfig; did you mean 'batch_size'"),
    ],
)
def test_an_invalid_warm_start_is_refused_before_anything_is_made(
    start: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_agent(Cell(env="Translation-v0", agent="rloo", config={"supervised": start}))


def test_evaluation_uses_its_own_reward_and_split_paid_at_the_end() -> None:
    cell = Cell(
        env="TextGen-Tiny-v0",
        agent="random",
        reward="length_penalty",
        env_kwargs={"reward_timing": "dense", "max_new_tokens": 4},
        evaluation=Evaluation(split="validation", reward="chrf"),
    )
    assert evaluation_arguments(cell) == {
        "split": "validation",
        "reward": "chrf",
        "metrics": "default",
        "max_new_tokens": 4,
    }


def test_an_agent_is_made_with_the_cells_reward_and_the_train_split() -> None:
    cell = Cell(
        env="TextGen-Tiny-v0",
        agent="random",
        reward="length_penalty",
        env_kwargs={"reward_timing": "dense"},
        evaluation=Evaluation(split="validation", reward="chrf"),
    )
    task = training_env(cell).unwrapped.task  # type: ignore[attr-defined]
    assert list(task.reward.weights) == ["length_penalty"]
    assert (task.split, task.reward_timing) == ("train", "dense")


def test_seeds_of_agents_that_do_not_train_are_added_to_the_evaluation_seed() -> None:
    evaluation = Evaluation(seed=500)
    still = Cell(env="TextGen-Tiny-v0", agent="random", seed=2, evaluation=evaluation)
    trained = Cell(env="TextGen-Tiny-v0", agent="unigram", seed=2, evaluation=evaluation)
    for cell, seed, seeds in (
        (still, 502, {"training": None, "evaluation": 502}),
        (trained, 2, {"training": 2, "evaluation": 500}),
    ):
        resolved = resolve_agent(cell)
        training, judged = resolved.spec.training, resolved.evaluation
        assert resolved.seed == seed
        assert {"training": training and training.seed, "evaluation": judged.seed} == seeds


def test_cells_take_variant_from_block_and_experiment_from_suite(tmp_path: Path) -> None:
    text = 'name = "parts"\n' + BLOCK + 'variant = "no warm start"\n' + BLOCK
    first, second = load_suite(write(tmp_path, text)).cells
    specs = [resolve_agent(cell).spec for cell in (first, second)]
    assert [(spec.experiment, spec.variant) for spec in specs] == [("parts", "no warm start"), ("parts", "")]
    assert specs[0].identity() == specs[1].identity()
    assert str(first) == "TextGen-Tiny-v0 random (no warm start) seed 0"


@pytest.mark.parametrize("reward", ["exact_match", {"id": "exact_match"}, {"exact_match": 1}])
def test_spellings_of_one_evaluation_reward_give_one_identity(reward: object) -> None:
    def identity(reward: object) -> str:
        evaluation = Evaluation(episodes=3, reward=reward)
        return resolve(Cell(env="TextGen-Tiny-v0", agent="random", evaluation=evaluation)).spec.identity()

    assert identity(reward) == identity([{"id": "exact_match", "weight": 1.0}])


@pytest.mark.parametrize(
    ("agent", "config", "decoding"),
    [
        ("lm_sample", {"top_k": 3}, {"temperature": 0.5, "top_k": 3, "top_p": 1.0, "n": 8}),
        ("token_dqn", {"model": "nano", "q": "logits"}, {"temperature": 0.5, "top_k": 0, "top_p": 1.0}),
        ("sb3_dqn", {}, {}),
    ],
)
def test_a_sampled_evaluation_says_how_tokens_are_chosen(
    agent: str, config: dict[str, object], decoding: dict[str, object]
) -> None:
    config = config if agent == "sb3_dqn" else {"temperature": 0.5, **config}
    for deterministic, expected in ((False, decoding), (True, {})):
        evaluation = Evaluation(deterministic=deterministic)
        cell = Cell(env="TextGen-Tiny-v0", agent=agent, config=config, evaluation=evaluation)
        assert resolve_agent(cell).evaluation.decoding == expected


def test_the_folder_of_a_warm_start_changes_no_identity() -> None:
    def spec(**config: object) -> RunSpec:
        return resolve_agent(Cell(env="TextGen-Tiny-v0", agent="token_dqn", config=config)).spec

    kept = spec(warm_start_folder="somewhere", checkpoint_freq=7)
    assert kept.agent.settings == {"warm_start_folder": "somewhere", "checkpoint_freq": 7}
    assert kept.identity() == spec().identity()


def test_a_cell_survives_json(tmp_path: Path) -> None:
    cell = load_suite(write(tmp_path, BLOCK + "tuning_seeds = [5]\ntrials = 3")).cells[0]
    assert Cell.from_dict(cell.to_dict()) == cell


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no [[cells]]"),
        ("[[cells]\n", "suite.toml"),
        (BLOCK + "sedes = [1]", "unknown option 'sedes'; did you mean 'seeds'?"),
        ("[evaluation]\nepisods = 3\n" + BLOCK, "did you mean 'episodes'?"),
        ("[run]\nprocesses = 'two'\n" + BLOCK, "option 'processes' is of type int, got 'two'"),
        ("[run]\nprocesses = 0\n" + BLOCK, "processes=0 must be at least 1"),
        ("[evaluation]\nepisodes = 0\n" + BLOCK, "episodes=0 must be at least 1"),
        ("[evaluation]\nepisodes = 'ten'\n" + BLOCK, "'episodes' is of type int or None, got 'ten'"),
        ("[evaluation]\nnum_envs = 0\n" + BLOCK, "num_envs=0 must be at least 1"),
        ("evaluations = 3\n" + BLOCK, "did you mean 'evaluation'?"),
        (BLOCK.replace("Tiny-v0", "Tniy-v0"), "did you mean 'TextGen-Tiny-v0'?"),
        (BLOCK.replace("random", "randon"), "did you mean 'random'?"),
        (BLOCK.replace('["random"]', "[]"), "agents must name at least one"),
        (BLOCK + "total_timesteps = 'huge'", "not 'huge'"),
        (BLOCK + "seeds = [1000000]", "not below the evaluation seed"),
        (BLOCK + "tuning_seeds = [2000000]", "not below the evaluation seed"),
        (BLOCK + "seeds = [-1]", "seeds are 0 or above"),
        (BLOCK + "track = 'fast'", "none of scratch"),
        (BLOCK + "env_kwargs = {split = 'test'}", "'split' is set by the suite itself"),
    ],
)
def test_an_invalid_suite_is_refused_with_a_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load_suite(write(tmp_path, text))
    assert message in str(caught.value)
    assert "suite.toml" in str(caught.value)


@pytest.mark.parametrize(("name", "agent"), [("demo", "token_dqn"), ("baselines", "unigram")])
def test_suites_of_the_package_load(name: str, agent: str) -> None:
    suite = load_suite(find_suite(name))
    assert {"TextGen-v0", "Translation-v0"} <= set(suite.env_ids)
    assert {"random", "reference", "sb3_dqn", "constant", agent} <= {cell.agent for cell in suite.cells}


def test_an_unknown_suite_is_refused() -> None:
    with pytest.raises(SuiteError, match="did you mean 'demo'"):
        find_suite("demoo")


def test_a_block_can_change_its_evaluation(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text(
        '[evaluation]\nepisodes = 7\n[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\n'
        '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\nevaluation = {deterministic = false}\n'
    )
    first, second = load_suite(path).cells
    assert (first.evaluation.episodes, first.evaluation.deterministic) == (7, True)
    assert (second.evaluation.episodes, second.evaluation.deterministic) == (7, False)


def test_a_blocks_evaluation_overrides_that_of_the_file(tmp_path):
    text = BLOCK + "evaluation = {episodes = 3, reward = 'chrf'}\n" + BLOCK
    evaluation = "[evaluation]\nepisodes = 7\nreward = 'bleu'\nsplit = 'validation'\n"
    first, second = load_suite(write(tmp_path, evaluation + text)).cells
    assert first.evaluation == Evaluation(split="validation", reward="chrf", episodes=3)
    assert second.evaluation == Evaluation(split="validation", reward="bleu", episodes=7)


@pytest.mark.parametrize(
    ("table", "message"),
    [("{seed = 3}", "the seed is the suite's"), ("{episods = 3}", "episods")],
)
def test_an_invalid_evaluation_of_a_block_is_refused(tmp_path, table, message):
    path = tmp_path / "suite.toml"
    path.write_text(f'[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\nevaluation = {table}\n')
    with pytest.raises(SuiteError, match=message):
        load_suite(path)


@pytest.mark.parametrize("value", ["nan", "2024-01-01"])
def test_options_that_no_record_can_hold_are_refused(value, tmp_path):
    path = tmp_path / "suite.toml"
    text = '[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\n'
    path.write_text(text + "config = {foo = " + value + "}\n")
    with pytest.raises(SuiteError, match=r"cannot stand in a record|config\.foo: "):
        load_suite(path)
