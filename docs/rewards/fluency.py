"""The figures in fluency.md: what real texts, corrupted ones and found ones score.

python docs/rewards/fluency.py           # the tables
python docs/rewards/fluency.py --verse   # the default reward and its parts
python docs/rewards/fluency.py --judge   # and the language model's opinion (`llm-envs fetch smollm2-135m`)
python docs/rewards/fluency.py --texts AGENT_STORE   # thirty texts of each record, and the judge on them
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import fmean

import gymnasium as gym

import llm_envs
from llm_benchmarks.records.store import RecordStore
from llm_benchmarks.rewards.degenerate import fixed_frame, found_answers
from llm_benchmarks.rewards.search import joined
from llm_benchmarks.rewards.word_salad import Salad
from llm_envs import Episode, Example
from llm_envs.envs.task import Task
from llm_envs.rewards import RewardContext
from llm_envs.rewards.grammar.corruptions import CORRUPTIONS
from llm_envs.rewards.grammar.fitted import FittedFluency, fit_fluency
from llm_envs.rewards.grammar.found import found
from llm_envs.rewards.grammar.lexicon import Lexicon
from llm_envs.tokenizers.words import tokens_of

ENV = "TextGen-v0"
FORTY = Path(__file__).parents[2] / "tests" / "rewards" / "forty_poems.jsonl"
SHOWN = 30
JUDGED = 40
JUDGED_KINDS = (
    "words shuffled in lines",
    "words exchanged within classes",
    "token_dqn, seed 3, 1,000,000 steps, fluency v2",
    "rloo, seed 3, 1,000,000 steps, fluency v2",
    "hill climb, fluency v3",
)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--judge", action="store_true", help="a language model's opinion of the kinds")
    parser.add_argument(
        "--texts", type=Path, help="a store: thirty texts of each record, and the judge on them"
    )
    parser.add_argument("--verse", action="store_true", help="the default reward and its parts, by kind")
    parser.add_argument("--no-list", action="store_true", help="classes from the train texts alone")
    given = parser.parse_args()
    task = make_task()
    if given.texts is not None:
        print_texts(task, given.texts)
        return
    tables = texts_by_kind(task)
    if given.judge:
        print_judge(task, tables)
        return
    if given.verse:
        print_verse(task, tables)
        return
    if given.no_list:  # the texts are made with it, and scored without
        Lexicon.reads = lambda self, words: False  # type: ignore[method-assign]
    fitted = fit_fluency(list(dict.fromkeys(task.train_texts())))
    print_kinds(task, tables, fitted)
    if given.no_list:
        return
    references = [example.references[0] for example in task.examples]
    print(f"forty poems, default reward: {fmean(forty_scores(task)):.3f}")
    frames = [float(task.reward(Episode(e, fixed_frame(e)))) for e in task.examples]
    earned = [float(task.reward(Episode(e, e.references[0]))) for e in task.examples]
    print(f"fixed frame, default reward: {fmean(frames):.3f}, references {fmean(earned):.3f}")
    print_times(task, references)


def print_kinds(task: Task, tables: dict[str, list[tuple[str, str]]], fitted: FittedFluency) -> None:
    """Prints a line for every kind: mean fluency, and how often a reference scores above."""
    fluent = {example.source: fitted.score(tokens_of(example.references[0])) for example in task.examples}
    print(f"references: {fmean(fluent.values()):.3f} over {len(fluent)} requests")
    print(
        "| kind | texts | fluency | of the references' | references above |\n| --- | --- | --- | --- | --- |"
    )
    for kind, rows in tables.items():
        scores = [fitted.score(tokens_of(text)) for _, text in rows]
        pairs = [
            float(fluent[source] > score) if source in fluent else fmean(r > score for r in fluent.values())
            for (source, _), score in zip(rows, scores, strict=True)
        ]
        mean = fmean(scores)
        share = mean / fmean(fluent.values())
        print(f"| {kind} | {len(rows)} | {mean:.3f} | {share:.0%} | {fmean(pairs):.1%} |")


def print_verse(task: Task, tables: dict[str, list[tuple[str, str]]]) -> None:
    """Prints a line for every kind: means of `fluency`, `sentences` and the default reward."""
    examples = {example.source: example for example in task.examples}
    references = [(example.source, example.references[0]) for example in task.examples]
    earned = {source: _parts(task, examples[source], text)[0] for source, text in references}
    kept = {
        f"{kind}, requested words kept": [(source, _kept(examples[source], text)) for source, text in rows]
        for kind, rows in tables.items()
        if "exchanged within" in kind or "exchanged across" in kind
    }
    learners = {f"TokenDQN, {finder}": list(rows.items()) for finder, rows in found_answers(ENV).items()}
    frame = {"the fixed frame": [(example.source, fixed_frame(example)) for example in task.examples]}
    print("| texts | `fluency` | `sentences` | the reward | of the references' | references above |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind, rows in ({"references": references} | tables | kept | learners | frame).items():
        known = [(source, text) for source, text in rows if source in examples]
        if not known:
            continue  # found for requests of another split
        parts = [_parts(task, examples[source], text) for source, text in known]
        means = [fmean(column) for column in zip(*parts, strict=True)]
        above = fmean(earned[source] > row[0] for (source, _), row in zip(known, parts, strict=True))
        share = means[0] / fmean(earned.values())
        shown = "" if kind == "references" else f"{above:.1%}"
        print(f"| {kind} | {means[1]:.3f} | {means[2]:.3f} | {means[0]:.3f} | {share:.0%} | {shown} |")
    print(f"forty poems: {fmean(forty_scores(task)):.3f}")
    print_sentence_times(task, [text for rows in learners.values() for _, text in rows])


def print_sentence_times(task: Task, written: Sequence[str]) -> None:
    """Prints the processor time of a score by `sentences`, of texts like those before and of others."""
    context = RewardContext(train_texts=task.train_texts, language="en")
    sentences = pickle.loads(pickle.dumps(llm_envs.make_reward("sentences", context)))  # has read nothing
    half = len(written) // 2
    poems = [example.references[0] for example in task.examples]
    for what, texts in (
        ("poems, the first texts of all", poems),
        ("the same again", poems),
        ("texts of learners", written[:half]),
        ("more of their texts", written[half:]),
        ("train poems", list(dict.fromkeys(task.train_texts()))),
    ):
        start = time.process_time()
        for text in texts:
            sentences(Episode(Example("", (), {}), text))
        print(f"sentences, {what}: {(time.process_time() - start) / len(texts) * 1000:.3f} ms a text")


def _parts(task: Task, example: Example, text: str) -> tuple[float, float, float]:
    parts = task.reward.components(Episode(example, text))
    return parts["verse"], parts["verse/fluency"], parts["verse/sentences"]


def _kept(example: Example, text: str) -> str:
    """Returns a corruption with the requested words back in the places that they have in the reference."""
    asked = {word for words in example.metadata["words"] for word in tokens_of(words)}
    pairs = zip(tokens_of(example.references[0]), tokens_of(text), strict=True)
    return joined([before if before in asked else after for before, after in pairs])


def make_task() -> Task:
    """Returns the task of the test split with the default reward."""
    task: Task = gym.make(ENV, split="test").unwrapped.task  # type: ignore[attr-defined]
    return task


def texts_by_kind(task: Task) -> dict[str, list[tuple[str, str]]]:
    """Returns kind -> (source, text): corrupted references of the test split, and found texts."""
    salad = Salad(task.train_texts())
    made: dict[str, list[tuple[str, str]]] = {}
    for head, kinds in (
        ("used: ", {k: (lambda t, r, c=c: c(t, r, salad.stock)) for k, c in CORRUPTIONS.items()}),
        ("held out: ", salad.held_out()),
    ):
        for kind, corrupt in kinds.items():
            rng = Random(kind)
            rows = []
            for example in task.examples:
                tokens = tokens_of(example.references[0])
                corrupted = corrupt(tokens, rng)
                if corrupted != tokens:
                    rows.append((example.source, joined(corrupted)))
            made[head + kind] = rows
    for row in found():
        made.setdefault(("used: " if row.used else "held out: ") + row.kind, []).append(
            (row.source, row.text)
        )
    return made


def forty_scores(task: Task) -> list[float]:
    """Returns the default reward of the forty poems that nothing else uses."""
    rows = [json.loads(line) for line in FORTY.read_text(encoding="utf-8").splitlines()]
    return [
        float(task.reward(Episode(Example("", (), {"form": r["form"], "words": r["words"]}), r["text"])))
        for r in rows
    ]


def print_times(task: Task, texts: Sequence[str]) -> None:
    """Prints the processor time of a score, of texts seen for the first time and again, and of the fit."""
    start = time.process_time()
    fitted = fit_fluency(list(dict.fromkeys(task.train_texts())))
    print(f"fit: {time.process_time() - start:.1f} s")
    for what in ("first time", "again"):
        start = time.process_time()
        for text in texts:
            fitted.score(tokens_of(text))
        print(f"score, {what}: {(time.process_time() - start) / len(texts) * 1000:.3f} ms")


def print_judge(task: Task, tables: dict[str, list[tuple[str, str]]]) -> None:
    """Prints nats per token under a language model that no reward here uses, given the request."""
    judge = Judge()
    print(f"judge, references: {judge(_some([(e.source, e.references[0]) for e in task.examples]))}")
    print(f"judge, fixed frame: {judge(_some([(e.source, fixed_frame(e)) for e in task.examples]))}")
    for kind in JUDGED_KINDS:
        rows = [row for name, found_rows in tables.items() if kind in name for row in found_rows]
        print(f"judge, {kind}: {judge(_some(rows))}")


class Judge:
    """Negative log-likelihood per token under SmolLM2, given the request; and how much word order explains.

    The second figure is what a token costs more, if the words of each text are shuffled. It is small for
    texts whose order says nothing, however likely their words are.
    """

    def __init__(self) -> None:
        self._reward = llm_envs.make_reward({"id": "lm_fluency", "given": "source"})

    def __call__(self, rows: Sequence[tuple[str, str]]) -> str:
        """Returns both figures in words, for (request, text) pairs."""
        rng = Random(0)
        plain = self._nats(rows)
        shuffled = self._nats([(source, _shuffled(text, rng)) for source, text in rows])
        return f"{plain:.2f} nats, {shuffled - plain:.2f} more if shuffled"

    def _nats(self, rows: Sequence[tuple[str, str]]) -> float:
        episodes = [Episode(Example(source, (), {}), text) for source, text in rows if text]
        return -fmean(self._reward.score_batch(episodes)[0])


def print_texts(task: Task, store: Path) -> None:
    """Prints the first thirty test texts of agents trained on the present reward, and the judge's opinion."""
    judge = Judge()
    rows = [(e.source, e.references[0]) for e in task.examples]
    print(f"references: {judge(_some(rows))}")
    by_run: dict[str, list[dict[str, object]]] = defaultdict(list)
    for record in RecordStore(store).records({}):
        training = record.spec.training
        if training is not None and record.spec.environment.signature == task.signature:
            name = f"{record.spec.agent.name}, seed {training.seed}, {training.total_timesteps:,} steps"
            by_run[name] += record.episodes()
    for name, episodes in sorted(by_run.items()):
        score = fmean(float(str(e["reward"])) for e in episodes)
        told = judge(_some([(str(e["source"]), str(e["text"])) for e in episodes]))
        print(f"\n{name}: score {score:.3f}, {told}")
        for episode in episodes[:SHOWN]:
            text = " / ".join(str(episode["text"]).split("\n"))
            print(f"- {float(str(episode['reward'])):.2f} `{episode['source']}`: {text}")


def _some(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns a sample of rows that the judge has the time for, the same requests for every agent."""
    return Random(0).sample(list(rows), min(JUDGED, len(rows)))


def _shuffled(text: str, rng: Random) -> str:
    words = text.split(" ")
    rng.shuffle(words)
    return " ".join(words)


if __name__ == "__main__":
    main()
