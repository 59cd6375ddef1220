"""Commands with closed pipes, limited encodings and missing standard streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = f"{sys.executable} -m llm_benchmarks"
CHINESE = "Translation-EnZh-v0"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a line in bash with pipefail; "llm-envs" runs this package."""
    bash = ["bash", "-o", "pipefail", "-c", line.replace("llm-envs", COMMAND)]
    return subprocess.run(bash, capture_output=True, env={**os.environ, **environment}, check=False)


def test_closed_pipe_is_no_failure() -> None:
    done = shell("llm-envs list | head -1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.splitlines()) == 1


def test_missing_characters_of_an_encoding_become_escapes() -> None:
    line = f"printf '/reference\\n你好\\n' | llm-envs play {CHINESE}"
    played = shell(line, PYTHONIOENCODING="cp1252")
    assert (played.returncode, played.stderr) == (0, b"")
    assert b"\\u4f60\\u770b" in played.stdout


def test_json_stays_valid_if_the_encoding_lacks_characters() -> None:
    code = (
        "import json; from llm_benchmarks.console.streams import prepare_streams; prepare_streams(); "
        "print(json.dumps(['caf\\u00e9 \\u4f60 \\U0001f600'], ensure_ascii=False))"
    )
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, env={**os.environ, **plain}, check=True)
    assert json.loads(done.stdout) == ["caf\u00e9 \u4f60 \U0001f600"]
    assert done.stdout.isascii()


@pytest.mark.parametrize(
    "line",
    ["play TextGen-Tiny-v0 <&- >&- 2>&-", "fetch --list >&-", "fetch --list 2>&-"],
)
def test_commands_run_with_closed_standard_streams(line: str) -> None:
    assert shell(f"llm-envs {line}").returncode == 0


def test_unwritable_output_is_reported_once(tmp_path: Path) -> None:
    done = shell(f"ulimit -f 0; llm-envs fetch --list > {tmp_path}/out")
    assert done.returncode == 2
    assert done.stderr.decode().count("llm-envs: ") == 1
    assert b"standard output" in done.stderr
    assert b"Traceback" not in done.stderr
    assert shell(f"ulimit -f 0; llm-envs fetch 2> {tmp_path}/err").returncode == 2


def test_width_of_zero_columns_is_ignored() -> None:
    done = shell("llm-envs train --help", COLUMNS="0", TERM="dumb")
    assert done.returncode == 0
    assert b"--total-timesteps" in done.stdout
