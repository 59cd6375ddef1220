"""Trains SmolLM2-135M on openings with TRL's RLOOTrainer: the comparison of docs/results/pretrained.md.

    pip install trl
    llm-envs fetch smollm2-135m
    python benchmarks/trl_rloo.py --seed 1 --completions 1280 --out runs/trl-1
    llm-envs evaluate --env TextGen-v0 --agent lm_sample --set model=runs/trl-1 --set top_k=50 --seed 1 ...

Prompts, reward, LoRA, temperature and texts a step are those of suites/pretrained.toml. The model that is
written has its adapter merged, so that `lm_sample` evaluates it as any other.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch

from llm_baselines.lm.adapters import TARGET_MODULES
from llm_baselines.lm.precision import DTYPES, choose_dtype
from llm_envs import Episode
from llm_envs.assets import resolve_model

MODEL = "smollm2-135m"
ENVIRONMENT = {
    "dataset": "openings",
    "tokenizer": {"id": f"hf:{MODEL}", "separator": "", "bos": False},
    "max_prompt_tokens": 16,
    "max_new_tokens": 20,
}


def train(
    seed: int, completions: int, learning_rate: float, beta: float, out: Path, scratch: Path
) -> dict[str, Any]:
    """Trains for a number of completions and writes the merged model to `out`.

    The trainer itself writes to `scratch`.

    Returns:
        What it took: completions, steps and seconds.
    """
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import RLOOConfig, RLOOTrainer

    folder = resolve_model(MODEL, causal=True)
    dtype = DTYPES[choose_dtype("auto", torch.device("cpu"))]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    task = gym.make("llm_envs:TextGen-v0", **ENVIRONMENT).unwrapped.task  # type: ignore[attr-defined]
    prompts = [{"prompt": one.source, "example": index} for index, one in enumerate(task.examples)]

    def score(completion_ids: list[list[int]], example: list[int], **_: Any) -> list[float]:
        episodes = (
            Episode(task.examples[index], task.tokenizer.decode(tuple(ids)), tuple(ids), "length")
            for ids, index in zip(completion_ids, example, strict=True)
        )
        return [float(task.reward(episode)) for episode in episodes]

    steps = completions // 32
    trainer = RLOOTrainer(
        model=model,
        reward_funcs=score,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(prompts),
        peft_config=LoraConfig(
            r=16, lora_alpha=32, target_modules=list(TARGET_MODULES["llama"]), task_type="CAUSAL_LM"
        ),
        args=RLOOConfig(
            output_dir=str(scratch),
            per_device_train_batch_size=32,
            num_generations=4,
            max_completion_length=ENVIRONMENT["max_new_tokens"],
            temperature=1.0,
            top_k=50,
            learning_rate=learning_rate,
            beta=beta,
            max_steps=steps,
            seed=seed,
            bf16=False,
            gradient_checkpointing=False,
            use_cpu=not torch.cuda.is_available(),
            report_to=[],
            save_strategy="no",
            logging_steps=10,
        ),
    )
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    merged = trainer.model.merge_and_unload()
    merged.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return {"completions": steps * 32, "steps": steps, "seconds": round(seconds, 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--completions", type=int, default=1280)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--beta", type=float, default=0.05)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        took = train(given.seed, given.completions, given.learning_rate, given.beta, given.out, Path(scratch))
    (given.out / "trl.json").write_text(json.dumps({**vars(given), **took, "out": str(given.out)}, indent=1))
    print(took)
