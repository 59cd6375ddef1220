"""Dialogue: book a venue with a user who has a goal, may change it, and can lose patience."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from llm_envs.checks.arguments import short
from llm_envs.data import SPLITS, Corpus
from llm_envs.envs.booking_fluency import agent_turns, dialogues, fluency, fluency_floor
from llm_envs.envs.conversation import Conversation, Speaker
from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.envs.vector_env import TokenVectorEnv
from llm_envs.episode import Example
from llm_envs.simulators.booking.expert import BookingExpert
from llm_envs.simulators.booking.goals import Goal, describe_goal, sample_goal
from llm_envs.simulators.booking.measures import MEASURES
from llm_envs.simulators.booking.user import BookingUser
from llm_envs.simulators.booking.venues import Database, make_database

_GOALS = {"train": 4000, "validation": 400, "test": 400}


@lru_cache(maxsize=1)
def _corpus() -> Corpus:
    """Returns goals by split, over the database of the split. No two goals are equal."""
    splits: dict[str, list[Example]] = {}
    seen: set[str] = set()
    for split in SPLITS:
        database = make_database(split)
        rng = np.random.default_rng(zlib.crc32(f"booking goals {split}".encode()))
        chosen: list[Example] = []
        while len(chosen) < _GOALS[split]:
            goal = sample_goal(rng, database)
            source = describe_goal(goal)
            if source not in seen:
                seen.add(source)
                chosen.append(Example(source, (), {"goal": goal.to_dict()}))
        splits[split] = chosen
    return Corpus.from_examples(
        "booking",
        "en",
        splits,
        license="CC0-1.0",
        description="goals of users who look for a venue, ask about it and book it",
    )


@lru_cache(maxsize=len(SPLITS))
def _database(split: str) -> Database:
    return make_database(split)


class Booking(Task):
    """An agenda-based user (Schatzmann et al. 2007) over a database of venues."""

    kind = "dialogue"
    roles = True
    max_turns = 14
    has_expert = True
    default_dataset = "booking"
    default_max_prompt_tokens: ClassVar[int] = 32
    default_max_new_tokens: ClassVar[int] = 32
    measures: ClassVar[Sequence[str]] = MEASURES
    _context_length: ClassVar[int] = 384

    def default_reward(self) -> Any:
        """Returns the progress towards success, times the share of the 200 tokens that were not used."""
        progress = {"id": "task_success", "key": "progress"}
        return {"id": "product", "rewards": [progress, {"id": "brevity", "limit": 200}]}

    def default_tokenizer(self) -> str | dict[str, Any]:
        """Returns words.

        The venues of all splits are named from the same words, so words need no spelling.
        """
        return {"id": "word", "spell": False}

    def default_metrics(self) -> list[Any]:
        """Returns diversity.

        Success, inform and request are measures of the task, which are always recorded.
        """
        return ["distinct"]

    def load(self, dataset: str, columns: Mapping[str, str | list[str]] | None) -> Corpus:
        """Returns the only corpus of this task."""
        if dataset != "booking":
            raise ValueError(f"Dialogue-v0 has one data set, 'booking'; got dataset={short(dataset)}")
        if columns is not None:
            raise ValueError(f"Dialogue-v0 has no columns to choose; got columns={short(columns)}")
        return _corpus()

    @property
    def context_length(self) -> int:
        """Width of the observation."""
        return max(self._context_length, self.max_prompt_tokens + self.max_new_tokens)

    def vocabulary_texts(self) -> Iterable[str]:
        """Yields all turns of the expert's dialogues."""
        return (text for dialogue in dialogues() for _, text in dialogue)

    def train_texts(self) -> Sequence[str]:
        """Returns the agent's turns in the expert's dialogues."""
        return agent_turns()

    def expert(self, rng: np.random.Generator) -> Speaker:
        """Returns the rule-based expert. It does not see the goal."""
        expert = BookingExpert(rng)
        expert.reset()
        return expert.act

    def conversation(self, example: Example, rng: np.random.Generator) -> Conversation:
        """Returns a user with the example's goal."""
        return BookingUser(
            Goal.from_dict(example.metadata["goal"]),
            _database(self.split),
            rng,
            fluency=fluency,
            fluency_floor=fluency_floor(),
        )


class DialogueEnv(TokenEnv):
    """Dialogue-v0: find a venue for a user, answer what they ask, book it. One action is one token.

    Observation: `Box(-1, V-1, (384,), int32)`: the dialogue so far, each turn after the marker of its
    speaker; -1 where there is no token.

    Action: `Discrete(V)`: the next token of the agent's turn. After the end token the user answers. If the
    turn is a query ("query : type restaurant , area north"), the database answers: its rows come back as
    environment tokens.

    Reward: at the end, the user's `progress` times the share of 200 tokens that the agent did not use, both
    0 to 1. Progress gives credit for asking what was open, querying what was wanted, offering what fits,
    answering and booking. It subtracts what the dialogue cost in patience. It is 1 exactly at success. Tokens
    cost because imitating the expert nearly reaches the top of progress, which could then not rank agents.
    `reward={"id": "task_success", "key": "progress"}` is progress alone. `metrics` hold MultiWOZ's inform
    and success (Budzianowski et al. 2018).

    Terminated: when the user leaves, satisfied or out of patience; after 14 turns of the agent; when the next
    turn would not fit. A turn ends after `max_new_tokens`. Truncated: never.

    Info: `example` and `source` (the goal, for people to read) at reset, `outcome` at the end.

    Arguments: those of TokenEnv. The only `dataset` is "booking". The test split has other venues than the
    train split.

    Version history: v0, first release.
    """

    task_class = Booking


class DialogueVectorEnv(TokenVectorEnv):
    """Many DialogueEnv that step together."""

    task_class = Booking
