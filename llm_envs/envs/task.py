"""Task: everything an environment knows except how to step - examples, prompts, limits, scoring."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import cycle, islice
from typing import Any, ClassVar, Protocol

import numpy as np

from llm_envs.checks.arguments import short
from llm_envs.checks.types import as_index
from llm_envs.data import Corpus, load_corpus
from llm_envs.data.files.stamps import Stamp, path_stamp
from llm_envs.data.files.tables import LazyExamples
from llm_envs.envs.reward_timing import RewardTiming
from llm_envs.episode import Episode, Example, Turn
from llm_envs.foreign import shown
from llm_envs.rewards import RewardContext, RewardSet, make_reward
from llm_envs.tokenizers import Tokenizer, labelled, make_tokenizer

SPLITS = ("train", "validation", "test")
MAX_TOKENS = 2**20
"""The most that max_prompt_tokens and max_new_tokens may be."""
_CHECKED_PROMPTS = 20_000  # data sets up to this size have every prompt's length checked at make
_CHECKED_OPENINGS = 4_000  # so many openings of dialogues at least: one in 200 is of the longest


Speaker = Callable[[str, str], str]
"""(who spoke, "user" or "database"; what they said) -> the agent's next turn in a dialogue."""


class Reply(Protocol):
    """What the other side of a dialogue answers to one turn of the agent."""

    @property
    def speaker(self) -> str:
        """Who answers: "user" or "database"."""
        ...

    @property
    def text(self) -> str:
        """The answer."""
        ...

    @property
    def done(self) -> bool:
        """Whether the dialogue is over."""
        ...


class Conversation(Protocol):
    """The other side of one dialogue. It holds its own random generator, drawn from the environment's."""

    def open(self) -> str:
        """The first turn."""
        ...

    def reply(self, text: str) -> Reply:
        """Answers a turn of the agent."""
        ...

    def measures(self) -> dict[str, float]:
        """What has been achieved so far, by name."""
        ...


