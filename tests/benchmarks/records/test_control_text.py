"""What others wrote reaches no terminal as it is: no control character, no forged line, no markup."""

from __future__ import annotations

import io
import json
import unicodedata
import warnings
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import made_up
import pytest
from hostile import good, plant, refitted
from rich.console import Console
from tiny_agents import make

from llm_baselines.spec import AgentSpec, EnvironmentSpec, RunSpec
from llm_benchmarks.commands import demo, llm_demo
from llm_benchmarks.commands.app import main
from llm_benchmarks.commands.benchmark import print_outcome
from llm_benchmarks.commands.train import _ShownQ
from llm_benchmarks.console.warning_lines import warnings_in_one_line
from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.progress import SuiteProgress
from llm_benchmarks.run.runner import SuiteOutcome
from llm_benchmarks.run.trained_folder import TrainedFolder
from llm_benchmarks.throughput.comparison_line import Comparison
from llm_benchmarks.throughput.comparison_line import show as show_comparisons

CONTROL = "\x1b[31m\x9b2J\u202e\u200b\x07\r\x85\u2028"
EVIL = f"evil{CONTROL}\nforged 0.999 [b]bold[/b] [/nothing] :smile:"
FILE = f"f{CONTROL}[b]x[/b][/b]:smile:"
"""A file name: no separator, no line break of its own but what CONTROL has."""

_ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def safe(text: str) -> str:
    """Checks a report, and returns it."""
    acting = {c for c in text if c != "\n" and unicodedata.category(c) in _ACTING}
    assert acting == set(), text
    assert not any(line.startswith("forged") for line in text.splitlines()), text
    assert "😄" not in text
    return text


def evil_run(**options):
    record, rows = made_up.run(
        EVIL, 1, env=EVIL, config={EVIL: EVIL}, reward=EVIL, kwargs={EVIL: [EVIL]}, **options
    )
    record["facts"]["dataset"]["name"] = record["spec"]["evaluation"]["split"] = EVIL
    for row in rows:
        row["metrics"] = {EVIL: 0.5}
        row["source"] = row["text"] = EVIL
    return refitted(record, rows)


@pytest.fixture
def evil_store(store):
    record, rows = evil_run()
    plant(store.path, good(record, rows))
    other, rows = evil_run(steps=5)
    other["spec"]["agent"]["name"] = "other"
    other["spec"]["environment"]["kwargs"] = {EVIL: 3}
    other["spec"]["variant"] = other["spec"]["experiment"] = EVIL
    plant(store.path, good(*refitted(other, rows)))
    return store


def test_the_leaderboard_shows_names_escaped_and_on_one_line(evil_store, tmp_path, capsys):
    at = ["--store", str(evil_store.path)]
    assert main(["leaderboard", "show", *at]) == 0
    out = "".join(safe(capsys.readouterr().out).split())
    assert r"evil\x1b[31m" in out
    assert "[b]bold[/b]" in out
    assert main(["leaderboard", "compare", EVIL, *at]) == 0
    assert "[/nothing]" in "".join(safe(capsys.readouterr().out).split())
    assert main(["leaderboard", "samples", "--env", EVIL, *at]) == 0
    assert r"evil\x1b[31m" in safe(capsys.readouterr().out)
    picture = tmp_path / "curves.svg"
    assert main(["leaderboard", "curves", "--env", EVIL, "--out", str(picture), *at]) == 0
    assert "\x1b" not in picture.read_text()


def test_a_label_that_looks_like_a_formula_is_drawn(store, tmp_path):
    for agent in ("$x^{", "_hidden"):
        plant(store.path, good(*made_up.run(agent, 1)))
    picture = tmp_path / "curves.svg"
    assert (
        main(
            [
                "leaderboard",
                "curves",
                "--env",
                "Translation-v0",
                "--out",
                str(picture),
                "--store",
                str(store.path),
            ]
        )
        == 0
    )
    assert "_hidden" in picture.read_text()


def test_a_wide_name_leaves_the_table_in_its_columns(store, capsys):
    for agent in ("n" * 4000, "你" * 4000, "good"):
        plant(store.path, good(*made_up.run(agent, 1)))
    assert main(["leaderboard", "show", "--store", str(store.path)]) == 0
    out = capsys.readouterr().out
    assert "good" in out
    assert len(out.splitlines()) < 60


def test_json_for_programs_is_ascii(evil_store, capsys):
    assert main(["leaderboard", "show", "--json", "--store", str(evil_store.path)]) == 0
    out = safe(capsys.readouterr().out)
    assert out.isascii()
    assert {table["env"] for table in json.loads(out)["tables"]} == {EVIL}


