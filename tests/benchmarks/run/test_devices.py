"""Each cell gets one GPU, where there are some."""

from __future__ import annotations

import pytest

from llm_benchmarks.run.devices import gpus_of, least_used, wants_gpu


@pytest.mark.parametrize(
    ("variable", "count", "gpus"),
    [
        (None, 0, []),
        (None, 3, ["0", "1", "2"]),
        ("2, 5", 8, ["2", "5"]),
        ("GPU-8932f937,GPU-46309b15", 2, ["GPU-8932f937", "GPU-46309b15"]),
        ("", 4, []),
        ("-1", 4, []),
        ("1,-1,2", 4, ["1"]),
    ],
)
def test_gpus_are_those_that_the_environment_leaves(
    variable: str | None, count: int, gpus: list[str]
) -> None:
    environment = {} if variable is None else {"CUDA_VISIBLE_DEVICES": variable}
    assert gpus_of(environment, count) == gpus


def test_cells_are_spread_over_the_gpus_and_take_the_one_that_was_freed() -> None:
    gpus, used = ["0", "1", "2"], []
    for _ in range(6):
        gpu = least_used(gpus, used)
        assert gpu is not None
        used.append(gpu)
    assert used == ["0", "1", "2", "0", "1", "2"]
    used.remove("1")
    assert least_used(gpus, used) == "1"
    assert least_used([], []) is None


def test_a_named_device_is_left_as_it_is() -> None:
    assert [wants_gpu(device) for device in ("auto", "cuda", "cuda:1", "cpu", "mps")] == [
        *(True, True),
        *(False, False, False),
    ]
