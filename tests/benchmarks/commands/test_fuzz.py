"""Random arguments on the command line are accepted or refused, and are never a fault.

A refusal is one line with exit status 2 that names the field and the value. So is the error of own code that
raises, with exit status 1. The arguments are the same in every run.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llm_envs
from llm_baselines.agent import TrainingReport
from llm_baselines.algorithms.rloo import RLOOConfig
from llm_baselines.algorithms.sb3.settings import DQNConfig, PPOConfig
from llm_baselines.algorithms.supervised.config import SupervisedConfig
from llm_baselines.algorithms.token_dqn.head_network import HeadConfig
from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig
from llm_benchmarks.commands.app import main
from llm_benchmarks.run.training import Training
from llm_envs.foreign import shown
from llm_envs.rewards.registry import find_reward

TINY = "TextGen-Tiny-v0"
HANG = 120  # seconds before a case fails

fuzz = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

numbers = st.sampled_from(["0", "1", "2", "-1", "1.5", "1e400", "-0.0", "NaN", "9" * 25])
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
words = st.sampled_from(
    [
        *("", "x", "null", "true", "false", "word", "bleu", "os:system", "\x1b[31m", "\u202e"),
        *(
            "file:",
            "file:~nobody/x.csv",
            "file:/dev/zero",
            "hub:",
            "hf:/nowhere/x",
            "byte:1",
            "word:" + "9" * 99,
        ),
    ]
)
long = st.sampled_from("x9").map(lambda character: character * 5000)
deep = st.sampled_from([200, 3000]).map(lambda n: "[" * n + "]" * n)
values = st.recursive(
    numbers.map(lambda n: n if len(n) < 9 else "3")
    | words.filter(lambda w: len(w) < 99).map(json.dumps)
    | texts.map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda items: f"[{','.join(items)}]")
        | st.dictionaries(
            st.sampled_from(["id", "weight", "rewards", "source", "gamma", "x"]), inner, max_size=2
        ).map(lambda table: "{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in table.items()) + "}")
    ),
    max_leaves=4,
)
anything = numbers | words | texts | long | deep | values


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    def hangs(*_: object) -> None:
        pytest.fail(f"it has not ended after {HANG} seconds")

    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGALRM, hangs)
    yield tmp_path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def outcome(*line: str) -> str:
    """Runs a command; returns the refusal, or "" if it succeeded."""
    signal.alarm(HANG)
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        status = main(line)
    signal.alarm(0)
    said = [text for text in err.getvalue().splitlines() if text.startswith("llm-envs: ")]
    raised = status == 1 and "os:system" in " ".join(line)  # own code that cannot take an episode
    assert status in (0, 2) or raised, err.getvalue()
    assert len(said) == (status != 0), err.getvalue()
    return said[0] if said else ""


def check_named(said: str, names: tuple[str, ...], value: str) -> None:
    """Checks that a refusal names the field, and the value or its faulty part."""
    assert any(name in said for name in names), (said, names)
    with contextlib.suppress(ValueError, RecursionError):
        parts = [shown(repr(part))[:12].rstrip("'\"") for part in _parts(json.loads(value))]
        if any(part in said for part in parts):
            return
    assert value[:12] in said or shown(repr(value))[:12].strip("'\"") in said, (said, value)


def _parts(value: Any) -> Iterator[Any]:
    yield value
    for part in value if isinstance(value, list | Mapping) else ():
        yield from _parts(part)
        if isinstance(value, Mapping):
            yield from _parts(value[part])


ARGUMENTS = {
    "dataset": ("dataset", "data set", "data file"),
    "columns": ("columns",),
    "split": ("split",),
    "tokenizer": ("tokenizer",),
    "reward": ("reward",),
    "metrics": ("metrics", "reward"),
    "reward_timing": ("reward_timing",),
    "max_prompt_tokens": ("max_prompt_tokens",),
    "max_new_tokens": ("max_new_tokens",),
    "long_prompt": ("long_prompt",),
    "render_mode": ("render_mode",),
    "seed": ("seed",),
}


@pytest.fixture(autouse=True)
def nothing_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.mark.parametrize("env_id", llm_envs.list_envs())
@settings(fuzz, max_examples=15)
@given(name=st.sampled_from(sorted(ARGUMENTS)), value=anything)
def test_arguments_of_environments(env_id: str, name: str, value: str) -> None:
    given_apart = {"split": ("--split", value), "reward": ("--reward", value)}
    given = given_apart.get(name, ("--env-set", f"{name}={value}"))
    if said := outcome("play", env_id, *given):
        check_named(said, ARGUMENTS[name], value)


def options_of(reward: str) -> list[str]:
    """Returns the options of a reward that need no other option."""
    parameters = dict(inspect.signature(find_reward(reward)).parameters)
    names = [name for name in parameters if name not in ("context", "episode")]
    needed = {name for name in names if parameters[name].default is inspect.Parameter.empty}
    return [name for name in names if needed <= {name}]


REWARDS = [(name, option) for name in llm_envs.list_rewards() for option in options_of(name)]


@settings(fuzz, max_examples=100)
@given(where=st.sampled_from(REWARDS), value=values)
def test_options_of_rewards(where: tuple[str, str], value: str) -> None:
    reward, option = where
    spec = f'{{"id": "{reward}", "{option}": {value}}}'
    if said := outcome("play", "TextGen-v0", "--reward", spec):
        check_named(said, (option,), value)


CONFIGS = (
    ("sb3_dqn", DQNConfig),
    ("sb3_ppo", PPOConfig),
    ("token_dqn", LogitsConfig),
    ("token_dqn", HeadConfig),
    ("supervised", SupervisedConfig),
    ("rloo", RLOOConfig),
)
LANGUAGE = ("token_dqn", "supervised", "rloo")
OPTIONS = [(agent, f.name) for agent, config in CONFIGS for f in fields(config)]
OPTIONS += [(agent, "model") for agent in LANGUAGE] + [("constant", "text"), ("constant", "examples")]


@settings(fuzz, max_examples=150)
@given(where=st.sampled_from(OPTIONS), value=anything)
def test_options_of_agents(where: tuple[str, str], value: str) -> None:
    agent, option = where
    small = ("--set", "model=nano") if agent in LANGUAGE and option != "model" else ()
    line = ("train", "--env", TINY, "--agent", agent, "--total-timesteps", "1", "--out", "out", *small)
    with pytest.MonkeyPatch.context() as patch:
        # All that is refused is refused before the first step, which is not taken here.
        patch.setattr(Training, "run", lambda training, **_: replace(training.state, report=TrainingReport()))
        said = outcome(*line, "--set", f"{option}={value}")
    shutil.rmtree("out", ignore_errors=True)
    if said:
        check_named(said, (option,), value)


EVALUATE = ("evaluate", "--env", TINY, "--agent", "random", "--episodes", "1", "--store", "store")
AUDIT = ("rewards", "audit", "default", "--env", TINY, "--budget", "short")
WORDS = [
    (EVALUATE, "--seed", "--seed"),
    (EVALUATE, "--num-envs", "--num-envs"),
    (EVALUATE, "--split", "split"),
    (EVALUATE, "--device", "--device"),
    (EVALUATE, "--config", "--config"),
    (EVALUATE, "--agent", "agent"),
    (EVALUATE, "--env", "environment"),
    (("play", TINY), "--example", "example"),
    (("play", TINY), "--seed", "--seed"),
    (("play", TINY), "--env-set", "--env-set"),
    (("benchmark", "--store", "store"), "", "suite"),
    (("benchmark", "demo", "--store", "store"), "--engine", "engine"),
    (("benchmark", "demo", "--store", "store"), "--shard", "--shard"),
    (("benchmark", "demo", "--store", "store"), "--cell-memory", "--cell-memory"),
    (("leaderboard", "show", "--store", "store"), "--env", ""),
    (("leaderboard", "show"), "--store", "--store"),
    (("leaderboard", "compare", "--store", "store"), "", "runs of"),
    (("leaderboard", "curves", "--store", "store", "--env", TINY), "--out", "--out"),
    (("export", "--out", "out"), "--agent", "--agent"),
    (("fetch",), "", "asset"),
    (("rate", "--out", "said.jsonl"), "", ""),
    (("rate", "--store", "store", "--out", "said.jsonl"), "--env", ""),
    (("rate",), "--report", ""),
    (("rewards", "fit-preferences", "--out", "liked"), "", ""),
    (("degenerate",), "", "environment"),
    (("check",), "", "environment"),
    (("check",), "--submission", "--submission"),
    (("check", "random"), "--env", "environment"),
    (("pages", "--out", "pages"), "", "environment"),
    (AUDIT, "--held-out", ""),
    (AUDIT, "--agent", "agent"),
    (AUDIT, "--seed", "--seed"),
    (AUDIT, "--dataset", "dataset"),
    (AUDIT, "--out", "--out"),
]


@settings(fuzz, max_examples=80)
@given(where=st.sampled_from(WORDS), value=numbers | words | texts | long)
def test_words_of_commands(where: tuple[tuple[str, ...], str, str], value: str) -> None:
    Path("store").mkdir(exist_ok=True)
    line, option, name = where
    given = (f"{option}={value}",) if option else ("--", value)
    if said := outcome(*line, *given):
        assert name in said
        assert shown(" ".join(value.split()))[:12] in said or shown(repr(value))[:12].strip("'\"") in said, (
            said
        )
