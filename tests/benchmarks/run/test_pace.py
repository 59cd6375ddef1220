"""How long a suite will still take."""

from __future__ import annotations

import io

from rich.console import Console

from llm_benchmarks.run.cells import Cell
from llm_benchmarks.run.pace import SuitePace
from llm_benchmarks.run.progress import SuiteProgress


def test_the_time_left_follows_from_the_cells_that_have_ended() -> None:
    now = [100.0]
    pace = SuitePace(lambda: now[0])
    assert pace.describe(8) == ""
    pace.start()
    now[0] = 160.0
    assert pace.describe(8) == ""  # nothing has ended yet
    pace.end()
    pace.end()
    assert pace.describe(6) == "about 3:00 left"  # two in a minute
    assert pace.describe(0) == ""


def test_cells_that_only_play_take_no_time_beside_trainings() -> None:
    now = [0.0]
    pace = SuitePace(lambda: now[0])
    pace.expect(4)  # of ten cells
    pace.start()
    pace.start()
    now[0] = 100.0
    pace.start(trains=False)
    pace.end(trains=False)
    assert pace.describe(9) == ""
    pace.end()
    assert pace.describe(8) == "about 2:46 left"  # one and a half in 100 s, two and a half left
    for _ in range(3):
        pace.end()
    assert pace.describe(5) == ""  # only cells that play are left


def test_a_line_about_an_ended_cell_tells_the_time_left() -> None:
    out = io.StringIO()
    cells = [Cell(env="TextGen-Tiny-v0", agent="random", seed=seed) for seed in range(3)]
    with SuiteProgress(Console(file=out, soft_wrap=True)) as progress:
        progress.begin(4)
        progress.leave_out(1)
        for cell in cells:
            progress.queued(cell)
        progress.placed(cells[0], "node7")
        progress.ended(cells[0], "completed", 0.5, 1.0, "")
        progress.ended(cells[1], "interrupted", None, 1.0, "")
    lines = out.getvalue().splitlines()
    assert lines[0] == "[0/3] TextGen-Tiny-v0 random seed 0: started on node7"
    assert lines[1].startswith("[1/3] TextGen-Tiny-v0 random seed 0: score 0.500 in 1 s (about 0:0")
    assert lines[2].endswith("seed 1: interrupted in 1 s")


def test_cells_that_wait_for_a_machine_are_counted_and_get_no_bar() -> None:
    out = io.StringIO()
    cells = [Cell(env="TextGen-Tiny-v0", agent="random", seed=seed) for seed in range(3)]
    with SuiteProgress(Console(file=out, force_terminal=True, width=120)) as progress:
        progress.begin(3)
        for cell in cells:
            progress.queued(cell)
        progress.placed(cells[0], "node7")
        progress.withdrawn(cells[2])
        progress.planning(cells[0])  # the display is drawn
        progress.ended(cells[0], "completed", 0.5, 1.0, "")
    shown = out.getvalue()
    assert "1 of 3 done, 1 queued, about" in shown
    assert "seed 1" not in shown
