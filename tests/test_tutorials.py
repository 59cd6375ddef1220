"""The tutorials work from top to bottom, as a reader would run them, with shorter trainings."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from pages import run_page

ROOT = Path(__file__).parent.parent


def test_the_first_agent_is_trained_and_stands_on_the_leaderboard(tmp_path):
    shutil.copy(ROOT / "agents" / "template" / "my_agent.py", tmp_path)
    printed = run_page("docs/tutorials/first_agent.md", tmp_path)
    assert re.search(r"^[a-f] [a-f] [a-f] earns 1\.0$", printed, re.MULTILINE)
    table = printed.partition("TextGen-Tiny-v0 ")[2]
    assert all(agent in table for agent in ("random", "reference", "sb3_dqn", "token_dqn"))
    assert "plain DQN:" in printed
    assert Path(tmp_path, "first-leaderboard.html").stat().st_size > 10_000
    own = Path(tmp_path, "own-leaderboard.html").read_text(encoding="utf-8")
    assert "my_agent:make_agent" in own
    assert "my_rewards:vowels" in own


def test_a_pretrained_model_is_improved_exported_and_read_by_transformers_alone(tmp_path):
    printed = run_page("docs/tutorials/pretrained.md", tmp_path)
    before, after = (
        float(re.findall(rf"^{when}: ([-\d.e]+)$", printed, re.MULTILINE)[0]) for when in ("before", "after")
    )
    assert after > before + 0.05
    assert "served: The concert was" in printed
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in (tmp_path / "exported").iterdir()
    }