def test_the_error_of_a_record_is_printed_on_one_line(store, capsys):
    bad = plant(store.path, good(*made_up.run()))
    extra = store.path / f"{bad}.checkpoint"
    extra.mkdir()
    (extra / FILE.replace("/", "")).write_text("")
    assert main(["leaderboard", "show", "--store", str(store.path)]) == 1
    [line] = safe(capsys.readouterr().err).splitlines()
    assert line.startswith(f"unreadable record {bad[:12]}: checkpoint/f\\x1b[31m")
    assert line.endswith("extra file that is not listed")


def test_a_record_adds_no_row_and_no_markup_to_a_page(store, tmp_path, capsys):
    record, rows = made_up.run(f"evil{CONTROL}\n| <script> [x](y)", 1, env="TextGen-Tiny-v0")
    plant(store.path, good(record, rows))
    out = tmp_path / FILE
    command = ["pages", "TextGen-Tiny-v0", "--out", str(out), "--search-tokens", "50"]
    assert main([*command, "--store", str(store.path)]) == 0
    safe(capsys.readouterr().out)
    lines = [line for line in (out / "TextGen-Tiny-v0.md").read_text().splitlines() if "evil" in line]
    assert [line[0] for line in lines] == ["|", "-"]  # its row, and what it was trained on
    for line in lines:
        assert r"\<script\> \[x\](y)" in line
        assert "\x1b" not in line


