"""Does training on a reward that was fitted to 300 noisy comparisons raise the score behind the comparisons?

    python benchmarks/learn_preferences.py --out docs/rewards/preferences.json
    python benchmarks/learn_preferences.py --table docs/rewards/preferences.json
    python benchmarks/learn_preferences.py --poems --seeds 1 2 3

A shop answers complaints. Its answers are put together from friendly and unfriendly, short and long
sentences, and a small model learns to write them. A simulated person compares two answers of this model for
each of 300 complaints. The person likes friendly answers of about 18 words (`hidden_score`), and says the
opposite of what they think in 20 % of all cases. `fit_preferences` sees nothing else. RLOO then trains the
same model on the fitted reward. Everything is repeated for each seed. Complaints of the test split occur in
no other part.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import gymnasium as gym
import numpy as np

import llm_envs
from llm_baselines.registry import make_agent
from llm_benchmarks.leaderboard.statistics import Interval, mean_interval, paired_difference
from llm_benchmarks.rewards.comparison_features import Comparison
from llm_benchmarks.rewards.fit_preferences import FittedPreferences, fit_preferences
from llm_envs.data.bundled.reader import read_rows
from llm_envs.episode import Episode, Example
from llm_envs.evaluation import EpisodeRow
from llm_envs.rewards import make_reward
from llm_envs.tokenizers.words import words_of

SEEDS = (1, 2, 3, 4, 5)
COMPARISONS = 300
NOISE = 0.2
LIKED_WORDS = 18

NAMES = ("ana", "ben", "carla", "dina", "emil", "farid", "greta", "hugo", "ines", "jonas")
THINGS = ("lamp", "chair", "kettle", "bag", "clock", "radio", "coat", "bike", "phone", "table")
FAULTS = (
    "arrived broken",
    "came too late",
    "is too loud",
    "has a scratch",
    "does not work",
    "is the wrong size",
)
GREETINGS = ("dear {name} ,", "hello {name} ,", "hi {name} !", "{name} ,", "")
OPENINGS = (
    "we are so sorry that the {thing} {fault} .",
    "thank you for telling us about the {thing} .",
    "we understand that you are upset .",
    "that must have been annoying .",
    "the {thing} {fault} , you say .",
    "we have read your complaint .",
    "it is not our fault that the {thing} {fault} .",
    "nobody else had trouble with the {thing} .",
    "we love to hear from you .",
    "you were careless with the {thing} .",
)
OFFERS = (
    "we will gladly send you a new {thing} today .",
    "you may send the {thing} back .",
    "we can not help you .",
    "a refund is on its way .",
    "read the rules first .",
    "we will repair the {thing} for free .",
    "you have to pay for a new {thing} .",
    "please accept a small gift as well .",
)
CLOSINGS = (
    "we hope that you enjoy the new {thing} .",
    "thank you for your patience .",
    "do not write to us again .",
    "with kind regards .",
    "this is our last word .",
    "",
    "",
)


def complaints(split: str) -> list[str]:
    """Returns the complaints of a split: "ana : lamp , arrived broken"."""
    return [
        f"{name} : {thing} , {fault}"
        for i, name in enumerate(NAMES)
        for j, thing in enumerate(THINGS)
        for k, fault in enumerate(FAULTS)
        if ((i + j + k) % 4 == 0) == (split == "test")
    ]


def answer(rng: Random, complaint: str) -> str:
    """Returns one of many answers to a complaint."""
    name, _, rest = complaint.partition(" : ")
    thing, _, fault = rest.partition(" , ")
    parts = [
        rng.choice(GREETINGS),
        rng.choice(OPENINGS),
        rng.choice(OFFERS),
        rng.choice(CLOSINGS),
    ]
    return " ".join(part.format(name=name, thing=thing, fault=fault) for part in parts if part)


def write_corpus(file: Path, each: int = 4) -> None:
    """Writes the answers that the model learns to write, `each` for every complaint of the train split."""
    rng = Random(0)
    with open(file, "w", encoding="utf-8") as opened:
        for split, count in (("train", each), ("test", 1)):
            for complaint in complaints(split) * count:
                row = {"source": complaint, "references": [answer(rng, complaint)], "split": split}
                print(json.dumps(row), file=opened)


_SENTIMENT = make_reward("sentiment")


def hidden_score(text: str) -> float:
    """What the simulated person thinks: friendliness by VADER, minus the distance from 18 words."""
    return _SENTIMENT(Episode(Example(""), text)) - 0.05 * abs(len(words_of(text)) - LIKED_WORDS)


def comparisons_of(
    first: Sequence[EpisodeRow], second: Sequence[EpisodeRow], noise: float, seed: int
) -> Iterator[Comparison]:
    """Yields what the person says of two texts for each prompt; equal scores are left out.

    Args:
        first: Episodes.
        second: Episodes on the same examples.
        noise: How often the person says the opposite.
        seed: Seed of the noise.
    """
    rng = np.random.default_rng(seed)
    for one, other in zip(first, second, strict=True):
        assert one.source == other.source
        difference = hidden_score(one.text) - hidden_score(other.text)
        if difference:
            said = (difference > 0) != (rng.random() < noise)
            yield Comparison(one.source, one.text, other.text, float(said))


def accuracy(fitted: FittedPreferences, comparisons: Sequence[Comparison]) -> float:
    """Returns how often the model prefers the text that was preferred."""
    prompts = [one.prompt for one in comparisons]
    scores = [
        fitted.model.scores(prompts, texts) for texts in zip(*((c.a, c.b) for c in comparisons), strict=True)
    ]
    return float(np.mean((scores[0] > scores[1]) == np.array([c.share == 1.0 for c in comparisons])))


def run(
    corpus: Path,
    folder: Path,
    seed: int,
    *,
    comparisons: int = COMPARISONS,
    supervised: int = 300_000,
    steps: int = 30_000,
) -> dict[str, Any]:
    """Returns what one seed reached.

    Args:
        corpus: From `write_corpus`.
        folder: A folder of this seed's own.
        seed: Seed of the model, the comparisons and the training.
        comparisons: How many comparisons the reward is fitted to.
        supervised: Tokens of demonstrations.
        steps: Tokens of the training on the reward.
    """
    started = time.process_time()
    kwargs = {"dataset": f"file:{corpus}", "metrics": [], "max_new_tokens": 40}
    played = {"eval_freq": 0, "temperature": 1.0}
    options = {"model": "nano", "warm_start_folder": str(folder / "starts"), **played}
    start = {"copy_steps": 0, "relabel": 0, "learning_rate": 5e-3, **played}

    def play(agent: Any, split: str, draw: int = 0) -> Sequence[EpisodeRow]:
        agent.seed = 1000 * seed + draw  # draws depend on the seed and the prompt alone
        env = gym.make_vec("TextGen-v0", num_envs=64, reward="sentiment", split=split, **kwargs)
        return llm_envs.evaluate(
            agent, env, len(complaints(split)), seed=30_000 + seed, deterministic=False
        ).rows

    env = gym.make("TextGen-v0", reward="sentiment", **kwargs)
    writer = make_agent("supervised", env, seed=seed, device="cpu", config={**options, **start})
    writer.learn(supervised)
    answers = comparisons_of(play(writer, "train", 1), play(writer, "train", 2), NOISE, seed)
    said = list(answers)[:comparisons]
    fitted = fit_preferences(said, seed=seed)
    fitted.model.save(folder / "liked")
    before = play(writer, "test")
    pairs = [
        (before, play(writer, "test", 3)),
        *((play(writer, "test", k), play(writer, "test", k + 1)) for k in (4, 6, 8)),
    ]
    unseen = [one for pair in pairs for one in comparisons_of(*pair, 0.0, seed)]
    env = gym.make("TextGen-v0", reward=f"preference:{folder / 'liked'}", **kwargs)
    config = {
        **options,
        "train_dataset": "",
        "exploration_temperature": 1.0,
        "kl_coef": 0.01,
        "learning_rate": 1e-3,
        "supervised": {**start, "total_timesteps": supervised},
    }
    learner = make_agent("rloo", env, seed=seed, device="cpu", config=config)
    learner.learn(steps)
    after = play(learner, "test")
    reward = make_reward(f"preference:{folder / 'liked'}")

    def mean(rows: Sequence[EpisodeRow]) -> dict[str, float]:
        return {
            "hidden": float(np.mean([hidden_score(row.text) for row in rows])),
            "fitted": float(np.mean([reward(Episode(Example(row.source), row.text)) for row in rows])),
            "words": float(np.mean([len(words_of(row.text)) for row in rows])),
            "different": len({row.text for row in rows}) / len(rows),
        }

    return {
        "seed": seed,
        "comparisons": len(said),
        "as_thought": sum(c.share == (hidden_score(c.a) > hidden_score(c.b)) for c in said) / len(said),
        "cross_validated": fitted.accuracy,
        "longer": fitted.longer,
        "unseen": len(unseen),
        "accuracy": accuracy(fitted, unseen),
        "before": mean(before),
        "after": mean(after),
        "texts": [[b.source, b.text, a.text] for b, a in zip(before[:4], after[:4], strict=True)],
        "cpu_seconds": time.process_time() - started,
    }


def _share_of_you(words: Sequence[str]) -> float:
    return sum((word in ("you", "your")) - (word in ("i", "my", "me", "we", "our")) for word in words)


TASTES: dict[str, Callable[[str], float]] = {
    "short": lambda text: -len(words_of(text)),
    "about 20 words": lambda text: -abs(len(words_of(text)) - 20),
    "long words": lambda text: sum(map(len, words_of(text))) / max(1, len(words_of(text))),
    "speaks of you, not of me": lambda text: _share_of_you(words_of(text)),
    "friendly, by VADER": lambda text: _SENTIMENT(Episode(Example(""), text)),
}
"""What simulated readers of poems like."""


def taste_learned(taste: Callable[[str], float], seed: int, comparisons: int = COMPARISONS) -> float:
    """Returns the accuracy on noiseless labels of a reward that was fitted to noisy comparisons of poems.

    Two bundled poems of one topic are compared. Topics of the test occur in no training.
    """
    poems: dict[str, list[str]] = {}
    for poem in read_rows("poems"):
        poems.setdefault(poem["topic"], []).append(poem["text"])
    topics = sorted(topic for topic, texts in poems.items() if len(texts) > 1)
    rng = np.random.default_rng(seed)

    def compared(topics: Sequence[str], count: int, noise: float) -> list[Comparison]:
        found: list[Comparison] = []
        while len(found) < count:
            topic = topics[rng.integers(len(topics))]
            a, b = (str(text) for text in rng.choice(poems[topic], 2, replace=False))
            if taste(a) != taste(b):
                said = (taste(a) > taste(b)) != (rng.random() < noise)
                found.append(Comparison(topic, a, b, float(said)))
        return found

    fitted = fit_preferences(compared(topics[::2], comparisons, NOISE), seed=seed)
    return accuracy(fitted, compared(topics[1::2], 1000, 0.0))


def taste_table(learned: Mapping[str, Sequence[float]]) -> str:
    """Returns the accuracy for each taste as a Markdown table."""
    lines = ["| the reader likes poems that are | accuracy, noiseless labels |", "| --- | --- |"]
    return "\n".join(
        [*lines, *(f"| {name} | {_shown(mean_interval(found))} |" for name, found in learned.items())]
    )


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Returns the results as a Markdown table, with intervals over seeds."""
    lines = [
        "| seed | accuracy, noiseless labels | hidden score before | after | words | different texts |",
        "|" + " --- |" * 6,
    ]
    for row in rows:
        before, after = row["before"], row["after"]
        lines.append(
            f"| {row['seed']} | {row['accuracy']:.3f} | {before['hidden']:.3f} | {after['hidden']:.3f} | "
            f"{before['words']:.1f} to {after['words']:.1f} | "
            f"{before['different']:.2f} to {after['different']:.2f} |"
        )
    if len(rows) > 1:
        seeds = [row["seed"] for row in rows]
        gained = paired_difference(
            [row["after"]["hidden"] for row in rows], [row["before"]["hidden"] for row in rows], seeds
        )
        for name, interval in (
            ("accuracy on noiseless labels", mean_interval([row["accuracy"] for row in rows])),
            (
                "cross-validated accuracy on noisy labels",
                mean_interval([row["cross_validated"] for row in rows]),
            ),
            ("gain of the hidden score", gained),
        ):
            lines.append(f"\n{name}: {_shown(interval)}")
    lines.append(f"\nCPU minutes: {sum(row['cpu_seconds'] for row in rows) / 60:.1f}")
    return "\n".join(lines)


def _shown(interval: Interval) -> str:
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def main() -> None:
    """Runs all seeds and writes the results, or prints their table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the results of all seeds")
    parser.add_argument("--table", type=Path, metavar="FILE", help="print the table of results")
    parser.add_argument("--poems", action="store_true", help="print what is learned of tastes in poems")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    arguments = parser.parse_args()
    if arguments.table:
        print(table(json.loads(arguments.table.read_text(encoding="utf-8"))))
        return
    if arguments.poems:
        print(
            taste_table(
                {name: [taste_learned(taste, s) for s in arguments.seeds] for name, taste in TASTES.items()}
            )
        )
        return
    rows = []
    with tempfile.TemporaryDirectory() as place:
        corpus = Path(place) / "answers.jsonl"
        write_corpus(corpus)
        for seed in arguments.seeds:
            rows.append(run(corpus, Path(place) / str(seed), seed))
            print(json.dumps(rows[-1]), flush=True)
            if arguments.out:
                arguments.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
