from pathlib import Path

import pytest
from fake_assets import asset_of, make_wheel

from llm_envs.assets import ASSETS

FILES = {"small_words/words.txt": b"sea stone sky\n" * 40, "small_words/more.txt": b"harbour\n"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "index", FILES)


@pytest.fixture
def asset(wheel: Path, home: Path, monkeypatch: pytest.MonkeyPatch):
    made = asset_of(wheel, FILES)
    monkeypatch.setitem(ASSETS, made.name, made)
    return made
