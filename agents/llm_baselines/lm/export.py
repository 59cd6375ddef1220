"""Exports a trained language model as a plain transformers checkpoint with tokenizer and model card."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

import gymnasium as gym
from gymnasium.vector import VectorEnv

from llm_baselines.agent import TrainingReport
from llm_baselines.spec import RunSpec
from llm_baselines.storage.exchange import replace_folder
from llm_envs.assets import resolve_model
from llm_envs.envs.task import Task
from llm_envs.evaluation import EvaluationResult
from llm_envs.foreign import load_pretrained
from llm_envs.lm.model import LanguageModel
from llm_envs.tokenizers import Tokenizer

_CARD = """---
{metadata}
---

# {name}

{base} trained with {agent} of llm-envs on `{env}`, one action being one token: {steps:,} environment
steps, {updates:,} updates{adapter}.

```python
from transformers import AutoModelForCausalLM{tokenizer_import}

model = AutoModelForCausalLM.from_pretrained("{folder}"){tokenizer_line}
```

A prompt is the tokens {prompt}; the text ends with one of the tokens {ends}.

## Evaluation

{evaluation}

## Environment

```json
{settings}
```
"""


class ExportOptions(Protocol):
    """The options that the model card shows."""

    @property
    def lora_rank(self) -> int:
        """Rank of the adapter."""
        ...

    @property
    def n_eval_episodes(self) -> int:
        """Episodes of an evaluation on validation."""
        ...


class ExportedAgent(Protocol):
    """A trained agent whose policy is a language model."""

    name: ClassVar[str]
    env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any]
    vocabulary_size: int
    num_timesteps: int
    report: TrainingReport

    @property
    def config(self) -> ExportOptions:
        """The whole configuration."""
        ...

    @property
    def task(self) -> Task | None:
        """The environment's task; None if the environment is not one of ours."""
        ...

    @property
    def adapted(self) -> bool:
        """Whether an adapter is trained beside a frozen base."""
        ...

    def acting_model(self) -> LanguageModel:
        """Returns the language model that acts, with an adapter merged."""
        ...

    def training_spec(self, total_timesteps: int) -> RunSpec:
        """Returns the description of its training of `total_timesteps` environment steps."""
        ...


