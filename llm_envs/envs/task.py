"""Task: examples, prompts, limits and scoring of an environment - everything but the step."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from llm_envs.checks.arguments import at_least_one, short
from llm_envs.data import SPLITS, Corpus, load_corpus
from llm_envs.data.files.scanning import LazyExamples
from llm_envs.data.files.stamps import Stamp, path_stamp
from llm_envs.envs.conversation import Conversation, Speaker
from llm_envs.envs.prompt_checks import check_prompts, no_prompt_tokens
from llm_envs.envs.reward_timing import RewardTiming
from llm_envs.episode import Episode, Example, Outcome, Turn
from llm_envs.rewards import RewardContext, RewardSet, make_reward
from llm_envs.tokenizers import Tokenizer, labelled, make_tokenizer

KEPT_PROMPTS = 20_000
"""The most prompts that a task keeps encoded."""
MAX_TOKENS = 2**20
"""The most that max_prompt_tokens and max_new_tokens may be."""


class Task:
    """What an environment is about. Tasks do not change, so equal environments in one process share one.

    Subclasses name defaults and, for dialogues, the other side. No task steps.

    Args:
        dataset: A bundled corpus, "file:PATH", "hub:NAME[:CONFIG]". None takes the task's default.
        columns: Which columns of a file or hub data set hold what.
        split: "train", "validation" or "test".
        tokenizer: "word", "word:N", "byte", "hf:NAME_OR_PATH", a mapping or a Tokenizer. None takes the
            task's default.
        reward: The training signal, see `llm_envs.make_reward`. "default" is the task's own.
        metrics: Scores that are only recorded: a list of reward specs, or "default" for the task's own.
            "default" may also be an item of the list. A metric with `score_corpus` is computed once per
            evaluation.
        reward_timing: See RewardTiming.
        max_prompt_tokens: Width of the prompt part of the observation.
        max_new_tokens: Token budget of the agent, per turn.
        long_prompt: What to do with a prompt that is too long: "error", or "truncate" to keep its last
            tokens.

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
            raise ValueError(f"unknown split={split!r}; the splits are {', '.join(map(repr, SPLITS))}")
        if long_prompt not in ("error", "truncate"):
            raise ValueError(f"unknown long_prompt={long_prompt!r}; it is 'error' or 'truncate'")
        self.corpus = self.load(self.default_dataset if dataset is None else dataset, columns)
        self.split = split
        self.examples: Sequence[Example] = self.corpus.split(split)
        self.tokenizer = self._make_tokenizer(self.default_tokenizer() if tokenizer is None else tokenizer)
        self.vocabulary_size = self.tokenizer.vocabulary_size
        wanted = self.default_max_prompt_tokens if max_prompt_tokens is None else max_prompt_tokens
        self.max_prompt_tokens = at_least_one("max_prompt_tokens", wanted, MAX_TOKENS)
        wanted = self.default_max_new_tokens if max_new_tokens is None else max_new_tokens
        self.max_new_tokens = at_least_one("max_new_tokens", wanted, MAX_TOKENS)
        self.long_prompt = long_prompt
        self.timing = RewardTiming(reward_timing)
        self.reward_timing = reward_timing
        self._context = RewardContext(
            train_texts=self.train_texts,
            language=self.corpus.language,
            has_references=self.has_references,
            max_new_tokens=self.max_new_tokens,
            measures=self.measures if self.max_turns > 1 else (),
            lists=_lists_of(self.examples),
        )
        self.reward: RewardSet = self.make_reward(reward)
        own = self.timing.potential is None
        self.potential = self.reward if own else self.make_reward(self.timing.potential)
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
        check_prompts(self)

    def make_reward(self, spec: Any) -> RewardSet:
        """Makes a reward for this task's texts; "default" is the task's own."""
        return make_reward(
            self.default_reward() if isinstance(spec, str) and spec == "default" else spec, self._context
        )

    # Subclasses override these.

    def default_reward(self) -> Any:
        """Returns the reward spec behind reward="default"."""
        raise NotImplementedError

    def default_tokenizer(self) -> str | dict[str, Any]:
        """Returns the tokenizer spec that is used if none is given."""
        return "word"

    def default_metrics(self) -> Sequence[Any]:
        """Returns the metric specs behind metrics="default"."""
        return ()

    def load(self, dataset: str, columns: Mapping[str, str | list[str]] | None) -> Corpus:
        """Loads the corpus."""
        return load_corpus(dataset, columns=columns)

    def vocabulary_texts(self) -> Iterable[str]:
        """Yields the texts of the train split that a word vocabulary is built from."""
        for example in self.corpus.split("train"):
            yield example.source
            yield from example.references

    def train_texts(self) -> Sequence[str]:
        """Returns the texts an agent would write on the train split.

        Fluency and novelty are fitted on them.
        """
        return self.corpus.train_texts()

    def conversation(self, example: Example, rng: np.random.Generator) -> Conversation:
        """Returns the other side of a dialogue about an example. Only tasks with `max_turns` > 1 have one."""
        raise NotImplementedError

    def expert(self, rng: np.random.Generator) -> Speaker:
        """Returns an expert that plays the agent's side of one dialogue.

        Only tasks with `has_expert` have one.

        Demonstrations imitate the expert, and its score is the upper anchor.
        """
        raise NotImplementedError

    def prompt_tokens(self, example: Example) -> list[int]:
        """Returns the token ids of a one-turn prompt: start, source, separator."""
        markers = self.tokenizer.markers
        before = markers.get("opening", markers["start"])
        return [*before, *self.tokenizer.encode(example.source), *markers["separator"]]

    # Environments call these.

    @cached_property
    def has_references(self) -> bool:
        """True if every example of the split has a reference."""
        if isinstance(self.examples, LazyExamples):  # in files all rows have references, or none
            return bool(self.examples[0].references)
        return all(example.references for example in self.examples)

    @property
    def context_length(self) -> int:
        """Width of the observation."""
        return self.max_prompt_tokens + self.max_new_tokens

    def start(self, index: int) -> tuple[Example, np.ndarray]:
        """Returns a one-turn example, and its prompt as the first observation.

        Returns:
            The example, and int32 (context_length,): left-padded to `max_prompt_tokens`, -1 where there is
            no token. Do not write to it.

        Raises:
            ValueError: The prompt is empty, or longer than `max_prompt_tokens` with long_prompt="error".
        """
        start = self._starts.get(index)
        if start is None:
            example = self.examples[index]
            ids = self.prompt_tokens(example)
            if not ids:
                raise no_prompt_tokens(self, index)
            row = self.row(ids, f"example {index} of {self.split!r}")
            start = example, row
            if len(self._starts) < KEPT_PROMPTS:
                self._starts[index] = start
        return start

    def row(self, ids: Sequence[int], what: str) -> np.ndarray:
        """Returns an observation that holds only a prompt.

        Args:
            ids: The tokens of the prompt.
            what: The prompt's name in errors.

        Raises:
            ValueError: The prompt is empty, or too long with long_prompt="error".
        """
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
        """Returns the token ids of a dialogue's first turn, the user's, with all markers around it."""
        markers = self.tokenizer.markers
        if "opening" in markers:  # of a chat template
            return [*markers["opening"], *self.tokenizer.encode(turn.text), *markers["agent"]]
        return [*markers["start"], *self.turn_tokens(turn)]

    def turn_tokens(self, turn: Turn) -> list[int]:
        """Returns the token ids of an environment turn, with the marker after which the agent writes."""
        markers = self.tokenizer.markers
        return [*markers[turn.speaker], *self.tokenizer.encode(turn.text), *markers["agent"]]

    def score(
        self,
        episodes: Sequence[Episode],
        known: Sequence[tuple[float, dict[str, float]] | None] | None = None,
    ) -> list[Outcome]:
        """Scores finished episodes, in one batch if a reward can.

        Args:
            episodes: The episodes.
            known: The score and the components of each, if they have been computed along the way; None for
                those that have not.

        Returns:
            The outcome of each episode. Its `reward` is the score.
        """
        if known is not None:
            pairs = [
                self.reward.score(episode) if pair is None else pair
                for pair, episode in zip(known, episodes, strict=True)
            ]
            totals, components = [total for total, _ in pairs], [values for _, values in pairs]
        elif len(episodes) == 1:
            reward, parts = self.reward.score(episodes[0])
            totals, components = [reward], [parts]
        else:
            totals, components = self.reward.score_batch(episodes)
        metrics: Sequence[dict[str, float]] = [{}] * len(episodes)
        if self.metrics is not None:
            metrics = self.metrics.score_batch(episodes)[1]
        return list(map(Outcome.of, episodes, totals, components, metrics))

    def describe(self) -> dict[str, Any]:
        """Returns what identifies this task in a record: data, tokenizer, rewards, limits. JSON-able."""
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
        """One line that tells tasks with different data, tokenizers, rewards or limits apart.

        Scores under different signatures cannot be compared. The split is left out; `describe` has it. Of a
        reward given as a function, only its name and its defaults are known. So two lambdas look alike.
        """
        described = self.describe()
        return (
            f"{self.kind}|data:{self.corpus.identity}:{self.corpus.content_hash[:12]}|tok:"
            f"{self.tokenizer.content_hash[:12]}|reward:{self.reward.signature}|prompt:{self.max_prompt_tokens}"
            f"|new:{self.max_new_tokens}|turns:{described['max_turns']}|context:{self.context_length}|v1"
        )

    def _make_tokenizer(self, spec: str | Mapping[str, Any] | Tokenizer) -> Tokenizer:
        if not isinstance(spec, str | Mapping):
            return make_tokenizer(spec)
        kind, _, place = (spec if isinstance(spec, str) else str(spec.get("id"))).partition(":")
        stamp = path_stamp(place) if kind == "hf" else ()
        try:
            spec_text = json.dumps(spec, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise ValueError(f"tokenizer={short(spec)} must hold JSON values: {error}") from None
        key = (spec_text, stamp, self.corpus.content_hash, type(self))
        if key not in _tokenizers:
            _tokenizers[key] = make_tokenizer(spec, self.vocabulary_texts, roles=self.roles)
        return _tokenizers[key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and type(self) is type(other) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash((type(self), self.split))


_tokenizers: dict[tuple[str, Stamp, str, type[Task]], Tokenizer] = {}


def _lists_of(examples: Sequence[Example]) -> Sequence[str]:
    """Returns the entries of the first example's metadata that hold lists."""
    metadata = examples[0].metadata if len(examples) else {}
    return sorted(key for key, value in metadata.items() if isinstance(value, list | tuple))
