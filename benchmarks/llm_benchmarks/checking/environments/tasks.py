"""The task: prompts that fit, references that its tokenizer can write, and a reward that needs skill."""

from __future__ import annotations

from functools import lru_cache

import gymnasium as gym

import llm_envs
from llm_baselines.agent import Agent
from llm_baselines.anchors.fixed_text import ConstantAgent
from llm_baselines.anchors.reference import RandomAgent, ReferenceAgent
from llm_benchmarks.checking.checks import Broken, NotApplicable, Note
from llm_benchmarks.checking.subjects import EnvironmentSubject
from llm_benchmarks.records.values import RecordError, plain
from llm_benchmarks.rewards.degenerate import LIMIT, Degenerate, table
from llm_envs.data.corpus import SPLITS
from llm_envs.foreign import shown

_EXAMPLES = 2000
_REFERENCES = 200
_EPISODES = 40
_FOREIGN = "it does not inherit from TokenEnv, so its examples are unknown"


def prompts_fit(subject: EnvironmentSubject) -> str:
    """Starts the examples of every split."""
    _needs_task(subject)
    counts = {}
    for split in SPLITS:
        try:
            task = subject.make(split=split).unwrapped.task  # type: ignore[attr-defined]
        except ValueError as error:
            raise Broken(f"split {split!r}: {error}") from None
        counts[split] = len(task.examples)
        if not counts[split]:
            raise Broken(f"split {split!r} has no example")
        if task.max_turns == 1:
            for index in range(min(_EXAMPLES, counts[split])):
                task.start(index)
    return ", ".join(f"{count:,} {split}" for split, count in counts.items())


def splits_share_no_source(subject: EnvironmentSubject) -> str:
    """Checks that no request of the test split stands in the train split."""
    _needs_task(subject)
    corpus = subject.task.corpus
    train = {example.source for example in corpus.split("train")}
    test = [example.source for example in corpus.split("test")]
    shared = [source for source in test if source in train]
    if shared:
        raise Note(f"{len(shared)} of {len(test)} test sources stand in train: {shown(repr(shared[0]), 60)}")
    return ""


def references_can_be_written(subject: EnvironmentSubject) -> str:
    """Checks that references fit the budget, and that the tokenizer gives them back."""
    _needs_task(subject)
    task = subject.make(split="test").unwrapped.task  # type: ignore[attr-defined]
    if not task.has_references or task.max_turns > 1:
        raise NotApplicable("its examples have no references that an agent writes")
    long = 0
    for index in range(min(_REFERENCES, len(task.examples))):
        for reference in task.examples[index].references[:1]:
            ids = task.tokenizer.encode(reference)
            if task.tokenizer.decode(ids) != reference:
                raise Broken(
                    f"example {index}: {shown(repr(reference), 60)} comes back from the tokenizer as "
                    f"{shown(repr(task.tokenizer.decode(ids)), 60)}"
                )
            long += len(ids) >= task.max_new_tokens
    if long:
        raise Note(
            f"{long} references are longer than max_new_tokens={task.max_new_tokens} and their end token"
        )
    return ""


def task_can_be_recorded(subject: EnvironmentSubject) -> str:
    """Checks that the signature is that of every copy, and that a record can hold the description."""
    _needs_task(subject)
    one, two = (subject.make().unwrapped.task for _ in range(2))  # type: ignore[attr-defined]
    if one.signature != two.signature:
        raise Broken("two environments made alike have different signatures; a row could not be compared")
    if " at 0x" in one.signature:
        raise Broken("its signature holds the address of an object, which changes with every process")
    try:
        plain(one.describe(), "its description")
    except RecordError as error:
        raise Broken(f"no record can hold it: {error}") from None
    if one.describe()["reward_spec"] is None:
        raise Note(
            "its reward is a callable without a name, so others cannot verify its records: register_reward"
        )
    return ""


def references_score_above(subject: EnvironmentSubject) -> str:
    """Plays the references, or the expert of a dialogue, against random tokens."""
    _needs_task(subject)
    reference, *others = lines_of(subject)
    best = max(line.score for line in others if line.limited)
    if reference.score <= max(0.0, best):
        raise Broken(f"{reference.name} score {reference.score:.3f}, the best text without skill {best:.3f}")
    return f"{reference.score:.3f}"


def texts_without_skill_score_low(subject: EnvironmentSubject) -> str:
    """Plays texts without a look at the request; the limit is 20 % of the references' score."""
    _needs_task(subject)
    reference, *others = lines_of(subject)
    above = [line for line in others if line.limited and line.score > LIMIT * reference.score]
    if above:
        worst = max(above, key=lambda line: line.score)
        raise Broken(
            f"{worst.name!r} scores {worst.score:.3f}, {worst.share:.0%} of the references: "
            f"{shown(repr(worst.example), 60)}" + (f"; {len(above)} texts in all" if len(above) > 1 else "")
        )
    best = max((line for line in others if line.limited), key=lambda line: line.score)
    return f"at most {best.share:.0%} ({best.name})"


@lru_cache(maxsize=1)
def lines_of(subject: EnvironmentSubject) -> list[Degenerate]:
    """Returns the scores of the references and of texts without skill, the references first.

    Raises:
        Broken: The references score 0, so that there is nothing to compare with.
        NotApplicable: The task has neither references nor an expert.
    """
    env = subject.make(split="test")
    try:
        ReferenceAgent(env, subject.seed)
    except ValueError as error:
        raise NotApplicable(str(error)) from None
    if not subject.is_native:
        return _played_alone(env, subject.seed)
    try:
        return table(subject.env_id, search_tokens=subject.search_tokens, seed=subject.seed)
    except ZeroDivisionError:
        raise Broken("the references score 0") from None


def _played_alone(env: gym.Env, seed: int) -> list[Degenerate]:
    """Returns some of the lines for an environment with a step of its own, which only plays alone."""
    agents: dict[str, Agent] = {
        "references": ReferenceAgent(env, seed),
        "ends at once": ConstantAgent(env, seed),
        "any text of train": ConstantAgent(env, seed, text=env.unwrapped.task.train_texts()[0]),  # type: ignore[attr-defined]
        "random tokens": RandomAgent(env, seed),
    }
    lines: list[Degenerate] = []
    for name, agent in agents.items():
        result = llm_envs.evaluate(agent, env, _EPISODES, seed=seed)
        score = result.mean_reward
        share = score / lines[0].score if lines and lines[0].score else 1.0
        lines.append(Degenerate(name, score, share, bool(lines), result.rows[0].text))
    return lines


def _needs_task(subject: EnvironmentSubject) -> None:
    if not subject.is_token_env:
        raise NotApplicable(_FOREIGN)