TINY = ["--env", "TextGen-Tiny-v0"]


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", *TINY, "--agent", "random", "--store", FILE, "--episodes", "2"],
        ["evaluate", *TINY, "--agent", FILE, "--store", "s"],
        ["evaluate", *TINY, "--agent", "./folder", "--store", "s"],
        ["evaluate", *TINY, "--agent", "random", "--config", FILE, "--store", "s"],
        ["evaluate", *TINY, "--agent", "random", "--set", f"{EVIL}={EVIL}", "--store", "s"],
        ["evaluate", "--env", EVIL, "--agent", "random", "--store", "s"],
        [
            "evaluate",
            "--env",
            "TextGen-v0",
            "--agent",
            "random",
            "--env-set",
            f"dataset=file:{FILE}",
            "--store",
            "s",
        ],
        ["evaluate", *TINY, "--agent", "random", "--device", EVIL, "--store", "s"],
        ["train", *TINY, "--agent", "unigram", "--total-timesteps", "5", "--out", FILE],
        ["train", *TINY, "--agent", "unigram", "--reward", EVIL, "--out", "o"],
        ["train", *TINY, "--agent", f"{EVIL}:x", "--out", "o"],
        ["export", "--agent", FILE, "--out", "o"],
        ["benchmark", FILE, "--store", "s"],
        ["benchmark", "./suite.toml", "--store", FILE],
        ["leaderboard", "show", "--store", FILE],
        ["leaderboard", "show", "--store", ".", "--env", EVIL],
        ["leaderboard", "compare", EVIL, "--store", "."],
        ["leaderboard", "curves", "--env", EVIL, "--store", ".", "--out", f"{FILE}.svg"],
        ["pages", EVIL.replace(":", "")],
        ["pages", "TextGen-Tiny-v0", "--store", FILE],
        ["play", EVIL],
        ["play", "TextGen-Tiny-v0", "--reward", EVIL],
        ["degenerate", EVIL.replace(":", "")],
        ["fetch", EVIL],
        ["llm-demo", "--suite", FILE],
        ["throughput", "--model", FILE],
        [EVIL],
        ["list", f"--{EVIL}"],
    ],
    ids=lambda command: " ".join(command)[:40].encode("ascii", "ignore").decode().replace("\x1b", ""),
)
def test_typed_text_is_printed_without_control_characters(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = Path("folder")
    folder.mkdir()
    (folder / "training.json").write_text(json.dumps({"format": 1, EVIL: 1, "status": EVIL, "seed": EVIL}))
    Path("suite.toml").write_text(
        f"name = {json.dumps(EVIL)}\ndescription = {json.dumps(EVIL)}\n"
        '[evaluation]\nepisodes = 2\n[[cells]]\nenvs = ["TextGen-Tiny-v0"]\nagents = ["random"]\n'
    )
    assert main(command) in (0, 2)
    output = capsys.readouterr()
    assert safe(output.out + output.err) != ""
    assert "Traceback" not in output.err


def test_export_escapes_the_name_of_its_folder(tmp_path, monkeypatch, capsys):
    from llm_benchmarks.commands import export as export_command

    agent = SimpleNamespace(export=lambda out: None)
    monkeypatch.setattr(export_command, "load_trained", lambda *a, **k: agent)
    spec = RunSpec(environment=EnvironmentSpec(id="TextGen-Tiny-v0"), agent=AgentSpec(name="x"))
    trained = TrainedFolder(status="completed", spec=spec)
    monkeypatch.setattr(export_command, "read_training", lambda folder: trained)
    assert main(["export", "--agent", str(tmp_path), "--out", "x[/b]"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "llm-envs train --set model=x[/b]"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_cells_and_messages_escaped(terminal):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=300, color_system=None)
    cell = Cell(env=EVIL, agent=EVIL, reward=EVIL)
    with SuiteProgress(console) as shown:
        shown.begin(2)
        shown.planning(cell)
        shown.skipped(cell)
        shown.started(cell)
        shown.advanced(cell, EVIL, 1, 2)
        shown.ended(cell, "failed", None, 1.0, EVIL)
        print_outcome(console, SuiteOutcome(failed=[(cell, EVIL)], unreadable={"0" * 64: EVIL}))
    text = out.getvalue()
    assert "[/nothing]" in text
    for acting in ("\x1b[31m", "\x9b", "\u202e", "\u200b", "\x07", "\u2028", "\nforged", "😄"):
        assert acting not in text


def test_samples_of_the_demos_are_escaped(evil_store, capsys):
    rows = evil_run()[1]
    out = io.StringIO()
    console = Console(file=out, width=200)
    table = SimpleNamespace(env="e", rows=[])
    for name in (demo.BEFORE, demo.LEARNER):
        record, episodes = made_up.run(name, 1)
        for row in episodes:
            row["source"] = row["text"] = EVIL
        id = evil_store.write(record, episodes)
        table.rows.append(SimpleNamespace(agent=name, records=(id,)))
    demo._print_sample(console, "e", [table], evil_store)
    llm_demo._print_samples(console, rows, rows)
    llm_demo._print_measured(console, {EVIL: [llm_demo.Measured(1.0, 1.0, 1.0)]})
    text = out.getvalue()
    assert "\\x1b" in text
    assert not {c for c in text if c != "\n" and unicodedata.category(c) in _ACTING}


def test_reports_of_measurements_name_models_without_markup(capsys):
    show_comparisons(EVIL, [Comparison("a", 1.0, "b", 1.0, 1.0, 1.0, 1.0)])
    assert "[/nothing]" in safe(capsys.readouterr().out)


def test_q_of_candidates_is_shown_escaped(monkeypatch, capsys):
    report = SimpleNamespace(
        prefix=EVIL, candidates=((EVIL, 0.5),), taken=EVIL, q=0.5, target=0.5, td_error=0.0
    )
    monkeypatch.setattr("llm_baselines.algorithms.token_dqn.inspection.inspect", lambda *a: [report])
    shown = _ShownQ()
    shown.model = shown.played = None
    shown.show("now")
    out = capsys.readouterr().out
    assert not {c for c in out if c != "\n" and unicodedata.category(c) in _ACTING}


def test_the_cache_folder_is_named_escaped(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path / FILE))
    assert main(["fetch", "--list"]) == 0
    assert "\\x1b" in safe(capsys.readouterr().out)
    assert main(["fetch", "--list", "--json"]) == 0
    assert capsys.readouterr().out.isascii()


def test_play_escapes_and_indents_texts_from_files(tmp_path, monkeypatch, capsys):
    data = tmp_path / "pairs.jsonl"
    rows = [{"source": f"{EVIL} {i}", "references": [f"{EVIL} {i}"]} for i in range(40)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr("sys.stdin", io.StringIO("/reference\nevil\n/ids\n/token a\x1bb\n\x1b[31m\n/end\n"))
    assert (
        main(
            [
                "play",
                "Translation-v0",
                "--env-set",
                f"dataset=file:{data}",
                "--env-set",
                "max_prompt_tokens=90",
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert not {c for c in out if c != "\n" and unicodedata.category(c) in _ACTING}
    assert not any(line.startswith("forged") for line in out.splitlines())
    assert "source: evil\\x1b[31m" in out


def test_a_rendered_text_cannot_forge_a_line(tmp_path):
    data = tmp_path / "pairs.jsonl"
    rows = [{"source": f"s{i}\nreward: 1.000", "references": [f"r{i}"]} for i in range(40)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    env = gym.make("Translation-v0", dataset=f"file:{data}", render_mode="ansi")
    env.reset(seed=0)
    assert "\nreward: 1.000" not in env.render()
    assert "\n        reward: 1.000" in env.render()


def test_warnings_of_a_command_stand_on_one_line():
    with warnings_in_one_line():
        [line] = safe(warnings.formatwarning(EVIL, UserWarning, FILE, 3)).splitlines()
    assert "UserWarning: evil\\x1b[31m" in line


def test_training_logs_name_metrics_escaped(monkeypatch, capsys):
    found = SimpleNamespace(mean_reward=0.5, mean_length=1.0, metrics={EVIL: 1.0})
    monkeypatch.setattr("llm_baselines.training.evaluations.evaluate", lambda *a, **k: found)
    agent = make("supervised", verbose=1).learn(60)
    out = capsys.readouterr().out
    assert "evil\\x1b[31m" in out
    safe(out)
    assert f"eval/{EVIL}" in agent.report.curve[0]
