"""What `train` says about --resume after an interruption is what --resume then does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llm_benchmarks.commands.app import main
from llm_benchmarks.console.input import INTERRUPTED
from llm_benchmarks.run import training as training_module

TRAIN = ["train", "--env", "TextGen-Tiny-v0", "--agent", "sb3_dqn", "--total-timesteps", "300"]
BEGINS_ANEW = "there is no checkpoint to go on from: it begins anew"


@pytest.mark.parametrize("learned", [False, True], ids=["before the first checkpoint", "after one"])
def test_the_interruption_says_whether_there_is_a_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], learned: bool
) -> None:
    def interrupted(function: Any, *arguments: Any, **options: Any) -> None:
        if learned:
            function(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(training_module, "interruptibly", interrupted)
    words = [*TRAIN, "--out", str(tmp_path / "out")]
    assert main(words) == INTERRUPTED
    told = " ".join(capsys.readouterr().err.split())
    assert "interrupted; the agent stands in" in told
    assert ("--resume goes on" in told) is learned
    assert ("no checkpoint had been written yet, so --resume begins anew" in told) is not learned

    monkeypatch.undo()
    assert main([*words, "--resume"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert (BEGINS_ANEW in told) is not learned