def export_model(
    agent: ExportedAgent, folder: Path, *, evaluation: EvaluationResult | None = None, split: str = "test"
) -> None:
    """Writes a transformers checkpoint that can be used without this package.

    Args:
        agent: The agent.
        folder: A new or empty folder.
        evaluation: The results on the card. By default they are those on validation during training: of the
            kept weights, or else of the last evaluation.
        split: The split of `evaluation`.

    Raises:
        ValueError: The folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"'{folder}' is not empty; export into a new folder")
    if folder.exists():
        folder.rmdir()
    model = agent.acting_model().model
    tokenizer = None if agent.task is None else agent.task.tokenizer
    ends = [] if tokenizer is None else [int(i) for i in tokenizer.end_token_ids]

    def write(place: Path) -> None:
        kept = model.generation_config
        model.generation_config = _generation(kept, ends, agent.vocabulary_size, model)
        try:
            model.save_pretrained(place)
        finally:
            model.generation_config = kept
        files = _save_tokenizer(tokenizer, place)
        card = _card(agent, folder, ends, files, evaluation, split)
        (place / "README.md").write_text(card, encoding="utf-8")

    replace_folder(folder, write)


def _generation(config: Any, ends: list[int], vocabulary_size: int, model: Any) -> Any:
    """Returns a generation config with the environment's end tokens, without the head's padding tokens."""
    config = copy.deepcopy(config)
    if ends:
        config.eos_token_id = ends
        config.pad_token_id = ends[0]
    width = model.get_output_embeddings().weight.shape[0]
    if width > vocabulary_size:
        config.suppress_tokens = list(range(vocabulary_size, width))
    if not config.do_sample:  # transformers refuses to save sampling values that have no effect
        config.temperature = config.top_p = config.top_k = config.min_p = config.typical_p = None
    return config


def _save_tokenizer(tokenizer: Tokenizer | None, place: Path) -> bool:
    """Writes a Hugging Face tokenizer and returns True.

    For another tokenizer it writes the list of tokens by id, and returns False.
    """
    if tokenizer is None:
        return False
    spec = tokenizer.spec if isinstance(tokenizer.spec, str) else str(tokenizer.spec.get("id", ""))
    kind, _, name = spec.partition(":")
    if kind != "hf":
        tokens = [tokenizer.token(i) for i in range(tokenizer.vocabulary_size)]
        (place / "vocabulary.json").write_text(
            json.dumps(tokens, indent=0, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        return False
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    source = resolve_model(name)
    if Path(source).is_file():
        loaded: Any = PreTrainedTokenizerFast(tokenizer_file=source)
    else:
        loaded = load_pretrained(AutoTokenizer, source)
    loaded.save_pretrained(place)
    return True


def _card(
    agent: ExportedAgent,
    folder: Path,
    ends: list[int],
    files: bool,
    evaluation: EvaluationResult | None,
    split: str,
) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    spec = agent.training_spec(agent.num_timesteps)
    env = spec.environment.id or type(agent.env.unwrapped).__name__
    if evaluation is not None:
        scores = {"mean_reward": evaluation.mean_reward, **evaluation.metrics}
        played = f"{len(evaluation.rows)} episodes of the {split} split, seed {evaluation.seed}, " + (
            "greedy" if evaluation.deterministic else "sampled"
        )
    else:
        row = _row_of_the_weights(agent)
        scores = {k.removeprefix("eval/"): v for k, v in row.items() if k.startswith("eval/")}
        split, episodes = "validation", agent.config.n_eval_episodes
        played = f"{episodes} episodes of the validation split, in the reward of the environment trained in"
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Text generation",
            dataset_type=f"llm-envs/{env}",
            dataset_name=env,
            dataset_split=split,
            metric_type=name,
            metric_value=round(float(value), 6),
        )
        for name, value in scores.items()
    ]
    model = spec.agent.config["model"]
    base = model if isinstance(model, str) else "A fresh model"
    name = f"{Path(base).name}-{agent.name}-{env}"
    metadata = ModelCardData(
        model_name=name,
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=base if "/" in base and not Path(base).exists() else None,
        tags=["reinforcement-learning", "llm-envs", agent.name],
        eval_results=results or None,
    )
    table = [f"| {name} | {value:.4f} |" for name, value in scores.items()]
    evaluated = [f"{played}.", "", "| metric | value |", "| --- | --- |", *table]
    return _CARD.format(
        metadata=metadata.to_yaml().strip(),
        name=name,
        base=f"`{Path(base).name}`",
        agent=f"`{agent.name}`",
        env=env,
        steps=agent.num_timesteps,
        updates=agent.report.gradient_steps,
        adapter=f", with LoRA of rank {agent.config.lora_rank}, merged" if agent.adapted else "",
        folder=folder.name,
        tokenizer_import=", AutoTokenizer" if files else "",
        tokenizer_line=f'\ntokenizer = AutoTokenizer.from_pretrained("{folder.name}")' if files else "",
        prompt="that the environment shows" if agent.task is None else f"`{_prompt(agent.task)}`",
        ends=ends or "of the environment's choice",
        evaluation="\n".join(evaluated) if scores else "Not evaluated yet.",
        settings=json.dumps(spec.environment.kwargs, indent=1, ensure_ascii=False),
    )


def _row_of_the_weights(agent: ExportedAgent) -> Mapping[str, float]:
    """Returns the validation row of the kept weights, or else the last one."""
    curve: list[dict[str, float]] = [row for row in agent.report.curve if "eval/mean_reward" in row]
    kept = [row for row in curve if row["timesteps"] == agent.report.kept_timesteps]
    return (kept or curve or [{}])[-1]


def _prompt(task: Task) -> str:
    """Describes the task's prompt for a person."""
    if task.max_turns > 1:
        return "start, user's marker, user's words, agent's marker"
    markers = task.tokenizer.markers
    before, after = list(markers["start"]), list(markers["separator"])
    return " ".join([*map(str, before), "<source>", *map(str, after)])
