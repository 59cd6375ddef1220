"""How fluent and how varied the texts of some records are: `python docs/agents/text_quality.py STORE`.

Fluency, constraints and novelty are means over texts of the rewards of these names; distinct-2 (Li et al.
2016) is the share of different pairs of neighbouring tokens among all that a run has written.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from statistics import mean

import gymnasium as gym

import llm_envs
from llm_benchmarks.llm_demo import distinct_pairs
from llm_benchmarks.store import RecordStore

NAMES = ("fluency", "constraints", "novelty")


def main(store: str) -> None:
    """Prints a line for every agent of TextGen-v0 and its training steps."""
    task = gym.make("TextGen-v0", split="test", metrics=list(NAMES)).unwrapped.task  # type: ignore[attr-defined]
    found: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in RecordStore(store).records({}):
        if record["status"] != "completed" or record["env"]["id"] != "TextGen-v0":
            continue
        rows = record.episodes()
        run = found[record["agent"]["name"], record["budget"]["total_timesteps"]]
        run["distinct-2"].append(distinct_pairs(rows))
        episodes = [
            llm_envs.Episode(
                example=task.examples[row["example"]],
                text=row["text"],
                action_ids=tuple(row["action_ids"]),
                finish_reason=row["finish_reason"],
            )
            for row in rows
        ]
        measured = task.metrics.score_batch(episodes)[1]
        for name in NAMES:
            run[name].append(mean(row[name] for row in measured))
    for (agent, steps), run in sorted(found.items()):
        figures = "  ".join(f"{name} {mean(run[name]):.3f}" for name in (*NAMES, "distinct-2"))
        print(f"{agent:12} {steps:8,d} steps, {len(run['distinct-2'])} seeds:  {figures}")


if __name__ == "__main__":
    main(sys.argv[1])
