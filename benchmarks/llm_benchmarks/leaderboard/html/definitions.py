"""What the words of the page mean, for those who read it without the documentation."""

from __future__ import annotations

from collections.abc import Mapping

METRIC = "A metric of the texts: its mean over training seeds. It is recorded and not part of the reward."

DEFINITIONS: Mapping[str, str] = {
    "rank": (
        "The ranks that a row may have, with 95 % confidence. Rows that cannot be told apart share ranks. "
        "All pairs of rows are compared, paired by seed where both have the same seeds, and Holm's procedure "
        "corrects for their number. Bars join neighbouring rows of which no two can be told apart."
    ),
    "agent": "The agent, and below it what sets this row apart from other rows of the agent.",
    "score": (
        "Mean evaluation reward over training seeds, with its 95 % interval: Student's t, from 20 seeds on a "
        "bootstrap. Agents that are not trained have an interval over the examples. A single seed leaves the "
        "interval open. Small dots are seeds; dashed lines are random play and the reference."
    ),
    "seeds": "Training seeds. A replication repeats the training, so the interval is over these.",
    "norm.": (
        "The score on a scale where random play is 0 and the reference is 1. Both are fixed for each version "
        "of an environment."
    ),
    "steps": "Environment steps in training, which are tokens; mean over runs.",
    "time": "Wall clock of the training, warm start included; mean over runs.",
    "failed": "Runs that failed and were not completed by another try.",
    "beats random": "Yes if the 95 % interval of the difference to random play lies above zero.",
    "texts scored": (
        "Calls of the reward in training. They are recorded for the whole training; points of a curve have a "
        "share in proportion to their steps."
    ),
    "verified": (
        "How far `llm-envs leaderboard verify` has proved the row's records: V0 unaltered, V1 rescored, V2 "
        "replayed, V3 re-evaluated. V2 proves texts and scores, not who wrote them."
    ),
    "learning curve": (
        "Mean reward on validation texts during training. Lines are means over seeds, bands reach from the "
        "lowest to the highest seed."
    ),
    "probability of improvement": (
        "The chance that a run of the row scores higher than a run of the column; ties count half (Agarwal "
        "et al. 2021). A dot marks pairs that can be told apart."
    ),
    "performance profile": (
        "The share of runs that score above a threshold, each environment counting the same, with pointwise "
        "95 % bootstrap bands."
    ),
    "IQM": "Interquartile mean: the mean of the middle half of all runs on all environments.",
    "median": "The median over environments of the mean over runs.",
    "mean": "The mean over environments of the mean over runs.",
    "optimality gap": "How far scores stay below the reference on average. Lower is better.",
    "token values": (
        "What the agent said of its own tokens when it was evaluated with --note-values: Q, V (of the state "
        "before the token) and advantage in units of reward, log-probability in nats. They are statements of "
        "the agent: a replay does not prove them, a checkpoint does."
    ),
    "token reward": (
        "What a token adds to the score of the text before it. The texts were played again for this; the "
        "rewards of a text's tokens add up to its reward."
    ),
}
"""Term -> definition."""
