"""How fluent and how varied the texts of some records are: `python docs/agents/text_quality.py STORE [ID]`.

Fluency, constraints and novelty are means over texts of the rewards of these names; the text of a dialogue
is all that the agent said in it; success is the one in the record. distinct-2 (Li et al. 2016) is the share
of different pairs of neighbouring tokens among all that a run has written.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from statistics import mean

import gymnasium as gym

import llm_envs
from llm_benchmarks.llm_demo import distinct_pairs
from llm_benchmarks.store import RecordStore

#: Id -> metrics that stand in its records, and rewards that are measured here.
NAMES = {
    "TextGen-v0": ((), ("fluency", "constraints", "novelty")),
    "Dialogue-v0": (("success",), ("fluency",)),
}


def main(store: str, env_id: str = "TextGen-v0") -> None:
    """Prints a line for every agent of an environment and its training steps."""
    if env_id not in NAMES:
        sys.exit(f"text_quality.py measures {' and '.join(NAMES)}, not {env_id!r}")
    recorded, names = NAMES[env_id]
    task = gym.make(env_id, split="test", metrics=list(names)).unwrapped.task  # type: ignore[attr-defined]
    found: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in RecordStore(store).records({}):
        if record["status"] != "completed" or record["env"]["id"] != env_id:
            continue
        rows = record.episodes()
        run = found[record["agent"]["name"], record["budget"]["total_timesteps"]]
        run["distinct-2"].append(distinct_pairs(rows))
        for name in recorded:
            run[name].append(record["results"]["metrics"][name])
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
        for name in names:
            run[name].append(mean(row[name] for row in measured))
    shown = (*recorded, *names, "distinct-2")
    for (agent, steps), run in sorted(found.items()):
        figures = "  ".join(f"{name} {mean(run[name]):.3f}" for name in shown)
        print(f"{agent:12} {steps:9,d} steps, {len(run['distinct-2'])} seeds:  {figures}")


if __name__ == "__main__":
    main(*sys.argv[1:])