class Task:
    """What an environment is about. Immutable, so environments made alike in one process share it.

    Subclasses name defaults and, for dialogues, the other side; none of them steps.

    Args:
        dataset: A bundled corpus, "file:PATH", "hub:NAME[:CONFIG]", or None for the task's own.
        columns: Which columns of a file or hub data set hold what.
        split: "train", "validation" or "test".
        tokenizer: "word", "word:N", "byte", "hf:NAME_OR_PATH", a mapping, a Tokenizer, or None.
        reward: What is trained on: see `llm_envs.make_reward`; "default" is the task's own.
        metrics: What is only recorded: reward specs, or "default" for the task's own, which may stand in the
            list as well. One that has a `score_corpus` is computed once over a whole evaluation.
        reward_timing: See RewardTiming.
        max_prompt_tokens: Width of the prompt part of the observation.
        max_new_tokens: Token budget of the agent, per turn.
        long_prompt: What happens to a longer prompt: "error", or "truncate" (its last tokens are kept).

    Raises:
        ValueError: An argument is unknown or does not fit the others.
    """

    kind: ClassVar[str]
    roles: ClassVar[bool] = False
    max_turns: int = 1
    has_expert: ClassVar[bool] = False
    default_dataset: ClassVar[str]
    default_max_prompt_tokens: ClassVar[int] = 32
    default_max_new_tokens: ClassVar[int] = 32
    #: What conversations measure; None where that is not known before they are held.
    measures: ClassVar[Sequence[str] | None] = None

    def __init__(
        self,
        *,
        dataset: str | None = None,
        columns: Mapping[str, str | list[str]] | None = None,
        split: str = "train",
        tokenizer: str | Mapping[str, Any] | Tokenizer | None = None,
        reward: Any = "default",
        metrics: str | Sequence[Any] = (),
        reward_timing: str | Mapping[str, Any] = "terminal",
        max_prompt_tokens: int | None = None,
        max_new_tokens: int | None = None,
        long_prompt: str = "error",
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"unknown split={split!r}; there are {', '.join(map(repr, SPLITS))}")
        if long_prompt not in ("error", "truncate"):
            raise ValueError(f"unknown long_prompt={long_prompt!r}; there are 'error' and 'truncate'")
        self.corpus = self.load(self.default_dataset if dataset is None else dataset, columns)
        self.split = split
        self.examples: Sequence[Example] = self.corpus.split(split)
        self.tokenizer = self._make_tokenizer(self.default_tokenizer() if tokenizer is None else tokenizer)
        self.vocabulary_size = self.tokenizer.vocabulary_size
        wanted = self.default_max_prompt_tokens if max_prompt_tokens is None else max_prompt_tokens
        self.max_prompt_tokens = at_least_one("max_prompt_tokens", wanted)
        wanted = self.default_max_new_tokens if max_new_tokens is None else max_new_tokens
        self.max_new_tokens = at_least_one("max_new_tokens", wanted)
        self.long_prompt = long_prompt
        self.timing = RewardTiming(reward_timing)
        self.reward_timing = reward_timing
        self._context = RewardContext(
            train_texts=self.train_texts,
            language=self.corpus.language,
            has_references=self.has_references,
            max_new_tokens=self.max_new_tokens,
            measures=self.measures if self.max_turns > 1 else (),
        )
        self.reward: RewardSet = self.make_reward(reward)
        specs = self.default_metrics() if metrics == "default" else metrics
        if isinstance(specs, str | Mapping):
            raise ValueError(f"metrics={metrics!r}: give a list of reward specs, or 'default'")
        named: list[Any] = []
        for spec in specs:
            if isinstance(spec, str) and spec == "default":
                named += [{"id": own} if isinstance(own, str) else own for own in self.default_metrics()]
            else:
                named.append({"id": spec} if isinstance(spec, str) else spec)
        made = make_reward(named, self._context) if named else None
        self.metrics: RewardSet | None
        self.corpus_metrics: RewardSet | None
        self.metrics, self.corpus_metrics = (None, None) if made is None else made.by_level()
        self.is_end = np.zeros(self.vocabulary_size, dtype=bool)
        self.is_end[list(self.tokenizer.end_token_ids)] = True
        self._starts: dict[int, tuple[Example, np.ndarray]] = {}
        self._check_prompts()

    def make_reward(self, spec: Any) -> RewardSet:
        """A reward for this task's texts; "default" is the task's own."""
        return make_reward(
            self.default_reward() if isinstance(spec, str) and spec == "default" else spec, self._context
        )

    # What subclasses say.

    def default_reward(self) -> Any:
        """The reward spec behind reward="default"."""
        raise NotImplementedError

    def default_tokenizer(self) -> str | dict[str, Any]:
        """The tokenizer spec where none is given."""
        return "word"

    def default_metrics(self) -> Sequence[Any]:
        """The metric specs behind metrics="default"."""
        return ()

    def load(self, dataset: str, columns: Mapping[str, str | list[str]] | None) -> Corpus:
        """Loads the corpus."""
        return load_corpus(dataset, columns=columns)

    def vocabulary_texts(self) -> Iterable[str]:
        """Texts of the train split that a word vocabulary is taken from."""
        for example in self.corpus.split("train"):
            yield example.source
            yield from example.references

    def train_texts(self) -> Sequence[str]:
        """Texts an agent would write on the train split; what fluency and novelty are fitted on."""
        return self.corpus.train_texts()

    def conversation(self, example: Example, rng: np.random.Generator) -> Conversation:
        """The other side of a dialogue about this example, where `max_turns` is more than 1."""
        raise NotImplementedError

    def expert(self, rng: np.random.Generator) -> Speaker:
        """Who plays the agent's side of one dialogue well, where `has_expert`.

        It is what demonstrations imitate, and the upper anchor of scores.
        """
        raise NotImplementedError

    def prompt_tokens(self, example: Example) -> list[int]:
        """Token ids of a one-turn prompt: start, source, separator."""
        markers = self.tokenizer.markers
        before = markers.get("opening", markers["start"])
        return [*before, *self.tokenizer.encode(example.source), *markers["separator"]]

    # What environments ask.

    @cached_property
    def has_references(self) -> bool:
        """Whether every example of the split has a reference."""
        if isinstance(self.examples, LazyExamples):  # rows of files have them all or none, checked on reading
            return bool(self.examples[0].references)
        return all(example.references for example in self.examples)

    @property
    def context_length(self) -> int:
        """Width of the observation."""
        return self.max_prompt_tokens + self.max_new_tokens

    def start(self, index: int) -> tuple[Example, np.ndarray]:
        """A one-turn example and its prompt as the first columns of an observation.

        Returns:
            The example, and int32 (context_length,), left-padded to `max_prompt_tokens`, -1 where there is
            no token; not to be written to.

        Raises:
            ValueError: The prompt is longer than `max_prompt_tokens` and long_prompt is "error", or it
                is empty.
        """
        start = self._starts.get(index)
        if start is None:
            example = self.examples[index]
            ids = self.prompt_tokens(example)
            if not ids:
                raise self._no_tokens(index)
            row = self.row(ids, f"example {index} of {self.split!r}")
            start = example, row
            if len(self._starts) < _CHECKED_PROMPTS:
                self._starts[index] = start
        return start

    def row(self, ids: Sequence[int], what: str) -> np.ndarray:
        """An observation that holds only a prompt; `what` names it in the error of one that does not fit."""
        width = self.max_prompt_tokens
        if not ids:
            raise ValueError(
                f"the prompt of {what} has no token; take a tokenizer that has markers or knows its words"
            )
        if len(ids) > width:
            if self.long_prompt == "error":
                raise ValueError(
                    f"the prompt of {what} has {len(ids)} tokens and max_prompt_tokens={width}; pass "
                    f"max_prompt_tokens={len(ids)} or more, or long_prompt='truncate' to keep the last ones"
                )
            ids = ids[len(ids) - width :]
        row = np.full(self.context_length, -1, dtype=np.int32)
        row[width - len(ids) : width] = ids
        return row

    def opening_tokens(self, turn: Turn) -> list[int]:
        """Token ids of a dialogue's first turn, a user's, and of everything around it."""
        markers = self.tokenizer.markers
        if "opening" in markers:  # of a chat template
            return [*markers["opening"], *self.tokenizer.encode(turn.text), *markers["agent"]]
        return [*markers["start"], *self.turn_tokens(turn)]

    def turn_tokens(self, turn: Turn) -> list[int]:
        """Token ids of an environment turn and of the marker that hands the word to the agent."""
        markers = self.tokenizer.markers
        return [*markers[turn.speaker], *self.tokenizer.encode(turn.text), *markers["agent"]]

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, dict[str, Any]]]:
        """Scores finished episodes, in one batch where a reward can.

        Returns:
            For each episode its reward and its `outcome`, as it stands in info.
        """
        if len(episodes) == 1:
            reward, parts = self.reward.score(episodes[0])
            totals, components = [reward], [parts]
        else:
            totals, components = self.reward.score_batch(episodes)
        metrics: Sequence[dict[str, float]] = [{}] * len(episodes)
        if self.metrics is not None:
            metrics = self.metrics.score_batch(episodes)[1]
        return [
            (
                total,
                {
                    "source": episode.example.source,
                    "references": episode.example.references,
                    "text": episode.text,
                    "action_ids": episode.action_ids,
                    "reward": total,
                    "reward_components": parts,
                    "metrics": {**episode.measures, **measured},
                    "finish_reason": episode.finish_reason,
                },
            )
            for episode, total, parts, measured in zip(episodes, totals, components, metrics, strict=True)
        ]

    def describe(self) -> dict[str, Any]:
        """What identifies this task in a record: data, tokenizer, rewards, limits. JSON-able."""
        return {
            "task": self.kind,
            "dataset": self.corpus.label,
            "split": self.split,
            "dataset_hash": self.corpus.content_hash,
            "dataset_sizes": dict(self.corpus.sizes),
            "language": self.corpus.language,
            "tokenizer": labelled(self.tokenizer),
            "tokenizer_hash": self.tokenizer.content_hash,
            "vocabulary_size": self.vocabulary_size,
            "reward_spec": self.reward.to_spec(),
            "reward_signature": self.reward.signature,
            "metrics_signature": self.metrics.signature if self.metrics is not None else None,
            "corpus_metrics_signature": self.corpus_metrics.signature if self.corpus_metrics else None,
            "reward_timing": self.reward_timing,
            "max_prompt_tokens": self.max_prompt_tokens,
            "max_new_tokens": self.max_new_tokens,
            "max_turns": self.max_turns,
            "context_length": self.context_length,
        }

    @cached_property
    def signature(self) -> str:
        """One line that differs where data, tokenizer, reward or limits do: what makes scores incomparable.

        It says nothing of the split, which `describe` does. Of a reward that is given as a function it knows
        the name and the defaults alone, so that two lambdas look alike.
        """
        described = self.describe()
        return (
            f"{self.kind}|data:{self.corpus.identity}:{self.corpus.content_hash[:12]}|tok:"
            f"{self.tokenizer.content_hash[:12]}|reward:{self.reward.signature}|prompt:{self.max_prompt_tokens}"
            f"|new:{self.max_new_tokens}|turns:{described['max_turns']}|context:{self.context_length}|v1"
        )

    def _check_prompts(self) -> None:
        """Refuses prompts that do not fit before one is met in play; users of dialogues open at random."""
        if self.max_turns == 1 and len(self.examples) <= _CHECKED_PROMPTS:
            for index in range(len(self.examples)):
                self.start(index)
            return
        key = (type(self), self.corpus.content_hash, self.split, self.tokenizer.content_hash)
        if self.max_turns == 1:
            markers = self.tokenizer.markers
            if markers["separator"] or markers.get("opening", markers["start"]) or key in _never_empty:
                return
            for index, example in enumerate(self.examples):  # a prompt is the source's tokens alone
                if not self.prompt_tokens(example):
                    raise self._no_tokens(index)
            _never_empty.add(key)
            return
        if key not in _extreme_openings:
            rng = np.random.default_rng(0)  # its own: the environment's draws stay as they are
            drawn = islice(cycle(self.examples), max(len(self.examples), _CHECKED_OPENINGS))
            said = (self.conversation(example, rng).open() for example in drawn)
            openings = sorted((self.opening_tokens(Turn("user", text)) for text in said), key=len)
            _extreme_openings[key] = openings[0], openings[-1]
        for opening in _extreme_openings[key]:
            self.row(opening, f"a dialogue of {self.split!r}")

    def _no_tokens(self, index: int) -> ValueError:
        return ValueError(
            f"the prompt of example {index} of {self.split!r} has no token: its source "
            f"{shown(ascii(self.examples[index].source))} means nothing to tokenizer "
            f"{self.tokenizer.spec!r}. Leave the example out, or let the tokenizer begin or end prompts: "
            "'bos': true, or a 'separator' such as '\\n'"
        )

    def _make_tokenizer(self, spec: str | Mapping[str, Any] | Tokenizer) -> Tokenizer:
        if not isinstance(spec, str | Mapping):
            return make_tokenizer(spec)
        kind, _, place = (spec if isinstance(spec, str) else str(spec.get("id"))).partition(":")
        stamp = path_stamp(place) if kind == "hf" else ()
        try:
            told = json.dumps(spec, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise ValueError(f"tokenizer={short(spec)} must hold JSON values: {error}") from None
        key = (told, stamp, self.corpus.content_hash, type(self))
        if key not in _tokenizers:
            _tokenizers[key] = make_tokenizer(spec, self.vocabulary_texts, roles=self.roles)
        return _tokenizers[key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and type(self) is type(other) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash((type(self), self.split))


_tokenizers: dict[tuple[str, Stamp, str, type[Task]], Tokenizer] = {}
_never_empty: set[tuple[type[Task], str, str, str]] = set()
_extreme_openings: dict[tuple[type[Task], str, str, str], tuple[list[int], list[int]]] = {}


def at_least_one(name: str, value: Any, at_most: int = MAX_TOKENS) -> int:
    """A count as an int, whatever kind of integer it is.

    Raises:
        ValueError: It is no whole number of at least 1, or above what memory is asked for.
    """
    try:
        count = as_index(value)
    except TypeError:
        count = 0
    if count < 1:
        raise ValueError(f"{name}={value!r} must be a whole number of at least 1")
    if count > at_most:
        raise ValueError(f"{name}={short(value)} must be at most {at_most:,}")
    return count
