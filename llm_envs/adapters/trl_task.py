"""One of our environments as TRL's trainers take it: a data set of prompts, a reward function, limits."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec as find_module
from typing import Any

from llm_envs.adapters.dialogue_tool import DialogueTool
from llm_envs.adapters.prompts import head_width, load_processing_class, model_place, prompt_text
from llm_envs.adapters.rollout import play_dialogues
from llm_envs.adapters.texts import episode_of_tokens, make_env, tokens_of_text
from llm_envs.checks.extras import needs
from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.evaluation import episode_seed


def trl(env_id: str, *, examples: Sequence[int] | None = None, seed: int = 0, **arguments: Any) -> TrlTask:
    """Prepares an environment for TRL's GRPOTrainer and RLOOTrainer.

    The model reads the environment's prompt tokens, and a completion earns exactly the environment's reward.
    Both are checked: a prompt that the model's tokenizer reads otherwise is an error.

    Args:
        env_id: A registered id. "module:Id-v0" imports the module first.
        examples: Indices of the examples to train on. None takes the whole split.
        seed: Decides the user's behaviour in dialogues: one seed for each example.
        **arguments: Arguments of the environment. `tokenizer` must be the model's: "hf:NAME_OR_FOLDER" or a
            mapping with options. `split` is "train" by default.

    Returns:
        What the trainer takes, by the trainer's names; see TrlTask.

    Raises:
        ValueError: The tokenizer is no model's, or reads a prompt as other tokens.
        MissingExtra: transformers is not installed (`pip install 'llm-envs[trl]'`).
    """
    with needs("trl", "llm_envs.adapters.trl"):
        import transformers  # noqa: F401

        env = make_env(env_id, arguments, "TRL")
    return TrlTask(env, tuple(range(len(env.task.examples)) if examples is None else examples), seed)


@dataclass(frozen=True, eq=False)
class TrlTask:
    """An environment in the trainer's terms. Every attribute has the name of the argument it is for.

    Attributes:
        env: The environment. Its arguments are those to evaluate the trained model with.
        examples: The examples to train on, by index.
        seed: Decides the user's behaviour in dialogues.
        model: Folder or hub name of the model whose tokenizer the environment has.
        processing_class: The model's transformers tokenizer.
    """

    env: TokenEnv
    examples: tuple[int, ...]
    seed: int = 0
    model: str = field(init=False)
    processing_class: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        place = model_place(self.task.tokenizer, "TRL")
        object.__setattr__(self, "model", place)
        processing = load_processing_class(self.task.tokenizer, place)  # type: ignore[arg-type]
        object.__setattr__(self, "processing_class", processing)

    @property
    def task(self) -> Task:
        """The environment's task: examples, tokenizer, reward."""
        return self.env.task

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the data set: `prompt` and `example`, in dialogues also `seed`."""
        return [self._row(index) for index in self.examples]

    @property
    def train_dataset(self) -> Any:
        """The rows as a `datasets.Dataset`, or as a list where datasets is not installed."""
        if find_module("datasets") is None:
            return self.rows
        from datasets import Dataset

        return Dataset.from_list(self.rows)

    @property
    def config(self) -> dict[str, Any]:
        """Arguments for GRPOConfig and RLOOConfig that the environment decides.

        A model whose head is wider than its tokenizer must not write the tokens that are not there.
        """
        task = self.task
        longest = task.max_new_tokens if task.max_turns == 1 else task.context_length - task.max_prompt_tokens
        beyond = list(range(task.vocabulary_size, head_width(self.model) or 0))
        return {
            "max_completion_length": longest,
            **({"generation_kwargs": {"suppress_tokens": beyond}} if beyond else {}),
        }

    @property
    def reward_funcs(self) -> Callable[..., list[float]]:
        """The reward function, see `score`."""
        return self.score

    @property
    def rollout_func(self) -> Callable[[list[Any], Any], dict[str, Any]] | None:
        """For dialogues, GRPOTrainer's `rollout_func`: the model talks to the user. None for one turn.

        The user's tokens are masked out of the loss. Pass `reward_funcs` with it.
        """
        return None if self.task.max_turns == 1 else self._roll_out

    @property
    def environment_factory(self) -> Callable[[], DialogueTool] | None:
        """For dialogues, GRPOTrainer's `environment_factory`: a tool to talk with. None for one turn.

        It needs a chat template with tools. The tokens differ from the environment's, because every turn is
        wrapped in a tool call; the dialogue and its reward are the same. It has its own reward, so pass it
        without `reward_funcs`.
        """
        if self.task.max_turns == 1:
            return None
        return lambda: DialogueTool(type(self.env)(**self.env.arguments))

    def score(
        self,
        completions: Sequence[Any] = (),
        completion_ids: Sequence[Sequence[int]] | None = None,
        example: Sequence[int] = (),
        dialogue_reward: Sequence[float] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float]:
        """Returns the environment's reward of each completion, as TRL's reward functions do.

        Args:
            completions: Texts, or lists with one message. They are read only without `completion_ids`.
            completion_ids: The tokens of each completion, as the trainer generated them.
            example: The example of each completion, a column of the data set.
            dialogue_reward: The rewards of dialogues, which `rollout_func` reports.
            log_metric: The trainer's; it gets the mean of each reward component.
            **columns: The other columns, and what else the trainer passes.

        Raises:
            ValueError: The completions are of another tokenizer, or of dialogues that were not played.
        """
        if self.task.max_turns > 1:
            if dialogue_reward is None:
                raise ValueError(
                    "a completion holds no dialogue with this environment's user: pass GRPOTrainer the "
                    "task's rollout_func, or its environment_factory without reward_funcs"
                )
            return [float(reward) for reward in dialogue_reward]
        if completion_ids is None:
            completion_ids = [tokens_of_text(self.task, _text(one)) for one in completions]
        if len(example) != len(completion_ids):
            raise ValueError(
                f"there are {len(completion_ids)} completions and {len(example)} values of the column "
                "'example', which says what a completion answers: train on the task's train_dataset"
            )
        episodes = [
            episode_of_tokens(self.task, int(index), ids)
            for index, ids in zip(example, completion_ids, strict=True)
        ]
        outcomes = self.task.score(episodes) if episodes else []
        if log_metric is not None and outcomes:
            for name, mean in _means([outcome.reward_components for outcome in outcomes]).items():
                log_metric(f"reward_components/{name}", mean)
        return [float(outcome.reward) for outcome in outcomes]

    def _row(self, index: int) -> dict[str, Any]:
        what = f"example {index} of {self.task.split!r}"
        if self.task.max_turns == 1:
            _, observation = self.task.start(index)
            ids = observation[observation >= 0].tolist()
            return {"prompt": prompt_text(self.processing_class, ids, what), "example": index}
        seed = episode_seed(self.seed, index)
        self.env.reset(seed=seed, options={"example": index})
        opening = self.env.episode.turns[0].text
        place = {"example": index, "seed": seed}
        return {"prompt": [{"role": "user", "content": opening, **place}], **place}

    def _roll_out(self, prompts: list[Any], trainer: Any) -> dict[str, Any]:
        return play_dialogues(self.env, prompts, trainer)


def _text(completion: Any) -> str:
    if isinstance(completion, str):
        return completion
    return str(completion[-1]["content"])


def _means(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.fmean(table[name] for table in tables) for name in tables[0]}
