"""Measures examples: each is run as it stands, once for each seed. docs/examples.md holds the table.

python examples/measure.py cleanrl_dqn sb3_contrib_qrdqn --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from importlib import import_module

from llm_benchmarks.leaderboard.statistics import mean_interval


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("examples", nargs="+", metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args, options = parser.parse_known_args(argv)  # the rest goes to the examples

    print("| example | before | after | CPU seconds of a run |\n| --- | --- | --- | --- |", flush=True)
    for name in args.examples:
        started, scores = time.process_time(), []
        for seed in args.seeds:
            with contextlib.redirect_stdout(io.StringIO()):
                results = import_module(name).main(["--seed", str(seed), *options])
            scores.append([result.mean_reward for result in results])
        seconds = (time.process_time() - started) / len(args.seeds)
        before, after = (mean_interval(column) for column in zip(*scores, strict=True))
        interval = "" if after.low is None else f" [{after.low:.3f}, {after.high:.3f}]"
        print(
            f"| {name} | {before.estimate:.3f} | {after.estimate:.3f}{interval} | {seconds:.0f} |", flush=True
        )


if __name__ == "__main__":
    main()
