"""Scores of degenerate texts under an environment's default reward.

Degenerate texts need no skill: they are empty, copied, repeated or random. `llm-envs degenerate ID` plays
them on the test split. If one of them scores near the references, an agent learns nothing useful from the
reward. The limit is 20 % of the references' score.

More lines are for comparison and have no limit, since they use the source: the text of the most similar
train example, a fixed frame filled with the requested words, and what a trained learner found, where its
texts are kept (`found_answers.jsonl`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np

import llm_envs
from llm_baselines.agent import Agent, Env
from llm_baselines.anchors.fixed_text import ConstantAgent
from llm_baselines.anchors.reference import RandomAgent, ReferenceAgent, ScriptedAgent
from llm_baselines.anchors.unigram import UnigramAgent
from llm_envs.data.corpus import SPLITS, example_digest
from llm_envs.envs.conversation import Speaker
from llm_envs.envs.task import Task
from llm_envs.episode import Example
from llm_envs.rewards.forms import FORMS
from llm_envs.tokenizers.words import is_unspaced, words_of

LIMIT = 0.2
SEARCH_TOKENS = 4_000_000
_WIDTH = 110
_FOUND = Path(__file__).with_name("found_answers.jsonl")
_FREQUENT = 8


@dataclass(frozen=True)
class Degenerate:
    """One line of the table.

    Attributes:
        name: How the texts are written.
        score: Mean default reward on the test split.
        share: The score divided by the references' score.
        limited: Whether the limit applies: not to the references, nor to lines for comparison.
        example: The text for the first example.
    """

    name: str
    score: float
    share: float
    limited: bool
    example: str


def table(env_id: str, *, search_tokens: int = SEARCH_TOKENS, seed: int = 0) -> list[Degenerate]:
    """Returns the references and every degenerate text, each played on the test split.

    Args:
        env_id: A registered id.
        search_tokens: Tokens that the search for the best constant text may try on the train split.
        seed: Seed of the environments and of random texts.
    """
    env = gym.make(env_id, split="test")
    lines: list[Degenerate] = []
    for name, limited, agent in _agents(env, seed, search_tokens):
        result = llm_envs.evaluate(agent, env_id, seed=seed)
        reference = lines[0].score if lines else result.mean_reward
        score = result.mean_reward
        lines.append(Degenerate(name, score, score / reference, limited, result.rows[0].text))
    return lines


def _agents(env: Env, seed: int, search_tokens: int) -> Iterator[tuple[str, bool, Agent]]:
    """Yields the name, whether the limit applies, and the agent of every line."""
    task: Task = env.unwrapped.task  # type: ignore[attr-defined]
    asks = "words" in task.examples[0].metadata
    yield "references", False, ReferenceAgent(env, seed)
    yield "ends at once", True, _fixed(env, [])
    yield "empty, to the last token", True, _fixed(env, _blank(task) * (task.max_new_tokens - 1))
    yield "one token, repeated", True, _most_rewarded_token(env, seed)
    yield "the source, copied", True, ScriptedAgent(env, seed, write=lambda e: e.source, speaker=_echo)
    yield "random tokens", True, RandomAgent(env, seed)
    yield "tokens by frequency", True, UnigramAgent(env, seed).learn(0)
    yield "any text of train", True, ScriptedAgent(env, seed, write=_any(task, seed), speaker=_parrot(task))
    if asks:
        yield "the words asked for", True, ScriptedAgent(env, seed, write=_words, speaker=_echo)
    yield "best constant text", True, ConstantAgent(env, seed).learn(search_tokens)
    if task.max_turns == 1:
        nearest = ScriptedAgent(env, seed, write=_nearest(task), speaker=_echo)
        yield "the nearest train example's text", asks, nearest
    form = task.examples[0].metadata.get("form")
    if asks and (form in FORMS or form == "script"):
        frame = fixed_frame if form in FORMS else fixed_scene
        yield "the words in a fixed frame", False, ScriptedAgent(env, seed, write=frame, speaker=_echo)
    for finder, answers in found_answers(env.spec.id if env.spec else "").items():
        write = _found(answers)
        yield f"what a learner found: {finder}", False, ScriptedAgent(env, seed, write=write, speaker=_echo)


def found_answers(env_id: str) -> dict[str, dict[str, str]]:
    """Returns finder -> source -> text: what trained learners wrote on the test split of an id."""
    found: dict[str, dict[str, str]] = {}
    for line in _FOUND.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["env"] == env_id:
            found.setdefault(row["finder"], {})[row["source"]] = row["text"]
    return found


def _found(answers: dict[str, str]) -> Callable[[Example], str]:
    """Returns a function that gives an example the text found for it; for train examples, nothing."""
    return lambda example: answers.get(example.source, "")


def _fixed(env: Env, ids: list[int]) -> ConstantAgent:
    agent = ConstantAgent(env, 0)
    agent.ids = [*ids, agent.ids[-1]]
    return agent


def _blank(task: Task) -> list[int]:
    return list(task.tokenizer.markers["separator"][:1])


def _most_rewarded_token(env: Env, seed: int) -> ConstantAgent:
    """Returns the frequent token that scores best on validation when it fills the whole budget."""
    task: Task = env.unwrapped.task  # type: ignore[attr-defined]
    counts = Counter(i for text in task.train_texts() for i in task.tokenizer.encode(text))
    candidates = [_fixed(env, [i] * (task.max_new_tokens - 1)) for i, _ in counts.most_common(_FREQUENT)]
    validation = llm_envs.vectorize(env, 32, split="validation", autoreset_mode="Disabled")
    return max(candidates, key=lambda agent: llm_envs.evaluate(agent, validation, 64, seed=seed).mean_reward)


def _any(task: Task, seed: int) -> Callable[[Example], str]:
    """Returns a function that gives each example a random text of the train split."""
    texts = task.train_texts()
    rng = np.random.default_rng(seed)
    drawn: dict[bytes, str] = {}
    for split in SPLITS:
        for example in task.corpus.split(split) if task.corpus.sizes[split] else ():
            drawn[example_digest(example)] = texts[int(rng.integers(len(texts)))]
    return lambda example: drawn[example_digest(example)]


def _nearest(task: Task) -> Callable[[Example], str]:
    """Returns a function that gives an example the reference of the most similar train example.

    Similarity is the share of common words in the two sources.
    """
    train = [(_word_set(e.source), e) for e in task.corpus.split("train")]

    def write(example: Example) -> str:
        words = _word_set(example.source)
        return max(train, key=lambda entry: len(words & entry[0]) / len(words | entry[0]))[1].references[0]

    return write


def _word_set(text: str) -> set[str]:
    return set(words_of(text) if is_unspaced(text) else text.lower().split())


def _parrot(task: Task) -> Callable[[np.random.Generator], Speaker]:
    texts = task.train_texts()

    def speaker(rng: np.random.Generator) -> Speaker:
        return lambda who, text: texts[int(rng.integers(len(texts)))]

    return speaker


def _echo(rng: np.random.Generator) -> Speaker:
    return lambda who, text: text


def _words(example: Example) -> str:
    return "\n".join(example.metadata["words"])


_FRAME = (
    "In the morning I think of {0}",
    "in the evening I hear {1}",
    "in the kitchen I keep {2}",
    "in the garden I wait for you",
    "in the house I am not alone",
    "in the end I go home",
)


def fixed_frame(example: Example) -> str:
    """Returns the requested words in sentences that are always the same."""
    words = [*example.metadata["words"], "you", "you"][:3]
    form = example.metadata["form"]
    if form == "cinquain":
        return "{0}\nand {1}\nand then {2}\nin the morning light\n{0}".format(*words)
    lines = list(_FRAME[: len(FORMS[form].lines)])
    if len(lines) == 2:
        lines[1] += " and {2}"
    return "\n".join(lines).format(*words)


def fixed_scene(example: Example) -> str:
    """Returns the requested words in speeches that are always the same."""
    words = [*example.metadata["words"], "you", "you"][:3]
    lines = ["The morning light is in the window."]
    frames = ("I think of {0} in the morning.", "I hear {1} in the evening.", "And then {2}, in the end.")
    for i, name in enumerate(example.metadata["characters"]):
        lines.append(f"{name}: {frames[i % len(frames)]}")
    if len(example.metadata["characters"]) == 1:
        lines.append(f"{example.metadata['characters'][0]}: {frames[1]}")
    return "\n".join(lines).format(*words)


def run(env_ids: list[str], *, json_output: bool = False, search_tokens: int = SEARCH_TOKENS) -> int:
    """Prints the tables, for `llm-envs degenerate`.

    Args:
        env_ids: Registered ids.
        json_output: Print JSON instead.
        search_tokens: As for `table`.

    Returns:
        0 if no text is above the limit, else 1.
    """
    tables = {env_id: table(env_id, search_tokens=search_tokens) for env_id in env_ids}
    within_limit = all(line.share <= LIMIT for lines in tables.values() for line in lines if line.limited)
    if json_output:
        print(json.dumps({i: [asdict(line) for line in lines] for i, lines in tables.items()}, indent=1))
        return 0 if within_limit else 1
    from llm_benchmarks.console.fitting_table import Column, Row, print_table
    from llm_benchmarks.console.report import plain, report_console, say

    console = report_console(_WIDTH)
    columns = [
        Column("text"),
        Column("score", right=True),
        Column("of the references'", right=True),
        Column("for instance", rank=1),
    ]
    for env_id, lines in tables.items():
        say(console, f"{env_id}: texts without skill, default reward, test split", "bold")
        rows = []
        for line in lines:
            short = plain(" / ".join(line.example.split("\n")), limit=48)
            name = plain(line.name) if line.limited or line is lines[0] else plain(f"({line.name})", "dim")
            rows.append(Row([name, plain(f"{line.score:.4f}"), plain(f"{line.share:.1%}"), short]))
        print_table(console, columns, rows, all_in="--json has all")
    print(
        "none above 20 % of the references"
        if within_limit
        else "above 20 % of the references: see the tables"
    )
    return 0 if within_limit else 1
